import type { ControlPlane } from '../../../hack/testenv/control-plane/control-plane.ts';

/**
 * Writes the status of a finished Job, because the test environment has no kubelet and no Job controller.
 *
 * @param result - `Complete`: its pod has succeeded
 */
export async function completeJob(
  controlPlane: ControlPlane,
  namespace: string,
  name: string,
  result: 'Complete' | 'Failed' = 'Complete',
): Promise<void> {
  const now = new Date().toISOString();
  const condition = (type: string) => ({ type, status: 'True', lastProbeTime: now, lastTransitionTime: now });
  const finished =
    result === 'Complete'
      ? { completionTime: now, succeeded: 1, conditions: ['SuccessCriteriaMet', 'Complete'].map(condition) }
      : { failed: 1, conditions: ['FailureTarget', 'Failed'].map(condition) };
  const status = { startTime: now, uncountedTerminatedPods: {}, ...finished };
  await controlPlane.kubectl([
    ...['patch', 'job', name, '--namespace', namespace, '--subresource=status', '--type=merge'],
    ...['--patch', JSON.stringify({ status })],
  ]);
}
