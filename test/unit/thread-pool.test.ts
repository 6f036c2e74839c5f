import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { it } from 'node:test';
import { promisify } from 'node:util';
import { builtProgram } from '../../hack/testenv/program.ts';

const run = promisify(execFile);
const preload = join(import.meta.dirname, '../support/preload/count-threads.ts');

async function threads(env: NodeJS.ProcessEnv): Promise<number> {
  const { UV_THREADPOOL_SIZE: _, ...others } = process.env;
  const argv = ['--import', preload, await builtProgram(), '--version'];
  const { stdout } = await run(process.execPath, argv, { env: { ...others, ...env } });
  return Number(/threads: (\d+)/.exec(stdout)?.[1]);
}

it('the program has 24 threads for DNS look-ups and files, unless the environment sets another number', {
  skip: process.platform !== 'linux',
}, async () => {
  const [usual, few] = [await threads({}), await threads({ UV_THREADPOOL_SIZE: '4' })];
  // V8 has a few more threads.
  assert.equal(usual - few, 20, `${usual} threads, and ${few}`);
});
