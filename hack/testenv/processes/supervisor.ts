/**
 * The supervisor process of a `ProcessGroup` (process-group.ts). It starts the children of the group. When its owner exits,
 * the supervisor stops the children, removes the directory of the group, and exits. It runs in its own session, so that a
 * Ctrl-C for the owner does not reach it. The channel between the two closes when the owner exits for any reason.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A request of the owner. */
export type Request =
  | {
      readonly kind: 'spawn';
      readonly id: number;
      readonly file: string;
      readonly args: readonly string[];
      readonly env: Readonly<Record<string, string>>;
      readonly cwd: string;
      readonly graceMilliseconds: number;
      readonly user?: number;
      readonly input?: string;
      readonly stdout: string;
      readonly stderr: string;
    }
  | { readonly kind: 'end'; readonly id: number }
  | { readonly kind: 'stop' };

/** A report of the supervisor. There is none for a finished stop, because the supervisor then exits. */
export type Report =
  | { readonly kind: 'ready'; readonly directory: string }
  | { readonly kind: 'spawned'; readonly id: number; readonly pid: number }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string }
  | {
      readonly kind: 'exited';
      readonly id: number;
      readonly code: number | null;
      readonly signal: NodeJS.Signals | null;
    };

type SpawnRequest = Extract<Request, { kind: 'spawn' }>;

interface Child {
  readonly process: ChildProcess;
  readonly graceMilliseconds: number;
}

const children = new Map<number, Child>();
let stopping: Promise<void> | undefined;

const directory = await mkdtemp(join(tmpdir(), 'icb-'));

process.on('message', (request: Request) => receive(request));
process.on('disconnect', () => void stop());
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stop());

if (process.connected) report({ kind: 'ready', directory });
else void stop();

function receive(request: Request): void {
  if (request.kind === 'stop') void stop();
  else if (request.kind === 'end') void end(request.id);
  else if (stopping === undefined) start(request);
}

function report(message: Report): void {
  // The owner may exit at any time. Then 'disconnect' follows.
  if (process.connected) process.send?.(message, () => undefined);
}

function start(request: SpawnRequest): void {
  const { id, graceMilliseconds } = request;
  try {
    const child = spawnInto(request);
    // A child without a pid could not be started. Only 'error' follows.
    child.on('error', (error) => {
      if (child.pid === undefined) report({ kind: 'failed', id, message: error.message });
    });
    if (child.pid === undefined) return;
    children.set(id, { process: child, graceMilliseconds });
    child.on('exit', (code, signal) => {
      children.delete(id);
      signalGroup(child, 'SIGKILL');
      report({ kind: 'exited', id, code, signal });
    });
    report({ kind: 'spawned', id, pid: child.pid });
  } catch (error) {
    report({ kind: 'failed', id, message: String(error) });
  }
}

function spawnInto({ file, args, env, cwd, user, input, stdout, stderr }: SpawnRequest): ChildProcess {
  const out = openSync(stdout, 'a', 0o600);
  const err = openSync(stderr, 'a', 0o600);
  try {
    const stdin = input === undefined ? 'ignore' : 'pipe';
    // A detached child has its own process group, so that its descendants can be stopped with it.
    const as = user === undefined ? {} : { uid: user, gid: user };
    const child = spawn(file, args, { env, cwd, ...as, detached: true, stdio: [stdin, out, err] });
    // Ignore errors, because a child need not read its input.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
    return child;
  } finally {
    closeSync(out);
    closeSync(err);
  }
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  } catch {
    // No process is left in the group.
  }
}

async function end(id: number): Promise<void> {
  const child = children.get(id);
  if (child === undefined) return;
  const { promise: exited, resolve } = Promise.withResolvers<void>();
  child.process.once('exit', () => resolve());
  signalGroup(child.process, 'SIGTERM');
  const timeout = setTimeout(() => signalGroup(child.process, 'SIGKILL'), child.graceMilliseconds);
  await exited;
  clearTimeout(timeout);
}

function stop(): Promise<void> {
  stopping ??= (async () => {
    await Promise.all([...children.keys()].map(end));
    await rm(directory, { recursive: true, force: true, maxRetries: 10 });
    process.exit(0);
  })();
  return stopping;
}
