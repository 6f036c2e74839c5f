/**
 * Child processes that stop when the process that started them ends, even by SIGKILL, and leave nothing behind.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { childEnvironment, supervisorEnvironment } from './environment.ts';
import { tail } from './log.ts';
import type { Report, Request } from './supervisor.ts';

/** How a process ended: with a code, or by a signal. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What a finished command wrote, and how it ended. */
export interface Output extends Exit {
  readonly stdout: string;
  readonly stderr: string;
}

/** How a child is started, beyond its program and arguments. */
export interface SpawnOptions {
  /** Added to the child's environment, which otherwise holds only PATH, TMPDIR, and the group's directory as HOME. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Working directory; by default, the group's directory. */
  readonly cwd?: string;
  /** ID of the user and group that the child runs as. Only root can name another user than itself. */
  readonly user?: number;
  /** What the child reads from its standard input; by default, nothing. */
  readonly input?: string;
  /** Grace period after SIGTERM, in milliseconds, before the child is killed. The default is 2,000. */
  readonly graceMilliseconds?: number;
}

/** A running child of a `ProcessGroup`. */
export interface Child {
  readonly name: string;
  readonly pid: number;
  /** The child's output and error output. */
  readonly logFile: string;
  /** Resolves when the child has ended in any way; never rejects. */
  readonly exited: Promise<Exit>;
  /** The last lines of the log. */
  logTail(lines?: number): Promise<string>;
  /** Stops the child: sends SIGTERM, and SIGKILL after the grace period. */
  stop(): Promise<Exit>;
}

interface Pending {
  readonly spawned: PromiseWithResolvers<number>;
  readonly exited: PromiseWithResolvers<Exit>;
  pid?: number;
}

const killed: Exit = { code: null, signal: 'SIGKILL' };

/**
 * A set of child processes and a temporary directory that end together: on `stop()`, at the end of an `await using`
 * block, or when the process that called `start()` is gone. A supervisor process (processes/supervisor.ts) ensures this.
 */
export class ProcessGroup implements AsyncDisposable {
  static readonly #running = new Set<ProcessGroup>();

  /** The group's data; only this user can read it. It is removed when the group stops. */
  readonly directory: string;
  readonly #supervisor: ChildProcess;
  readonly #supervisorExited: Promise<void>;
  readonly #pending = new Map<number, Pending>();
  readonly #logNames = new Map<string, number>();
  #lastId = 0;
  #stopped = false;

