import type { ControlPlane } from '../../../hack/testenv/control-plane/control-plane.ts';
import { builtProgram } from '../../../hack/testenv/program.ts';

/** The result of a command. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line as a separate process. */
export async function runCommand(
  controlPlane: ControlPlane,
  args: readonly string[],
  kubeconfig = controlPlane.kubeconfig,
): Promise<Ran> {
  return controlPlane.group.run(process.execPath, [await builtProgram(), ...args], {
    env: { KUBECONFIG: kubeconfig },
  });
}
