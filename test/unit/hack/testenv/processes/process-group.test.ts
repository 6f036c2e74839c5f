import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { isRunning, ProcessGroup } from '../../../../../hack/testenv/processes/process-group.ts';
import { onFreePort, StartError, untilReady } from '../../../../../hack/testenv/processes/readiness.ts';
import { until } from '../../../../support/until.ts';

const node = process.execPath;
const ignoresSigterm = `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000);`;
const stubborn = `${ignoresSigterm} process.stdout.write('ready\\n');`;

/** A process that starts a group whose child and grandchild ignore SIGTERM, and that prints their process IDs. */
const owner = `
import { ProcessGroup } from ${JSON.stringify(new URL('../../../../../hack/testenv/processes/process-group.ts', import.meta.url).href)};
import { untilReady } from ${JSON.stringify(new URL('../../../../../hack/testenv/processes/readiness.ts', import.meta.url).href)};
import { readFile } from 'node:fs/promises';
const group = await ProcessGroup.start();
const program = \`
  const { spawn } = require('node:child_process');
  const grandchild = spawn(process.execPath, ['-e', ${JSON.stringify(ignoresSigterm)}], { stdio: 'ignore' });
  process.on('SIGTERM', () => {});
  process.stdout.write(grandchild.pid + '\\\\n');
  setInterval(() => {}, 1000);
\`;
const child = await group.spawn('stubborn', process.execPath, ['-e', program]);
// A number in an incomplete line may be incomplete, too.
const grandchild = async () => Number(/^(\\d+)\\n/.exec(await readFile(child.logFile, 'utf8'))?.[1] ?? 0);
await untilReady(child, async () => (await grandchild()) > 0);
const pids = [child.pid, await grandchild()];
process.stdout.write(JSON.stringify({ pids, directory: group.directory }) + '\\n');
setInterval(() => {}, 1000);
`;

