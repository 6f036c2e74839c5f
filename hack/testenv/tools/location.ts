/** The locations of the programs: paths from the tools' own variables, or the cache of built tools. */
import { access, constants, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Recipe, ToolName } from './recipe.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** The environment variable that names a tool's program. */
export function variableOf(name: ToolName): string {
  return `ICB_TOOL_${name.toUpperCase().replaceAll('-', '_')}`;
}

/** The folder of the built tools. */
export function cacheDirectory(env: Env): string {
  return join(cache(env), 'tools');
}

/** The folder of the bundles of the command line. */
export function bundleCache(env: Env): string {
  return join(cache(env), 'bundles');
}

function cache(env: Env): string {
  const base = env['ICB_CACHE'] || env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return resolve(base, 'image-credential-binding');
}

/**
 * The program that a tool's own variable names, if it is set.
 *
 * @throws Error when the tool's own variable does not name an executable file
 */
export async function provided(name: ToolName, env: Env): Promise<string | undefined> {
  const variable = variableOf(name);
  const file = env[variable];
  if (!file) return undefined;
  if (await isExecutable(file)) return resolve(file);
  throw new Error(`expected an executable file in ${variable}, found ${file}; correct or unset it`);
}

/** The built program of a tool, if it is in the cache. */
export async function cached(each: Recipe): Promise<string | undefined> {
  const file = cacheFile(each);
  return (await isExecutable(file)) ? file : undefined;
}

/** Path of the built program of a tool. */
export function cacheFile({ key, name }: Recipe): string {
  return join(cacheDirectory(process.env), key, name);
}

/** Whether a path is a file that this user can execute. */
export async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}
