/**
 * A lock between processes that survives a killed holder. It only saves work: what it guards must be right without
 * it too, for a lock that looks abandoned is broken, and that look can be wrong.
 */
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isRunning } from '../processes/index.ts';

const heartbeatMilliseconds = 5_000;
const abandonedAfterMilliseconds = 60_000;

/**
 * Takes the lock, waiting for whoever has it.
 *
 * @param path - of the folder that is the lock; it exists while the lock is held
 * @param onWait - called once, with the holder's process id, where that is known, if there is a wait
 * @returns gives the lock back at its disposal
 */
export async function lock(
  path: string,
  onWait: (holder: number | undefined) => void,
): Promise<AsyncDisposable> {
  await mkdir(dirname(path), { recursive: true });
  let told = false;
  while (!(await take(path))) {
    const holder = await holderOf(path);
    if (await isAbandoned(path, holder)) {
      await breakLock(path);
      continue;
    }
    if (!told) onWait(holder);
    told = true;
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

async function take(path: string): Promise<boolean> {
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

/** A holder that is gone, or that has not touched the lock for long: its process id may be another's by now. */
async function isAbandoned(path: string, holder: number | undefined): Promise<boolean> {
  if (holder !== undefined && !isRunning(holder)) return true;
  const touched = await stat(path).catch(() => undefined);
  return touched !== undefined && Date.now() - touched.mtimeMs > abandonedAfterMilliseconds;
}

async function breakLock(path: string): Promise<void> {
  const aside = `${path}.abandoned-${process.pid}`;
  // Who fails here comes second: another process has broken the lock.
  await rename(path, aside).catch(() => undefined);
  await rm(aside, { recursive: true, force: true });
}

async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => undefined);
}
