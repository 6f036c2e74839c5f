/**
 * Makes functions of the source throw if one of their arguments contains a marker. `FAULTS` lists the functions as
 * `module#function=marker`, one per line, with the path of the module below `src`. Load it before a program that runs
 * from source. Only a module itself can replace its exports, so the replacement is appended to its source text.
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

/** The function that the appended source text calls. */
const NAME = '__faulty';
Object.assign(globalThis, {
  [NAME]:
    (original: Function_, marker: string): Function_ =>
    (...args) => {
      if (args.some((arg) => mentions(arg, marker))) throw new TypeError(`injected for ${marker}`);
      return original(...args);
    },
});

/** Stores, clients and logs are not searched. */
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
