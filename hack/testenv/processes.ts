/**
 * Child processes that end when the process that started them ends, even by SIGKILL, and leave nothing behind.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Report, Request } from './processes/supervisor.ts';

/** How a process ended: by itself with a code, or by a signal. */
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
  /** Added to the child's environment, which else holds only PATH, TMPDIR and, as HOME, the group's directory. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Working directory; the group's directory unless told. */
  readonly cwd?: string;
  /** Number of the user and group that it runs as; only root may say another than its own. */
  readonly user?: number;
  /** All that the child reads from its standard input; nothing unless told. */
  readonly input?: string;
  /** How long the child may take to tidy up, in milliseconds, before it is killed; 2,000 unless told. */
  readonly graceMilliseconds?: number;
}

/** A running child of a `ProcessGroup`. */
export interface Child {
  readonly name: string;
  readonly pid: number;
  /** Holds what the child writes to its output and error output. */
  readonly logFile: string;
  /** Resolves when the child has ended, however; never rejects. */
  readonly exited: Promise<Exit>;
  /** The last lines of the log. */
  logTail(lines?: number): Promise<string>;
  /** Ends the child: SIGTERM, and after its grace SIGKILL. */
  stop(): Promise<Exit>;
}

/** A child did not become what was waited for; the message holds the last lines of its log. */
export class StartError extends Error {
  override readonly name = 'StartError';
  /** The whole log of the child. */
  readonly log: string;

  constructor(message: string, log: string) {
    super(`${message}. The last lines of its log:\n${lastLines(log)}`);
    this.log = log;
  }
}

interface Pending {
  readonly spawned: PromiseWithResolvers<number>;
  readonly exited: PromiseWithResolvers<Exit>;
  pid?: number;
}

const portAttempts = 5;
const killed: Exit = { code: null, signal: 'SIGKILL' };

/**
 * A set of child processes and a temporary directory that end together: on `stop()`, at the end of an `await using`
 * block, or when the process that called `start()` is gone. A supervisor process beside it sees to that.
 */
export class ProcessGroup implements AsyncDisposable {
  static readonly #running = new Set<ProcessGroup>();

  /** A directory for the group's data, readable for this user only, removed when the group stops. */
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
    const supervisor = spawn(
      process.execPath,
      [fileURLToPath(new URL('processes/supervisor.ts', import.meta.url))],
      {
        detached: true,
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
        env: inherited(),
      },
    );
    const { promise: ready, resolve, reject } = Promise.withResolvers<string>();
    supervisor.once('error', reject);
    supervisor.once('exit', (code) => reject(new Error(`the supervisor ended with code ${code}`)));
    supervisor.once('message', (message) => {
      const report = message as Report;
      if (report.kind === 'ready') resolve(report.directory);
    });
    return new ProcessGroup(supervisor, await ready);
  }

  /** Stops every group of this process that is still running: for a signal handler. */
  static async stopAll(): Promise<void> {
    await Promise.all([...ProcessGroup.#running].map((group) => group.stop()));
  }

  /**
   * Starts a program, its output in a log file in the group's directory.
   *
   * @param name - what the log file and messages call it
   * @throws Error when the program cannot be started, for example because there is none of that name
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
   * Runs a command to its end, whatever that is.
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

  /** Ends all children and removes the directory. Resolves when nothing is left; may be called again. */
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
      env: defined({ ...plain(this.directory), ...env }),
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
    // A channel that is gone shows as the supervisor's exit.
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
   * The supervisor has left nothing, unless it was killed: then its work is done here. Else what it told last may be lost,
   * and a process that we take for running may have ended, its id be another's by now.
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

/**
 * Waits until a child answers.
 *
 * @param probe - whether it is ready; a rejection counts as "not yet"
 * @throws StartError when the child ends first, or is not ready in time
 */
export async function untilReady(child: Child, probe: () => Promise<boolean>, seconds = 60): Promise<void> {
  let exit: Exit | undefined;
  void child.exited.then((how) => {
    exit = how;
  });
  const deadline = Date.now() + seconds * 1_000;
  while (!(await probe().catch(() => false))) {
    if (exit !== undefined) {
      throw new StartError(`${child.name} ended with ${describe(exit)}`, await child.logTail(Infinity));
    }
    if (Date.now() > deadline) {
      throw new StartError(`${child.name} was not ready after ${seconds} s`, await child.logTail(Infinity));
    }
    await delay(25);
  }
}

/**
 * Starts a server on a loopback port that is free. One that is free now may be taken a moment later: when the server's
 * log says so, another one is tried.
 *
 * @param start - rejects with a `StartError` when the server ends
 */
export async function onFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(await freePort());
    } catch (error) {
      const taken = error instanceof StartError && error.log.includes('address already in use');
      if (!taken || attempt === portAttempts) throw error;
    }
  }
}

/** Whether there is a process with this id on this machine. */
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

async function freePort(): Promise<number> {
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>();
  const server = createServer().once('error', reject).listen(0, '127.0.0.1', resolve);
  await listening;
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === 'string')
    throw new Error('a TCP server has an address with a port');
  return address.port;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left in it.
  }
}

/** The supervisor is not part of a test run, even when its owner is. */
function inherited(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return env;
}

function plain(directory: string): Record<string, string | undefined> {
  return { PATH: process.env['PATH'], TMPDIR: process.env['TMPDIR'], HOME: directory };
}

function defined(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
}

async function tail(file: string, lines?: number): Promise<string> {
  return lastLines(await readFile(file, 'utf8').catch(() => ''), lines);
}

function lastLines(text: string, lines = 15): string {
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}

async function readAndRemove(file: string): Promise<string> {
  const text = await readFile(file, 'utf8');
  await rm(file);
  return text;
}
