import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { ControlPlane } from '../../../hack/testenv/control-plane/control-plane.ts';
import { builtProgram } from '../../../hack/testenv/program.ts';

/** Whether util-linux's `script`, which opens a terminal, is installed. */
export function hasTerminal(): boolean {
  return /util-linux/.test(spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout ?? '');
}

/**
 * Runs the command line on a terminal of its own. As a user does, types `input` once the command asks a question: what is
 * typed before can be lost while the process starts.
 *
 * @param args - must need no quoting in a shell
 */
export async function runOnTerminal(
  controlPlane: ControlPlane,
  args: readonly string[],
  input: string,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const command = [process.execPath, await builtProgram(), ...args].join(' ');
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    env: { PATH: process.env['PATH'], KUBECONFIG: controlPlane.kubeconfig },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  let output = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    const isAsked = output.includes('?');
    output += chunk;
    if (!isAsked && output.includes('?')) child.stdin.write(input);
  }
  return { code: (await exited)[0], output: output.replaceAll('\r\n', '\n') };
}
