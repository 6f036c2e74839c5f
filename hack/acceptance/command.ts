import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Unexpected } from '../scenario/index.ts';

/** Limit on the command that runs before the pull secret changes. */
const COMMAND_SECONDS = 60;

/**
 * Runs the command of `--rotate-command` in a shell. Its output is not shown, because it may contain a password. When the time
 * is up, or when the signal is aborted, it is killed with all processes that it has started.
 *
 * @throws Unexpected if it fails, or still runs after the time limit
 */
export async function runCommand(
  command: string,
  signal: AbortSignal,
  seconds = COMMAND_SECONDS,
): Promise<void> {
  signal.throwIfAborted();
  const limit = AbortSignal.any([signal, AbortSignal.timeout(seconds * 1_000)]);
  // In a process group of its own, so that all its processes can be killed.
  const child = spawn('/bin/sh', ['-c', command], { stdio: 'ignore', detached: true });
  const kill = () => killGroup(child.pid);
  limit.addEventListener('abort', kill);
  try {
    // The type of the event: https://nodejs.org/api/child_process.html#event-exit
    const [code, killedBy] = (await once(child, 'exit')) as [number | null, string | null];
    if (code === 0) return;
    if (limit.aborted)
      throw new Unexpected(`--rotate-command to exit within ${seconds} s`, 'that it still ran');
    throw new Unexpected('--rotate-command to exit with 0', code === null ? `signal ${killedBy}` : `${code}`);
  } finally {
    limit.removeEventListener('abort', kill);
  }
}

function killGroup(leader: number | undefined): void {
  try {
    if (leader !== undefined) process.kill(-leader, 'SIGKILL');
  } catch {
    // All its processes have exited.
  }
}
