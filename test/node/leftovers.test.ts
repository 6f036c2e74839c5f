import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { it } from 'node:test';
import { promisify } from 'node:util';
import { removeStaleCgroups } from '../../hack/testenv/node/cgroups.ts';
import { until } from '../support/until.ts';
import { skip } from './environment.ts';

/** Settings of the whole machine that a kubelet or a network plug-in changes. */
const SETTINGS = [
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
  'net/ipv4/ip_forward',
  'net/ipv4/conf/all/forwarding',
] as const;

it('nothing of a node is left on the machine after SIGKILL or SIGTERM of the process that started it, or SIGKILL of its keeper', {
  skip,
}, async () => {
  const before = await machine();
  await Promise.all([
    assertLeavesNothing((child) => void child.kill('SIGKILL')),
    assertLeavesNothing((child) => void child.kill('SIGTERM')),
    assertLeavesNothing((child, cgroup) => {
      process.kill(keeperOf(cgroup), 'SIGKILL');
      child.kill('SIGKILL');
    }, removeStaleCgroups),
  ]);
  assert.deepEqual(await machine(), before);
});

/** The process that keeps the node's namespaces. */
function keeperOf(cgroup: string): number {
  return Number(cgroup.split('-').at(-1));
}

/** @param clean - what the next node does when it starts */
async function assertLeavesNothing(
  end: (child: ChildProcess, cgroup: string) => void,
  clean: () => Promise<void> = async () => undefined,
): Promise<void> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'start-node.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [line = ''] = await firstLine(child.stdout);
    assert.match(line, /^\/\S+ icb-node-\d+-\d+$/);
    const [directory = '', cgroup = ''] = line.split(' ');
    assert.notDeepEqual(await leftIn(directory, cgroup), []);
    end(child, cgroup);
    await until(
      async () => {
        await clean();
        const left = await leftIn(directory, cgroup);
        if (left.length > 0) throw new Error(left.join('\n'));
        return true;
      },
      'the node to end',
      60,
    );
  } finally {
    child.kill('SIGKILL');
  }
}

async function firstLine(stream: NodeJS.ReadableStream): Promise<readonly string[]> {
  for await (const line of createInterface({ input: stream })) return [line];
  return [];
}

/** What a node could change on the machine: mounts, network links, routes, and settings of the kernel. */
async function machine(): Promise<object> {
  const run = async (...args: readonly string[]) => (await promisify(execFile)('ip', args)).stdout;
  const settings = SETTINGS.map((name) => readFile(join('/proc/sys', name), 'utf8'));
  return {
    mounts: (await readFile('/proc/mounts', 'utf8')).split('\n').toSorted(),
    links: (await run('-brief', 'link')).split('\n').map((line) => line.split(' ')[0]),
    routes: await run('route', 'show', 'table', 'all'),
    settings: await Promise.all(settings),
  };
}

/** The processes, cgroups and files of a node that exist. */
async function leftIn(directory: string, cgroup: string): Promise<readonly string[]> {
  const left = existsSync(directory) ? [directory] : [];
  for (const pattern of [`/sys/fs/cgroup/${cgroup}`, `/sys/fs/cgroup/*/${cgroup}`]) {
    for await (const folder of glob(pattern)) left.push(folder);
  }
  for await (const file of glob('/proc/[0-9]*/cmdline')) {
    const command = await readFile(file, 'utf8').catch(() => '');
    if (command.includes(directory)) left.push(command.replaceAll('\0', ' '));
  }
  return left;
}
