import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { describe, isRunning, ProcessGroup } from '../processes/index.ts';
import type { Recipe } from './recipe.ts';
import type { Toolchain } from './toolchain.ts';

const heartbeatMilliseconds = 30_000;

/**
 * Builds a tool. The output file is either complete or does not exist.
 *
 * @param output - the file; partial files that interrupted builds left next to it are removed
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
      // An interrupted build leaves its work folder, which is removed with the group.
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
