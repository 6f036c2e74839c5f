import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { RELEASE } from '../../../hack/testenv/controller.ts';
import type { KubeObject } from '../../../src/object/object.ts';
import { Cluster, secretNameOf } from '../../support/cluster/cluster.ts';
import { type Ran, runCommand } from '../../support/cluster/command.ts';
import { createPod, deletePod } from '../../support/cluster/pods.ts';

const AUTHS = { 'reg.example': { auth: btoa('user:pass') } };

describe('unbind --uninstalled', () => {
  let cluster: Cluster;

  before(async () => {
    cluster = await Cluster.start();
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  async function unbind(...args: readonly string[]): Promise<Ran> {
    return runCommand(cluster.controlPlane, ['unbind', '--lease-namespace', RELEASE, ...args]);
  }

  /** Kills the leader, which keeps its Lease as a controller does that has lost its rights. Returns its pod. */
  async function killedLeader(name: string): Promise<KubeObject> {
    const { process, pod } = await cluster.startControllerInPod(name);
    globalThis.process.kill(process.pid, 'SIGKILL');
    await process.exited;
    return pod;
  }

  /** Runs `unbind`, and returns its duration in milliseconds and its error output. */
  async function measure(...flags: readonly string[]): Promise<{ ms: number; stderr: string }> {
    const namespace = await cluster.namespace();
    const begun = performance.now();
    const { code, stderr } = await unbind('-n', namespace.name, ...flags);
    assert.equal(code, 0, stderr);
    return { ms: performance.now() - begun, stderr };
  }

  it('waits until the pod of the leader is gone, and not until its Lease expires', async (context) => {
    const pod = await killedLeader('leader-1');
    const withPod = await measure('--uninstalled');
    assert.match(withPod.stderr, /^waiting for the controller "leader-1_.+" to release the Lease/);
    await deletePod(cluster.client, pod);

    await deletePod(cluster.client, await killedLeader('leader-2'));
    const gone = await measure('--uninstalled');
    assert.equal(gone.stderr, '');
    context.diagnostic(`${Math.round(gone.ms)} ms without the pod, ${Math.round(withPod.ms)} ms with it`);
    // The Lease lasts for 15 seconds. The rest of the command takes a second.
    assert.ok(gone.ms < withPod.ms / 3, `${gone.ms} ms without the pod, ${withPod.ms} ms with it`);
  });

  it('counts only the Lease if the controller may still have its rights, or does not run in a pod', async () => {
    await deletePod(cluster.client, await killedLeader('leader-3'));
    assert.match((await measure()).stderr, /^waiting for the controller "leader-3_/);
    const elsewhere = await cluster.startController();
    globalThis.process.kill(elsewhere.process.pid, 'SIGKILL');
    await elsewhere.process.exited;
    assert.match((await measure('--uninstalled')).stderr, /^waiting for the controller ".+" to release/);
  });

  it('takes a new pod of the same name for another one', async () => {
    await deletePod(cluster.client, await killedLeader('leader-4'));
    const again = await createPod(cluster.client, { namespace: RELEASE, name: 'leader-4', image: 'other' });
    assert.equal((await measure('--uninstalled')).stderr, '');
    await deletePod(cluster.client, again);
  });

  it('waits for the Lease of a leader that hangs, and the leader writes nothing when it continues', async () => {
    const namespace = await cluster.namespace();
    await namespace.scan('scan');
    const { process, pod } = await cluster.startControllerInPod('leader-5');
    await namespace.pullSecret('pull', AUTHS);
    await namespace.binding('app');
    await namespace.bound('scan');
    globalThis.process.kill(process.pid, 'SIGSTOP');
    const { code, stdout, stderr } = await unbind('-n', namespace.name, '--uninstalled');
    assert.deepEqual([code, stdout], [0, 'unbound 1 ScheduledScan, deleted 1 Secret\n']);
    assert.match(stderr, /^waiting for the controller "leader-5_/);
    globalThis.process.kill(process.pid, 'SIGCONT');
    assert.equal((await process.exited).code, 1);
    assert.equal(secretNameOf(await namespace.rawScan('scan')), undefined);
    await deletePod(cluster.client, pod);
  });
});
