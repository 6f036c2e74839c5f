import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { lock } from '../../../../../hack/testenv/tools/lock.ts';
import { until } from '../../../../support/until.ts';

const module = JSON.stringify(new URL('../../../../../hack/testenv/tools/lock.ts', import.meta.url).href);

describe('a lock', () => {
  let directory: string;
  let path: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'icb-test-'));
    path = join(directory, 'locks', 'x.lock');
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const noWait = () => assert.fail('expected no wait, found one');

  it('exists while it is held, and not afterwards', async () => {
    {
      await using _ = await lock(path, noWait);
      assert.ok(existsSync(path));
    }
    assert.ok(!existsSync(path));
  });

  it('has one holder at a time, and reports the holder once to a process that waits', async () => {
    const order: string[] = [];
    const first = await lock(path, noWait);
    const waiting = Promise.withResolvers<number | undefined>();
    const second = lock(path, waiting.resolve).then(async (held) => {
      order.push('second');
      await held[Symbol.asyncDispose]();
    });
    assert.equal(await waiting.promise, process.pid);
    order.push('first');
    await first[Symbol.asyncDispose]();
    await second;
    assert.deepEqual(order, ['first', 'second']);
  });

  it('is released after its holder was killed', async () => {
    const program = `import { lock } from ${module}; await lock(${JSON.stringify(path)}, () => {});
      process.stdout.write('held\\n'); setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(createInterface(holder.stdout), 'line');
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    assert.ok(existsSync(path));
    await using _ = await lock(path, noWait);
  });

  it('is broken if its holder has not touched it for long, because its process ID may be reused', async () => {
    await mkdir(path, { recursive: true });
    await writeFile(join(path, 'pid'), String(process.ppid));
    const longAgo = new Date(Date.now() - 120_000);
    await utimes(path, longAgo, longAgo);
    await using _ = await lock(path, noWait);
  });

  it('is not broken if its holder has only just created it', async () => {
    await mkdir(path, { recursive: true });
    let waits = 0;
    const taken = lock(path, () => {
      waits += 1;
    });
    await until(() => waits > 0, 'the wait to be reported');
    await rm(path, { recursive: true });
    await using _ = await taken;
    assert.equal(waits, 1);
  });
});
