/**
 * The process that keeps a node's namespaces: `node keeper.ts DIRECTORY`. It creates the node's cgroups and namespaces, and
 * writes the ID of a process in them to the file `namespaces` in the directory. When it gets a signal to stop, or when its parent
 * is gone, it kills the first process of the PID namespace, with which the kernel kills all others and removes the mounts
 * and the network. Then it removes the cgroups. If the keeper itself is killed, the kernel kills that process, too, and the
 * next keeper removes the cgroups.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { cgroupOf, createCgroups, removeCgroups, removeStaleCgroups } from './cgroups.ts';
import { API_ADDRESS, HIDDEN_FOLDERS, NODE_ADDRESS } from './settings.ts';

const PARENT_CHECK_MS = 500;
const READY_CHECK_MS = 10;
/** A process that waits for a device cannot be killed. After this time, the keeper stops waiting and reports the process. */
const LONGEST_STOP_MS = 60_000;

const directory = process.argv[2] ?? '';
const ready = join(directory, 'init-ready');
const cgroup = cgroupOf(process.pid);

/** Settings of the kernel that the kubelet changes: setupKernelTunables in pkg/kubelet/cm/container_manager_linux.go. */
const KUBELET_SETTINGS = [
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
] as const;

/** The first process of the PID namespace. It sets up what only its namespaces see, and then collects orphans. */
const INIT = `
set -e
for folder in ${HIDDEN_FOLDERS.join(' ')}; do
  test -L "$folder" || mount -t tmpfs -o mode=755 tmpfs "$folder"
done
# Settings below these two are those of the whole machine. Those below net are those of the namespace.
for settings in /proc/sys/kernel /proc/sys/vm; do
  mount --bind "$settings" "$settings"
  mount -o remount,bind,ro "$settings"
done
# The kubelet changes these, and fails if it cannot.
mkdir /run/settings
for setting in ${KUBELET_SETTINGS.join(' ')}; do
  copy="/run/settings/$(basename "$setting")"
  cat "/proc/sys/$setting" > "$copy"
  mount --bind "$copy" "/proc/sys/$setting"
done
ip link set lo up
ip address add ${API_ADDRESS}/32 dev lo
ip address add ${NODE_ADDRESS}/32 dev lo
echo 1 > /proc/sys/net/ipv4/ip_forward
touch "$1"
set +e
while :; do sleep 3600; done
`;

await removeStaleCgroups();
await createCgroups(cgroup);
const init = spawn(
  'setpriv',
  [
    // The process exits when this one does.
    ...['--pdeathsig', 'KILL', 'unshare', '--mount', '--net', '--pid', '--fork', '--kill-child'],
    ...['--mount-proc', 'sh', '-c', INIT, 'init', ready],
  ],
  // In a process group of its own, so that a signal to this one does not reach it.
  { stdio: ['ignore', 'inherit', 'inherit'], detached: true },
);
const exited = new Promise<void>((resolve) => {
  init.once('exit', () => resolve());
  init.once('error', (error) => {
    process.stderr.write(`${error.message}\n`);
    resolve();
  });
});

let stopping: Promise<never> | undefined;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop(0));
const parent = process.ppid;
setInterval(() => process.ppid !== parent && stop(0), PARENT_CHECK_MS).unref();
void exited.then(() => stop(1));

while (!existsSync(ready)) await delay(READY_CHECK_MS);
const file = join(directory, 'namespaces');
await writeFile(`${file}.new`, `${init.pid}`);
await rename(`${file}.new`, file);
setInterval(() => undefined, 3_600_000);

function stop(code: number): void {
  stopping ??= (async () => {
    const begun = performance.now();
    while (hasProcesses()) {
      if (performance.now() - begun > LONGEST_STOP_MS)
        throw new Error(`process ${init.pid} still exists ${LONGEST_STOP_MS / 1_000} s after SIGKILL`);
      await delay(READY_CHECK_MS);
    }
    await removeCgroups(cgroup);
    process.exit(code);
  })();
  stopping.catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    process.exit(1);
  });
}

/** Kills unshare and the first process of the namespace. The latter exits only after all others in the namespace have exited. */
function hasProcesses(): boolean {
  try {
    if (init.pid !== undefined) process.kill(-init.pid, 'SIGKILL');
    return init.pid !== undefined;
  } catch {
    return false;
  }
}
