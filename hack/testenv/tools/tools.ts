/**
 * The programs that tests and demos run. They are provided by environment variables, or built from pinned Go modules and
 * kept in a cache outside of this checkout.
 */
import { join } from 'node:path';
import { build } from './build.ts';
import { cacheDirectory, cached, cacheFile, isExecutable, provided } from './location.ts';
import { lock } from './lock.ts';
import { type Recipe, recipe, type ToolName } from './recipe.ts';
import { type Toolchain, usableToolchain } from './toolchain.ts';

export type { ToolName } from './recipe.ts';

/**
 * Finds programs, and builds those that are missing, one after another. It looks in this order: the file that the tool's
 * own variable names (`ICB_TOOL_TRIVY`, `ICB_TOOL_KUBE_APISERVER`, …), the cache in `ICB_CACHE` (default: `XDG_CACHE_HOME`,
 * then `~/.cache`). The programs of the machine are used only after `preferInstalled`.
 *
 * @param names - what is needed; nothing else is built
 * @param log - takes lines about progress, at least one every 30 s while something is built
 * @returns absolute paths
 * @throws Error when a variable names no program, when a build is necessary and no suitable Go is installed, or when a
 *   build fails
 */
export async function tools<const Name extends ToolName>(
  names: readonly Name[],
  log: (line: string) => void,
): Promise<Record<Name, string>> {
  const found = new Map<ToolName, string>();
  const missing: Recipe[] = [];
  for (const name of new Set(names)) {
    const file = await present(name);
    if (file === undefined) missing.push(await recipe(name));
    else found.set(name, file);
  }
  if (missing.length > 0) {
    const chain = await usableToolchain(missing);
    log(announcement(missing));
    for (const each of missing) found.set(each.name, await builtOnce(each, chain, log));
  }
  // Each name was either found or built.
  return Object.fromEntries(found) as Record<Name, string>;
}

/**
 * The program of a tool, if it need not be built.
 *
 * @throws Error when the tool's own variable names no program
 */
export async function present(name: ToolName): Promise<string | undefined> {
  return (await provided(name, process.env)) ?? (await cached(await recipe(name)));
}

/** The log line before the first build: what is built, how long that takes, and where the result goes. */
export function announcement(missing: readonly Recipe[]): string {
  const list = missing.map(({ name, version, seconds }) => `${name} ${version} (${duration(seconds)})`);
  const all = duration(missing.reduce((sum, { seconds }) => sum + seconds, 0));
  return (
    `building once into ${cacheDirectory(process.env)}: ${list.join(', ')}; ` +
    `this takes about ${all} on 2 cores, or less if Go has cached parts of it`
  );
}

async function builtOnce(each: Recipe, chain: Toolchain, log: (line: string) => void): Promise<string> {
  const output = cacheFile(each);
  await using _ = await lock(join(cacheDirectory(process.env), `${each.key}.lock`), (holder) =>
    log(`waiting for process ${holder ?? '(unknown)'}, which builds ${each.name}`),
  );
  if (!(await isExecutable(output))) await build(each, chain, output, log);
  return output;
}

function duration(seconds: number): string {
  return seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
