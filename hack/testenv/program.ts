import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle, PROGRAM } from '../build/index.ts';

let built: Promise<string> | undefined;

/**
 * The command line as it is shipped, bundled from the source as it stands: for whoever starts it as a process, which takes
 * a third of the CPU that it takes from source.
 *
 * @returns path of the program, for Node; bundled once in this process, and gone with it
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
