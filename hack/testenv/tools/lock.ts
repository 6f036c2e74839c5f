/**
 * A lock between processes. If its holder is killed, another process breaks the lock. The lock only avoids duplicate work.
 * The guarded code must be correct without it, because a process may also break a lock that only looks abandoned.
 */
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isRunning } from '../processes/index.ts';

const heartbeatMilliseconds = 5_000;
const abandonedAfterMilliseconds = 60_000;

/**
 * Acquires the lock. Waits while another process holds it.
 *
 * @param path - path of the folder that represents the lock; it exists while the lock is held
 * @param onWait - called once before a wait, with the process ID of the holder; undefined: not known
 * @returns releases the lock when it is disposed of
 */
export async function lock(
  path: string,
  onWait: (holder: number | undefined) => void,
): Promise<AsyncDisposable> {
  await mkdir(dirname(path), { recursive: true });
  let isReported = false;
  while (!(await tryAcquire(path))) {
    const holder = await holderOf(path);
    if (await isAbandoned(path, holder)) {
      await breakLock(path);
      continue;
    }
    if (!isReported) onWait(holder);
    isReported = true;
    await delay(200);
  }
  const heartbeat = setInterval(() => void touch(path), heartbeatMilliseconds).unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(heartbeat);
      if ((await holderOf(path)) === process.pid) await rm(path, { recursive: true, force: true });
    },
  };
}

async function tryAcquire(path: string): Promise<boolean> {
  try {
    await mkdir(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  await writeFile(join(path, 'pid'), String(process.pid));
  return true;
}

async function holderOf(path: string): Promise<number | undefined> {
  const text = await readFile(join(path, 'pid'), 'utf8').catch(() => '');
  return text === '' ? undefined : Number(text);
}

/**
 * Whether the holder no longer runs, or has not touched the lock for {@link abandonedAfterMilliseconds}. A running process
 * with the holder's ID may be another one.
 */
async function isAbandoned(path: string, holder: number | undefined): Promise<boolean> {
  if (holder !== undefined && !isRunning(holder)) return true;
  const touched = await stat(path).catch(() => undefined);
  return touched !== undefined && Date.now() - touched.mtimeMs > abandonedAfterMilliseconds;
}

async function breakLock(path: string): Promise<void> {
  const aside = `${path}.abandoned-${process.pid}`;
  // If this fails, another process has broken the lock first.
  await rename(path, aside).catch(() => undefined);
  await rm(aside, { recursive: true, force: true });
}

async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => undefined);
}
