import type { ControlPlane } from '../../../hack/testenv/control-plane/control-plane.ts';
import { builtProgram } from '../../../hack/testenv/program.ts';

/** What came of a command. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line as a process of its own. */
export async function runCommand(
  controlPlane: ControlPlane,
  args: readonly string[],
  kubeconfig = controlPlane.kubeconfig,
): Promise<Ran> {
  return controlPlane.group.run(process.execPath, [await builtProgram(), ...args], {
    env: { KUBECONFIG: kubeconfig },
  });
}
