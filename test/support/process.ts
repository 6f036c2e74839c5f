import { readFile } from 'node:fs/promises';

/** What a process holds in memory that is resident, in MiB, as Linux tells it. */
export interface ProcessMemory {
  readonly now: number;
  readonly peak: number;
}

/** Ticks of the kernel's clock, as it tells them to programs: 100 everywhere. */
const TICKS_PER_SECOND = 100;

/** Of a process that runs. */
export async function memoryOf(pid: number): Promise<ProcessMemory> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const mebibytes = (field: string) =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024;
  return { now: mebibytes('VmRSS'), peak: mebibytes('VmHWM') };
}

/** How many seconds of CPU a process has had that runs: proc_pid_stat(5). */
export async function cpuSecondsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // Its second field, the name in parentheses, may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, system] = [fields[11], fields[12]];
  return (Number(user) + Number(system)) / TICKS_PER_SECOND;
}
