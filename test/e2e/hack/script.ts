import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A script as a separate process without a terminal. It is killed when the test ends. */
export class Script {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = '';
  #stderr = '';

  /** @param env - added to the environment of this process */
  constructor(
    context: TestContext,
    file: string,
    args: readonly string[],
    env: Readonly<Record<string, string | undefined>>,
  ) {
    const child = spawn(process.execPath, [file, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    context.after(() => child.kill('SIGKILL'));
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.process = child;
    this.ended = once(child, 'close').then(([code]) => ({ code, stdout: this.stdout, stderr: this.#stderr }));
  }

  /** Waits until the output matches. */
  async prints(wanted: RegExp): Promise<void> {
    const ended = this.ended.then(({ stdout, stderr }) => {
      if (!wanted.test(stdout))
        throw new Error(`the script ended before its output matched ${wanted}: ${stdout}${stderr}`);
    });
    while (!wanted.test(this.stdout)) {
      await Promise.race([ended, this.process.stdout && once(this.process.stdout, 'data')]);
    }
  }
}
