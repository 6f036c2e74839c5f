import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CHART } from '../../../hack/root.ts';
import { RELEASE } from '../../../hack/testenv/controller.ts';
import { Cluster } from '../../support/cluster/cluster.ts';
import { AdmissionRelease, HOOK } from '../../support/cluster/registration.ts';
import { until } from '../../support/until.ts';

interface Budget {
  readonly metadata: { readonly generation: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly expectedPods?: number;
    readonly conditions?: readonly object[];
  };
}

describe('the PodDisruptionBudget', () => {
  it('is computed from the pods of the Deployment while a failed Job of the chart is kept', async () => {
    await using cluster = await Cluster.start({ controllerManager: true });
    const release = await AdmissionRelease.of(cluster);
    const kubectl = async (...args: readonly string[]) =>
      (await cluster.controlPlane.kubectl([...args, '--namespace', RELEASE])).stdout;
    // There is no node, so the pod of the Job never starts.
    const flags = ['--reset-values', '--values', '-', '--timeout=5s'];
    const values = { admission: { enabled: true } };
    assert.equal((await release.helm(['upgrade', RELEASE, CHART, ...flags], values)).code, 1);
    await until(async () => {
      const selector = `--selector=batch.kubernetes.io/job-name=${HOOK}`;
      return (await kubectl('get', 'pods', selector, '--output=name')) !== '';
    }, 'the pod of the Job');
    // A change of the spec makes Kubernetes compute the budget again.
    const patch = JSON.stringify({ spec: { unhealthyPodEvictionPolicy: 'IfHealthyBudget' } });
    await kubectl('patch', 'poddisruptionbudget', RELEASE, '--type=merge', '--patch', patch);
    await until(async () => {
      const found = await kubectl('get', 'poddisruptionbudget', RELEASE, '--output=json');
      const { metadata, status } = JSON.parse(found) as Budget;
      if (status?.observedGeneration !== metadata.generation) throw new Error(JSON.stringify(status));
      return status.expectedPods === 2;
    }, 'Kubernetes to compute the budget');
  });
});
