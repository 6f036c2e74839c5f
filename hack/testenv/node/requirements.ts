import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, realpath, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDirectory, present } from '../tools/index.ts';
import { cgroupMounts } from './cgroups.ts';
import { HIDDEN_FOLDERS } from './settings.ts';

const COMMAND_TIMEOUT = 10_000;
/** Where cgroups are mounted. */
const CGROUPS = '/sys/fs/cgroup';
/** The controllers of cgroup v2 that a node needs. */
const CONTROLLERS = ['cpu', 'memory', 'pids'];

/**
 * Why no node can run on this machine, in one line that says what is missing; undefined: a node can run. It builds and
 * starts nothing, and takes less than a second.
 */
export async function nodeProblem(): Promise<string | undefined> {
  if (process.platform !== 'linux') return `a node needs Linux, and this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'a node needs root, to create containers, mounts and networks';
  for (const check of CHECKS) {
    const problem = await check();
    if (problem !== undefined) return problem;
  }
  return undefined;
}

const CHECKS = [
  overlayProblem,
  commandsProblem,
  compilerProblem,
  foldersProblem,
  namespacesProblem,
  layersProblem,
  () => cgroupsProblem(),
] as const;

async function overlayProblem(): Promise<string | undefined> {
  const filesystems = await readFile('/proc/filesystems', 'utf8');
  return /\toverlay$/m.test(filesystems)
    ? undefined
    : 'a node needs the file system overlay, which this kernel has not loaded (modprobe overlay)';
}

async function commandsProblem(): Promise<string | undefined> {
  const commands = ['unshare', 'nsenter', 'setpriv', 'mount', 'ip'];
  const found = await Promise.all(commands.map((command) => runs(command, ['--version'], ['-V'])));
  const missing = commands.filter((_, index) => !found[index]);
  return missing.length === 0
    ? undefined
    : `a node needs ${missing.join(', ')} (packages util-linux and iproute2) on the PATH`;
}

/** Go compiles the C code of runc with this. */
async function compilerProblem(): Promise<string | undefined> {
  if ((await present('runc')) !== undefined) return undefined;
  const compiler = process.env['CC'] || 'gcc';
  return (await runs(compiler, ['--version']))
    ? undefined
    : `a node needs runc, whose build needs a C compiler: expected ${compiler} on the PATH, found none`;
}

/** Whether a command succeeds with one of these lists of arguments. */
async function runs(command: string, ...attempts: readonly (readonly string[])[]): Promise<boolean> {
  for (const args of attempts) {
    if ((await failureOf(command, args)) === undefined) return true;
  }
  return false;
}

/** The node hides some folders of the machine from its programs, so their files must be elsewhere. */
async function foldersProblem(): Promise<string | undefined> {
  const needed = { TMPDIR: tmpdir(), ICB_CACHE: cacheDirectory(process.env), PATH: process.execPath };
  for (const [variable, path] of Object.entries(needed)) {
    const real = await realpath(path).catch(() => path);
    const hidden = HIDDEN_FOLDERS.find((folder) => `${real}/`.startsWith(`${folder}/`));
    if (hidden !== undefined)
      return `a node needs the files of ${variable} outside of ${hidden}, which contains ${path}`;
  }
  return undefined;
}

async function namespacesProblem(): Promise<string | undefined> {
  const script = 'mount -t tmpfs tmpfs /run && mount --bind /proc/sys/vm /proc/sys/vm && ip link set lo up';
  const failure = await failureOf('unshare', [
    ...['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc'],
    ...['sh', '-c', script],
  ]);
  return failure && `a node needs the right to create namespaces and mounts (CAP_SYS_ADMIN): ${failure}`;
}

/** Containerd keeps the layers of containers below TMPDIR, which may be in a container's own overlay. */
async function layersProblem(): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'icb-probe-'));
  try {
    const [lower, upper, work, merged] = await Promise.all(
      ['lower', 'upper', 'work', 'merged'].map(async (name) => {
        const layer = join(folder, name);
        await mkdir(layer);
        return layer;
      }),
    );
    const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
    const mount = ['mount', '-t', 'overlay', '-o', options, 'overlay', `${merged}`];
    const failure = await failureOf('unshare', ['--mount', ...mount]);
    return (
      failure &&
      `a node needs a TMPDIR whose file system can hold layers of overlay, and ${tmpdir()} cannot: ${failure}`
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Why no cgroups can be created.
 *
 * @param mounts - the folders in which cgroup hierarchies are mounted
 */
export async function cgroupsProblem(mounts?: readonly string[]): Promise<string | undefined> {
  const folders = mounts ?? (await cgroupMounts());
  if (folders.length === 0) return `a node needs cgroups, and none are mounted below ${CGROUPS}`;
  for (const folder of folders) {
    try {
      await rmdir(await mkdtemp(join(folder, 'icb-probe-')));
    } catch (error) {
      return `a node needs the right to create cgroups, and mkdir in ${folder} failed with ${codeOf(error)}`;
    }
  }
  return controllersProblem();
}

/**
 * Enables the controllers of cgroup v2 for the children of the root. Returns why that fails; undefined: they are enabled. With cgroup v1,
 * there is no such file, and none may be created.
 *
 * @param root - where cgroups are mounted
 */
export async function controllersProblem(root = CGROUPS): Promise<string | undefined> {
  const file = join(root, 'cgroup.subtree_control');
  try {
    const enabled = (await readFile(file, 'utf8')).trim().split(' ');
    const missing = CONTROLLERS.filter((name) => !enabled.includes(name));
    if (missing.length > 0)
      await writeFile(file, missing.map((name) => `+${name}`).join(' '), { flag: 'r+' });
    return undefined;
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? undefined : `a node needs cgroups: ${file}: ${codeOf(error)}`;
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'failed';
}

/** The first line that a failing command writes; undefined: it succeeds. */
async function failureOf(command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    await promisify(execFile)(command, args, { timeout: COMMAND_TIMEOUT, killSignal: 'SIGKILL' });
    return undefined;
  } catch (error) {
    const { stderr = '', message } = error as Error & { readonly stderr?: string };
    return (stderr || message).trim().split('\n')[0];
  }
}
