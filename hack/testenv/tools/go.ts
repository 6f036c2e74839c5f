/** The Go toolchain of this machine, and one build with it. */
import { execFile } from 'node:child_process';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, isRunning, ProcessGroup } from '../processes.ts';
import type { Recipe } from './recipe.ts';

/** The first version of Go that can fetch a newer one by itself. */
const firstSelfUpdating = '1.21';
const heartbeatMilliseconds = 30_000;

/** The version of Go on the PATH, for example `1.26.8`; undefined where there is none. */
export async function installedGo(): Promise<string | undefined> {
  try {
    // Not in a module's folder, whose go.mod would choose the version.
    const { stdout } = await promisify(execFile)('go', ['env', 'GOVERSION'], { cwd: tmpdir() });
    return parseGoVersion(stdout);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The number in what Go calls its version: `go1.26.8`, `go1.27rc1`, `devel go1.27-1a2b3c4 …`; `0` where it says none. */
export function parseGoVersion(text: string): string {
  return /go(\d+(?:\.\d+)*)/.exec(text)?.[1] ?? '0';
}

/** Whether one version of Go is at least another. */
export function isAtLeast(version: string, wanted: string): boolean {
  const [have, want] = [version, wanted].map((text) => text.split('.').map(Number));
  for (const [index, part] of (want ?? []).entries()) {
    const difference = (have?.[index] ?? 0) - part;
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** What Go must do to build with the version that a module wants. */
export type Toolchain =
  | { readonly kind: 'installed' }
  | { readonly kind: 'fetched' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'tooOld'; readonly version: string };

/**
 * Decides with which Go to build.
 *
 * @param installed - the version on the PATH, if any
 * @param wanted - the version that go.mod asks for
 */
export function toolchain(installed: string | undefined, wanted: string): Toolchain {
  if (installed === undefined) return { kind: 'missing' };
  if (isAtLeast(installed, wanted)) return { kind: 'installed' };
  if (isAtLeast(installed, firstSelfUpdating)) return { kind: 'fetched' };
  return { kind: 'tooOld', version: installed };
}

/**
 * Builds a tool into a file that is there either whole or not at all.
 *
 * @param output - the file; what builds cut off have left beside it is removed
 * @throws Error with the last lines of the build's output when it fails
 */
export async function build(
  recipe: Recipe,
  chain: Toolchain,
  output: string,
  log: (line: string) => void,
): Promise<void> {
  const started = Date.now();
  const seconds = () => Math.round((Date.now() - started) / 1_000);
  await mkdir(dirname(output), { recursive: true });
  await removePartials(output);
  const partial = `${output}.partial-${process.pid}`;
  const heartbeat = setInterval(
    () => log(`still building ${recipe.name}: ${seconds()} s`),
    heartbeatMilliseconds,
  );
  try {
    log(`building ${recipe.name} ${recipe.version}`);
    await compile(recipe, chain, partial);
    await rename(partial, output);
    log(`built ${recipe.name} in ${seconds()} s`);
  } finally {
    clearInterval(heartbeat);
    await rm(partial, { force: true });
  }
}

async function compile(recipe: Recipe, chain: Toolchain, output: string): Promise<void> {
  await using group = await ProcessGroup.start();
  const [command, ...args] = recipe.args;
  const child = await group.spawn('build', 'go', [command ?? 'build', '-o', output, ...args], {
    cwd: recipe.directory,
    env: {
      ...process.env,
      ...recipe.env,
      // A build that is cut off leaves its work folder; the group takes it away.
      GOTMPDIR: group.directory,
      ...(chain.kind === 'fetched' ? { GOTOOLCHAIN: 'auto' } : {}),
    },
  });
  const exit = await child.exited;
  if (exit.code === 0) return;
  throw new Error(
    `the build of ${recipe.name} ${recipe.version} ended with ${describe(exit)}. ` +
      `The last lines of its output:\n${await child.logTail(30)}`,
  );
}

async function removePartials(output: string): Promise<void> {
  const prefix = `${basename(output)}.partial-`;
  for (const file of await readdir(dirname(output))) {
    const builder = Number(file.slice(prefix.length));
    if (file.startsWith(prefix) && !isRunning(builder))
      await rm(join(dirname(output), file), { force: true });
  }
}
