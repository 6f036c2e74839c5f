import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle, PROGRAM } from '../build/index.ts';

let built: Promise<string> | undefined;

/**
 * Bundles the command line from the current source. A process of the bundle starts with a third of the CPU time that a
 * process of the source needs.
 *
 * @returns path of the program; it is bundled once per process, and deleted when the process exits
 */
export function builtProgram(): Promise<string> {
  built ??= buildProgram();
  return built;
}

async function buildProgram(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'image-credential-binding-program-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  const dist = join(directory, 'dist');
  await bundle(dist);
  return join(dist, PROGRAM);
}
