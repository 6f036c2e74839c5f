import { join } from 'node:path';
import { COMPILE_CACHE } from '../../hack/compile-cache.ts';
import type { ControlPlane } from '../../hack/control-plane.ts';

const repository = join(import.meta.dirname, '../..');

/** What came of a command. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line from source, as a process of its own. */
export async function runCommand(
  controlPlane: ControlPlane,
  args: readonly string[],
  kubeconfig = controlPlane.kubeconfig,
): Promise<Ran> {
  return controlPlane.group.run(process.execPath, [join(repository, 'src/main.ts'), ...args], {
    env: { KUBECONFIG: kubeconfig, ...COMPILE_CACHE },
  });
}