  private constructor(supervisor: ChildProcess, directory: string) {
    this.directory = directory;
    this.#supervisor = supervisor;
    // The channel carries nothing but reports of supervisor.ts.
    supervisor.on('message', (message) => this.#receive(message as Report));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#supervisorExited = promise;
    supervisor.once('exit', (code) => void this.#onSupervisorExit(code).then(resolve, reject));
    ProcessGroup.#running.add(this);
  }

  /** Starts an empty group. */
  static async start(): Promise<ProcessGroup> {
    const supervisor = spawn(process.execPath, [fileURLToPath(new URL('supervisor.ts', import.meta.url))], {
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: supervisorEnvironment(),
    });
    const { promise: ready, resolve, reject } = Promise.withResolvers<string>();
    supervisor.once('error', reject);
    supervisor.once('exit', (code) => reject(new Error(`the supervisor ended with code ${code}`)));
    supervisor.once('message', (message) => {
      const report = message as Report;
      if (report.kind === 'ready') resolve(report.directory);
    });
    return new ProcessGroup(supervisor, await ready);
  }

  /** Stops every group that this process still runs. For signal handlers. */
  static async stopAll(): Promise<void> {
    await Promise.all([...ProcessGroup.#running].map((group) => group.stop()));
  }

  /**
   * Starts a program. Its output goes to a log file in the group's directory.
   *
   * @param name - names the log file; messages use it, too
   * @throws Error when the program cannot be started, for example because it does not exist
   */
  async spawn(
    name: string,
    file: string,
    args: readonly string[],
    options: SpawnOptions = {},
  ): Promise<Child> {
    const logFile = this.#newLogFile(name);
    const id = this.#request(file, args, options, { stdout: logFile, stderr: logFile });
    const { pid, exited } = await this.#started(id, name);
    return {
      name,
      pid,
      logFile,
      exited,
      logTail: (lines) => tail(logFile, lines),
      stop: () => {
        this.#send({ kind: 'end', id });
        return exited;
      },
    };
  }

  /**
   * Runs a command and waits until it ends, with success or not.
   *
   * @throws Error when the program cannot be started
   */
  async run(file: string, args: readonly string[], options: SpawnOptions = {}): Promise<Output> {
    const name = join(this.directory, `run-${this.#lastId + 1}`);
    const files = { stdout: `${name}.stdout`, stderr: `${name}.stderr` };
    const { exited } = await this.#started(this.#request(file, args, options, files), file);
    const exit = await exited;
    const [stdout, stderr] = await Promise.all([files.stdout, files.stderr].map(readAndRemove));
    return { ...exit, stdout: stdout ?? '', stderr: stderr ?? '' };
  }

  /** Stops all children and removes the directory. Resolves when nothing is left. It can be called again. */
  async stop(): Promise<void> {
    if (!this.#stopped) this.#send({ kind: 'stop' });
    this.#stopped = true;
    await this.#supervisorExited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #newLogFile(name: string): string {
    const count = (this.#logNames.get(name) ?? 0) + 1;
    this.#logNames.set(name, count);
    return join(this.directory, count === 1 ? `${name}.log` : `${name}.${count}.log`);
  }

  #request(
    file: string,
    args: readonly string[],
    { env, cwd, user, input, graceMilliseconds = 2_000 }: SpawnOptions,
    files: { readonly stdout: string; readonly stderr: string },
  ): number {
    this.#lastId += 1;
    const pending: Pending = { spawned: Promise.withResolvers(), exited: Promise.withResolvers() };
    this.#pending.set(this.#lastId, pending);
    this.#send({
      kind: 'spawn',
      id: this.#lastId,
      file,
      args,
      env: childEnvironment(this.directory, env),
      cwd: cwd ?? this.directory,
      graceMilliseconds,
      ...(input === undefined ? {} : { input }),
      ...(user === undefined ? {} : { user }),
      ...files,
    });
    return this.#lastId;
  }

  async #started(id: number, name: string): Promise<{ pid: number; exited: Promise<Exit> }> {
    const pending = this.#pending.get(id);
    if (pending === undefined || this.#stopped) throw new Error(`${name}: its process group has stopped`);
    return { pid: await pending.spawned.promise, exited: pending.exited.promise };
  }

  #send(request: Request): void {
    // If the channel is closed, the supervisor's exit event reports that.
    if (this.#supervisor.connected) this.#supervisor.send(request, () => undefined);
  }

  #receive(report: Report): void {
    if (report.kind === 'ready') return;
    const pending = this.#pending.get(report.id);
    if (pending === undefined) return;
    if (report.kind === 'spawned') {
      pending.pid = report.pid;
      pending.spawned.resolve(report.pid);
      return;
    }
    this.#pending.delete(report.id);
    if (report.kind === 'failed') pending.spawned.reject(new Error(report.message));
    else pending.exited.resolve({ code: report.code, signal: report.signal });
  }

  /**
   * A supervisor that exits with 0 leaves no process behind, so this method kills none. Killing by ID would be unsafe then: if
   * the last reports are lost, a child may have exited, and another process may have its ID. If the supervisor was killed,
   * this method kills the processes itself.
   */
  async #onSupervisorExit(code: number | null): Promise<void> {
    this.#stopped = true;
    ProcessGroup.#running.delete(this);
    for (const { pid, spawned, exited } of this.#pending.values()) {
      if (pid !== undefined && code !== 0) killGroup(pid);
      spawned.promise.catch(() => undefined);
      spawned.reject(new Error('the process group has stopped'));
      exited.resolve(killed);
    }
    this.#pending.clear();
    await rm(this.directory, { recursive: true, force: true, maxRetries: 10 });
  }
}

/** Whether a process with this ID exists on this machine. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** How a process ended, in words. */
export function describe({ code, signal }: Exit): string {
  return signal === null ? `code ${code}` : `signal ${signal}`;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // No process is left in the group.
  }
}

async function readAndRemove(file: string): Promise<string> {
  const text = await readFile(file, 'utf8');
  await rm(file);
  return text;
}
