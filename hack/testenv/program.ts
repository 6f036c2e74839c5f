import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { bundle, PROGRAM } from '../build/index.ts';
import { ROOT } from '../root.ts';
import { bundleCache } from './tools/index.ts';

/** What decides the content of the bundle. The lockfile decides the code of the packages. */
const INPUTS = ['src/**/*.ts', 'hack/build/bundle.ts', 'package.json', 'package-lock.json', 'tsconfig.json'];
const UNUSED_AFTER_MS = 7 * 24 * 60 * 60 * 1_000;

let built: Promise<string> | undefined;

/**
 * Bundles the command line from the current source. A process of the bundle starts with a third of the CPU time that a
 * process of the source needs. The bundle stays in a cache outside of this checkout, by hash of the source, so that the files
 * of a test run build it once. A bundle that has not been used for a week is deleted.
 *
 * From then on, processes that this process starts measure no coverage, which would not see into the bundle, and would make
 * them slower.
 *
 * @returns path of the program
 */
export function builtProgram(): Promise<string> {
  delete process.env['NODE_V8_COVERAGE'];
  built ??= findProgram();
  return built;
}

async function findProgram(): Promise<string> {
  const directory = join(bundleCache(process.env), hashOfInputs());
  const program = join(directory, PROGRAM);
  if (!existsSync(program)) await build(directory);
  const now = new Date();
  await utimes(directory, now, now);
  return program;
}

function hashOfInputs(): string {
  const hash = createHash('sha256');
  for (const file of globSync(INPUTS, { cwd: ROOT }).sort()) {
    const content = readFileSync(join(ROOT, file));
    hash.update(`${file}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex').slice(0, 32);
}

/** Several processes may build the same bundle at the same time. The first one that is complete stays. */
async function build(directory: string): Promise<void> {
  const cache = dirname(directory);
  const partial = `${directory}.partial-${process.pid}`;
  await mkdir(cache, { recursive: true });
  await bundle(partial);
  try {
    await rename(partial, directory);
  } catch (error) {
    if (existsSync(join(directory, PROGRAM))) await rm(partial, { recursive: true, force: true });
    else await replace(directory, partial, error);
  }
  await removeUnused(cache);
}

/** Replaces what an interrupted deletion has left of a bundle. */
async function replace(directory: string, partial: string, error: unknown): Promise<void> {
  if (!existsSync(directory)) throw error;
  await rm(directory, { recursive: true, force: true });
  await rename(partial, directory);
}

async function removeUnused(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    const directory = join(cache, name);
    const used = await stat(directory).catch(() => undefined);
    if (used !== undefined && Date.now() - used.mtimeMs > UNUSED_AFTER_MS)
      await rm(directory, { recursive: true, force: true });
  }
}