describe('a process group', () => {
  for (const signal of ['SIGKILL', 'SIGTERM', 'SIGINT'] as const) {
    it(`leaves no process and no directory when its owner ends by ${signal}`, async () => {
      const process_ = spawn(node, ['--input-type=module-typescript', '-e', owner], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      using _end = { [Symbol.dispose]: () => void process_.kill('SIGKILL') };
      const [line] = await once(createInterface(process_.stdout), 'line');
      const { pids, directory } = JSON.parse(line) as { pids: number[]; directory: string };
      assert.deepEqual([pids.length, pids.every(isRunning), existsSync(directory)], [2, true, true]);

      process_.kill(signal);

      await until(() => !pids.some(isRunning), 'all descendants to exit');
      await until(() => !existsSync(directory), 'the directory to be removed');
    });
  }

  it('leaves no process and no directory when its supervisor is killed', async () => {
    const group = await ProcessGroup.start();
    const child = await group.spawn('stubborn', node, ['-e', stubborn]);
    const parent = (await readFile(`/proc/${child.pid}/stat`, 'utf8')).split(' ')[3];

    process.kill(Number(parent), 'SIGKILL');

    assert.deepEqual(await child.exited, { code: null, signal: 'SIGKILL' });
    await until(() => !isRunning(child.pid), 'the child to end');
    await until(() => !existsSync(group.directory), 'the directory to be removed');
    await assert.rejects(group.spawn('late', node, ['-e', '']), /process group has stopped/);
  });

  it('stops its children, then removes its directory, at the end of an `await using` block', async () => {
    let directory = '';
    let pid = 0;
    {
      await using group = await ProcessGroup.start();
      directory = group.directory;
      ({ pid } = await group.spawn('stubborn', node, ['-e', stubborn]));
    }
    assert.deepEqual([isRunning(pid), existsSync(directory)], [false, false]);
  });

  it('has a directory that other users cannot read', async () => {
    await using group = await ProcessGroup.start();
    assert.equal((await stat(group.directory)).mode & 0o777, 0o700);
  });

  it('passes no variable of its own environment to a child', async () => {
    process.env['ICB_TEST_CANARY'] = 'seen';
    await using group = await ProcessGroup.start();
    const print = ['-e', 'process.stdout.write(JSON.stringify(process.env))'];
    const { stdout } = await group.run(node, print, { env: { GIVEN: 'yes', ABSENT: undefined } });
    const { PATH: _, TMPDIR: __, ...env } = JSON.parse(stdout) as Record<string, string>;
    assert.deepEqual(env, { HOME: group.directory, GIVEN: 'yes' });
  });

  it('runs a command with an input, and returns its output, its error output and its exit code', async () => {
    await using group = await ProcessGroup.start();
    const program = `process.stdin.pipe(process.stdout); process.stderr.write('err'); process.exitCode = 3;`;
    const result = await group.run(node, ['-e', program], { input: 'in' });
    assert.deepEqual(result, { code: 3, signal: null, stdout: 'in', stderr: 'err' });
  });

  it('refuses to start a program that does not exist', async () => {
    await using group = await ProcessGroup.start();
    await assert.rejects(group.spawn('none', join(group.directory, 'none'), []), /ENOENT/);
  });

  it('gives each child of the same name its own log', async () => {
    await using group = await ProcessGroup.start();
    const [first, second] = [
      await group.spawn('x', node, ['-e', '']),
      await group.spawn('x', node, ['-e', '']),
    ];
    assert.notEqual(first.logFile, second.logFile);
  });

  it('sends SIGTERM to a child before it kills the child', async () => {
    await using group = await ProcessGroup.start();
    const polite = `process.on('SIGTERM', () => process.exit(7)); ${stubborn.slice(stubborn.indexOf('setInterval'))}`;
    const child = await group.spawn('polite', node, ['-e', polite]);
    await untilReady(child, async () => (await readFile(child.logFile, 'utf8')).includes('ready'));
    assert.deepEqual(await child.stop(), { code: 7, signal: null });
  });
});

describe('waiting for a child', () => {
  it('fails with the last lines of the log if the child exits before it is ready', async () => {
    await using group = await ProcessGroup.start();
    const child = await group.spawn('failing', node, [
      '-e',
      `console.log('first'); throw new Error('the reason')`,
    ]);
    await assert.rejects(
      untilReady(child, () => Promise.resolve(false)),
      (error) => error instanceof StartError && /failing ended with code 1.*the reason/s.test(error.message),
    );
  });

  it('fails with the log if the child is not ready in time', async () => {
    await using group = await ProcessGroup.start();
    const child = await group.spawn('slow', node, ['-e', stubborn]);
    await assert.rejects(
      untilReady(child, () => Promise.resolve(false), 0.1),
      /slow was not ready after 0.1 s/,
    );
  });

  it('treats a probe that fails as not ready', async () => {
    await using group = await ProcessGroup.start();
    const child = await group.spawn('child', node, ['-e', stubborn]);
    const file = join(group.directory, 'answer');
    setTimeout(() => void writeFile(file, ''), 50);
    await untilReady(child, async () => (await stat(file)).isFile());
  });
});

describe('a server on a free port', () => {
  const server = (port: number) =>
    `require('node:net').createServer().listen(${port}, '127.0.0.1', () => process.stdout.write('ready'))`;

  function answers(port: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
    return promise.finally(() => socket.destroy());
  }

  async function occupy(port: number): Promise<Server> {
    const taken = createServer().listen(port, '127.0.0.1');
    await once(taken, 'listening');
    return taken;
  }

  it('gets another port if another process takes the first one in between', async (context) => {
    await using group = await ProcessGroup.start();
    const tried: number[] = [];
    let thief: Server | undefined;
    context.after(() => thief?.close());
    const port = await onFreePort(async (free) => {
      tried.push(free);
      thief ??= await occupy(free);
      const child = await group.spawn('server', node, ['-e', server(free)]);
      await untilReady(child, async () => (await readFile(child.logFile, 'utf8')).startsWith('ready'));
      return free;
    });
    assert.deepEqual([tried.length, port === tried[1], port !== tried[0]], [2, true, true]);
    assert.ok(await answers(port));
  });

  it('is not retried if it exits for another reason', async () => {
    await using group = await ProcessGroup.start();
    let attempts = 0;
    const start = async () => {
      attempts += 1;
      const child = await group.spawn('server', node, ['-e', `throw new Error('the reason')`]);
      await untilReady(child, () => Promise.resolve(false));
    };
    await assert.rejects(onFreePort(start), /the reason/);
    assert.equal(attempts, 1);
  });
});
