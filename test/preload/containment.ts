/**
 * Makes functions of the source throw where one of their arguments names an object that is meant: `FAULTS` lists them as
 * `module#function=marker`, one a line, with the module's path below `src`. To be loaded before a program that runs from
 * source. The exports of a module are bindings that only the module itself can replace, so the replacement is added to its
 * text.
 */
import { registerHooks } from 'node:module';

interface Fault {
  readonly module: string;
  readonly function_: string;
  readonly marker: string;
}

const faults: readonly Fault[] = (process.env['FAULTS'] ?? '').split('\n').map((line) => {
  const [, module = '', function_ = '', marker = ''] = /^(.+)#(.+)=(.+)$/.exec(line) ?? [];
  return { module, function_, marker };
});

type Function_ = (...args: readonly unknown[]) => unknown;

/** What a module calls, in its added text. */
const NAME = '__faulty';
Object.assign(globalThis, {
  [NAME]:
    (original: Function_, marker: string): Function_ =>
    (...args) => {
      if (args.some((arg) => mentions(arg, marker))) throw new TypeError(`injected for ${marker}`);
      return original(...args);
    },
});

/** A store, a client or a log names nothing. */
function mentions(value: unknown, marker: string): boolean {
  try {
    return JSON.stringify(value)?.includes(marker) === true;
  } catch {
    return false;
  }
}

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const own = faults.filter(({ module }) => url.endsWith(`/src/${module}`));
    if (own.length === 0 || loaded.source === undefined || loaded.source === null) return loaded;
    const added = own.map(
      ({ function_, marker }) =>
        `\n${function_} = globalThis.${NAME}(${function_}, ${JSON.stringify(marker)});`,
    );
    return { ...loaded, source: `${loaded.source}${added.join('')}` };
  },
});
