/** The cgroups of a node: one in each hierarchy, under which the kubelet and runc create all others. */
import { readlinkSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isRunning } from '../processes/index.ts';

const PREFIX = 'icb-node-';
/** Longest time that the kernel may need to release the cgroup of killed processes, in milliseconds. */
const RELEASE_LIMIT_MS = 15_000;

/** The folders in which cgroup hierarchies are mounted. */
export async function cgroupMounts(): Promise<readonly string[]> {
  const mounts = await readFile('/proc/mounts', 'utf8');
  const found = [...mounts.matchAll(/^\S+ (?<path>\/sys\/fs\/cgroup\S*) cgroup2? /gm)];
  return found.map(({ groups }) => groups?.['path'] ?? '');
}

/** Name of the cgroups of the node whose keeper has this process ID. */
export function cgroupOf(keeper: number): string {
  return `${ownPrefix()}${keeper}`;
}

/** The names of the cgroups of nodes in this PID namespace begin with this. */
function ownPrefix(): string {
  const namespace = readlinkSync('/proc/self/ns/pid').replaceAll(/\D/g, '');
  return `${PREFIX}${namespace}-`;
}

/** Creates the cgroups of a node. */
export async function createCgroups(name: string): Promise<void> {
  for (const folder of await cgroupMounts()) await mkdir(join(folder, name), { recursive: true });
}

/** Removes the cgroups of a node whose processes have been killed. */
export async function removeCgroups(name: string): Promise<void> {
  for (const folder of await cgroupMounts()) await removeTree(join(folder, name));
}

/**
 * Removes the cgroups of nodes whose keeper was killed, and kills the processes in them. Nodes of other
 * PID namespaces, which may share the cgroups of this one, are not touched, because their keepers cannot be seen here.
 */
export async function removeStaleCgroups(): Promise<void> {
  const prefix = ownPrefix();
  for (const folder of await cgroupMounts()) {
    const names = await readdir(folder).catch(() => []);
    for (const name of names) {
      if (!name.startsWith(prefix) || isRunning(Number(name.slice(prefix.length)))) continue;
      for (const pid of await processesIn(join(folder, name))) kill(pid);
      await removeTree(join(folder, name));
    }
  }
}

/**
 * The cgroup of a pod on the node with this cgroup.
 *
 * @param controller - with cgroup v1, whose hierarchy is meant
 * @throws Error if there is no such cgroup
 */
export async function podCgroup(node: string, uid: string, controller: string): Promise<string> {
  const mounts = await cgroupMounts();
  const mount = mounts.find((folder) => folder.endsWith(`/${controller}`)) ?? mounts[0] ?? '';
  const pods = join(mount, node, 'kubepods');
  // The kubelet sorts pods by their quality of service.
  for (const parent of [pods, ...['burstable', 'besteffort'].map((name) => join(pods, name))]) {
    if ((await foldersIn(parent)).includes(`pod${uid}`)) return join(parent, `pod${uid}`);
  }
  throw new Error(`expected a cgroup of pod ${uid} below ${pods}, found none`);
}

/**
 * IDs of the processes in a cgroup and those below it. Cgroup v2 shows processes of other PID namespaces as 0. They are not
 * listed, because a signal to 0 goes to the sender's own process group.
 */
export async function processesIn(folder: string): Promise<readonly number[]> {
  const below = await Promise.all((await foldersIn(folder)).map((child) => processesIn(join(folder, child))));
  const text = await readFile(join(folder, 'cgroup.procs'), 'utf8').catch(() => '');
  return [
    ...text
      .split('\n')
      .map(Number)
      .filter((pid) => pid > 0),
    ...below.flat(),
  ];
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // The process has exited.
  }
}

/** Removes a cgroup and those below it. The files in them cannot be deleted, so `rm` cannot do it. */
async function removeTree(folder: string): Promise<void> {
  for (const child of await foldersIn(folder)) await removeTree(join(folder, child));
  const deadline = Date.now() + RELEASE_LIMIT_MS;
  while (!(await isRemoved(folder))) {
    if (Date.now() > deadline) throw new Error(`the cgroup ${folder} still has processes`);
    await delay(20);
  }
}

/** Removes a cgroup without children. False: it still has processes. */
async function isRemoved(folder: string): Promise<boolean> {
  try {
    await rmdir(folder);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EBUSY') return false;
    if (code === 'ENOENT') return true;
    throw error;
  }
}

async function foldersIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
