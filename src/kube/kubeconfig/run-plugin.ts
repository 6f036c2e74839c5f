import { spawn } from 'node:child_process';

/** Bound on the output of a plug-in. An ExecCredential has a few kilobytes. */
const LONGEST_OUTPUT = 1_048_576;

/** How to run a program. */
export interface PluginRun {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Whether the program reads from the standard input of this process. */
  readonly interactive: boolean;
  readonly timeoutMs: number;
}

/** How a plug-in ended. */
export type PluginResult =
  | { readonly result: 'Exited'; readonly code: number | null; readonly output: string }
  /** The program did not start. `code` is the error code of the system, such as `ENOENT`. */
  | { readonly result: 'NotStarted'; readonly code: string }
  | { readonly result: 'TimedOut' }
  | { readonly result: 'TooMuchOutput' };

/**
 * Runs a program, and returns its standard output. Kills it if it runs too long or prints too much. As kubectl does, shows its
 * standard error on the terminal, which may contain instructions for a login. Without a terminal, it is discarded, because
 * it may contain a token, and the output of this process may be kept in a log.
 */
export async function runPlugin({
  command,
  args,
  env,
  interactive,
  timeoutMs,
}: PluginRun): Promise<PluginResult> {
  const { promise, resolve } = Promise.withResolvers<PluginResult>();
  const child = spawn(command, args, {
    env,
    stdio: [interactive ? 'inherit' : 'ignore', 'pipe', process.stderr.isTTY ? 'inherit' : 'ignore'],
  });
  const chunks: Buffer[] = [];
  let length = 0;
  const stop = (result: PluginResult) => {
    child.kill('SIGKILL');
    // A process that the plug-in has started may keep the pipe open.
    child.stdout?.destroy();
    resolve(result);
  };
  const timer = setTimeout(() => stop({ result: 'TimedOut' }), timeoutMs);
  child.stdout?.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length > LONGEST_OUTPUT) stop({ result: 'TooMuchOutput' });
  });
  child.on('error', (error: NodeJS.ErrnoException) =>
    resolve({ result: 'NotStarted', code: error.code ?? error.name }),
  );
  child.on('close', (code) =>
    resolve({ result: 'Exited', code, output: Buffer.concat(chunks).toString('utf8') }),
  );
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}
