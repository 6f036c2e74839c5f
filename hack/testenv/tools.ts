/**
 * The programs that tests and demos run: found where a variable says, or built from pinned Go modules and kept in a
 * cache outside of the repository.
 */
import { access, constants, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ProcessGroup } from './processes.ts';
import { build, installedGo, type Toolchain, toolchain } from './tools/go.ts';
import { lock } from './tools/lock.ts';
import { isToolName, type Recipe, recipe, type ToolName, toolNames } from './tools/recipe.ts';

export type { ToolName } from './tools/recipe.ts';

/** The tools that a KUBEBUILDER_ASSETS folder may hold. */
const kubebuilderTools: ReadonlySet<ToolName> = new Set<ToolName>(['etcd', 'kube-apiserver', 'kubectl']);

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Finds programs, and builds those that are missing, one after another. In this order: the file that the tool's own
 * variable names (`ICB_TOOL_TRIVY`, `ICB_TOOL_KUBE_APISERVER`, …), `KUBEBUILDER_ASSETS` for etcd, kube-apiserver and
 * kubectl, the cache in `ICB_CACHE` (default: `XDG_CACHE_HOME`, then `~/.cache`).
 *
 * @param names - what is needed; nothing else is built
 * @param log - takes lines about progress, at least one every 30 s while something is built
 * @returns absolute paths
 * @throws Error when a variable names no program, when something must be built and there is no Go that can, or when
 *   a build fails
 */
export async function tools<const Name extends ToolName>(
  names: readonly Name[],
  log: (line: string) => void,
): Promise<Record<Name, string>> {
  const found = new Map<ToolName, string>();
  const missing: Recipe[] = [];
  for (const name of new Set(names)) {
    const file = (await provided(name, process.env)) ?? (await cached(await recipe(name)));
    if (file === undefined) missing.push(await recipe(name));
    else found.set(name, file);
  }
  if (missing.length > 0) {
    const chain = await usableToolchain(missing);
    log(announcement(missing));
    for (const each of missing) found.set(each.name, await builtOnce(each, chain, log));
  }
  // Each of the names is in one of the two lists.
  return Object.fromEntries(found) as Record<Name, string>;
}

/** The variable that names a tool's program. */
export function variableOf(name: ToolName): string {
  return `ICB_TOOL_${name.toUpperCase().replaceAll('-', '_')}`;
}

/** The folder of the built tools. */
export function cacheDirectory(env: Env): string {
  const base = env['ICB_CACHE'] || env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return resolve(base, 'image-credential-binding', 'tools');
}

/**
 * The program that the environment provides for a tool, if any.
 *
 * @throws Error when the tool's own variable names what is no program
 */
export async function provided(name: ToolName, env: Env): Promise<string | undefined> {
  const variable = variableOf(name);
  const file = env[variable];
  if (file) {
    if (await isExecutable(file)) return resolve(file);
    throw new Error(
      `${variable} must name a program that can be run, but names ${file}: correct or unset it`,
    );
  }
  const assets = env['KUBEBUILDER_ASSETS'];
  if (!assets || !kubebuilderTools.has(name)) return undefined;
  const asset = resolve(assets, name);
  return (await isExecutable(asset)) ? asset : undefined;
}

/** What is said before the first build: what, how long, and where to. */
export function announcement(missing: readonly Recipe[]): string {
  const list = missing.map(({ name, version, seconds }) => `${name} ${version} (${duration(seconds)})`);
  const all = duration(missing.reduce((sum, { seconds }) => sum + seconds, 0));
  return (
    `to build, once, into ${cacheDirectory(process.env)}: ${list.join(', ')}; ` +
    `about ${all} in all on 2 cores, less where Go has parts of it in its cache`
  );
}

/** What to do where the Go of this machine cannot build these; undefined where it can. */
export function goProblem(missing: readonly Recipe[], chain: Toolchain, wanted: string): string | undefined {
  if (chain.kind === 'installed' || chain.kind === 'fetched') return undefined;
  const names = missing.map(({ name, version }) => `${name} ${version}`).join(', ');
  const found =
    chain.kind === 'missing' ? 'there is no "go" on the PATH' : `the "go" on the PATH is ${chain.version}`;
  const variables = missing.map(({ name }) => `${variableOf(name)}=FILE`).join(' ');
  return (
    `${names} must be built, which needs Go ${wanted} or later (1.21 or later can fetch it), but ${found}. ` +
    `Install Go (https://go.dev/dl/), or name programs that you have: ${variables}`
  );
}

async function usableToolchain(missing: readonly Recipe[]): Promise<Toolchain> {
  const wanted =
    missing
      .map(({ goVersion }) => goVersion)
      .toSorted(byNumber)
      .at(-1) ?? '';
  const chain = toolchain(await installedGo(), wanted);
  const problem = goProblem(missing, chain, wanted);
  if (problem !== undefined) throw new Error(problem);
  return chain;
}

function byNumber(one: string, other: string): number {
  return one.localeCompare(other, 'en', { numeric: true });
}

async function builtOnce(each: Recipe, chain: Toolchain, log: (line: string) => void): Promise<string> {
  const output = cacheFile(each);
  await using _ = await lock(join(cacheDirectory(process.env), `${each.key}.lock`), (holder) =>
    log(`waiting for process ${holder ?? '(unknown)'}, which builds ${each.name}`),
  );
  if (!(await isExecutable(output))) await build(each, chain, output, log);
  return output;
}

async function cached(each: Recipe): Promise<string | undefined> {
  const file = cacheFile(each);
  return (await isExecutable(file)) ? file : undefined;
}

function cacheFile({ key, name }: Recipe): string {
  return join(cacheDirectory(process.env), key, name);
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}

function duration(seconds: number): string {
  return seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}

const usage = `Usage: npm run tools -- [NAME…]

Builds the named tools (all, where none is named) unless they are there, and prints a line for each: its name and its path.
Names: ${toolNames.join(' ')}

Taken instead of a build:
  ICB_TOOL_<NAME>      the program itself, for example ${variableOf('kube-apiserver')}=/usr/local/bin/kube-apiserver
  KUBEBUILDER_ASSETS   a folder that may hold etcd, kube-apiserver and kubectl
  ICB_CACHE            where image-credential-binding/tools with the built ones is (XDG_CACHE_HOME, ~/.cache)
`;

async function main(): Promise<number> {
  const asked = parseCommandLine();
  if (typeof asked === 'string') {
    process.stderr.write(`${asked}\n\n${usage}`);
    return 2;
  }
  if (asked.help) {
    process.stdout.write(usage);
    return 0;
  }
  try {
    const names = asked.names.length === 0 ? toolNames : asked.names;
    const paths = await tools(names, (line) => process.stderr.write(`${line}\n`));
    for (const name of names) process.stdout.write(`${name} ${paths[name]}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

function parseCommandLine(): { readonly help: boolean; readonly names: readonly ToolName[] } | string {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { help: { type: 'boolean', short: 'h', default: false } },
    });
    const unknown = positionals.filter((name) => !isToolName(name));
    if (unknown.length > 0) return `there is no tool ${unknown.join(', ')}`;
    return { help: values.help, names: positionals.filter(isToolName) };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

if (import.meta.main) {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void ProcessGroup.stopAll().then(() => process.exit(130)));
  }
  process.exitCode = await main();
}
