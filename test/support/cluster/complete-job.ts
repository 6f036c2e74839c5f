import type { ControlPlane } from '../../../hack/testenv/control-plane/control-plane.ts';

/**
 * Writes the status of a successful Job, because the test environment has no kubelet and no Job controller.
 */
export async function completeJob(
  controlPlane: ControlPlane,
  namespace: string,
  name: string,
): Promise<void> {
  const now = new Date().toISOString();
  const condition = (type: string) => ({ type, status: 'True', lastProbeTime: now, lastTransitionTime: now });
  const status = {
    startTime: now,
    completionTime: now,
    succeeded: 1,
    uncountedTerminatedPods: {},
    conditions: [condition('SuccessCriteriaMet'), condition('Complete')],
  };
  await controlPlane.kubectl([
    ...['patch', 'job', name, '--namespace', namespace, '--subresource=status', '--type=merge'],
    ...['--patch', JSON.stringify({ status })],
  ]);
}
