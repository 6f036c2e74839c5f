import { readFile } from 'node:fs/promises';

/** Resident memory of a process, in MiB, as Linux reports it. */
export interface ProcessMemory {
  readonly now: number;
  readonly peak: number;
}

/** Ticks of the kernel's clock as programs see it (USER_HZ). Linux reports 100 per second on every platform. */
const TICKS_PER_SECOND = 100;

/** Memory of a running process. */
export async function memoryOf(pid: number): Promise<ProcessMemory> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const mebibytes = (field: string) =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024;
  return { now: mebibytes('VmRSS'), peak: mebibytes('VmHWM') };
}

/** Seconds of CPU time that a running process has used: proc_pid_stat(5). */
export async function cpuSecondsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The second field, the name in parentheses, may contain any character.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, system] = [fields[11], fields[12]];
  return (Number(user) + Number(system)) / TICKS_PER_SECOND;
}
