import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { HELD_ANNOTATION } from '../../../src/api/names.ts';
import type { RawScan } from '../../../src/scan/raw-scan.ts';
import { createScan, secretOf } from '../../support/cluster/admission.ts';
import { Cluster, type TestNamespace } from '../../support/cluster/cluster.ts';
import { AdmissionRelease, type Replica } from '../../support/cluster/registration.ts';
import { ServiceNetwork } from '../../support/cluster/service-network.ts';
import { until } from '../../support/until.ts';

const AUTHS = { 'reg.example': { auth: btoa('user:pass') } };
/** How long traffic may still reach a pod that shuts down, because nodes learn late that it is no longer an endpoint. */
const WITHDRAWN_MS = 2_000;
/** Node's own default closes an idle connection after 5 seconds. Go's client keeps it for 90. */
const IDLE_MS = 10_000;

const isBound = (scan: RawScan) => secretOf(scan) !== undefined;
const isHeld = ({ metadata }: RawScan) => metadata.annotations?.[HELD_ANNOTATION] === 'resume';

describe('Scans while pods of the webhook are replaced', () => {
  let network: ServiceNetwork;
  let cluster: Cluster;
  let release: AdmissionRelease;
  let namespace: TestNamespace;
  let replicas: readonly Replica[] = [];

  before(async () => {
    cluster = await Cluster.start({ services: true });
    network = await ServiceNetwork.start(cluster.controlPlane);
    release = await AdmissionRelease.of(cluster);
    await release.registering(() => release.upgrade({}));
    replicas = [await release.startReplica(), await ready()];
    network.targets = replicas.map(({ port }) => port);
    namespace = await cluster.namespace();
    await namespace.pullSecret('pull', AUTHS);
    await namespace.binding('app');
    await namespace.condition('app', 'Ready', 'True Ready');
    assert.ok(isBound(await scan()), await release.failedCalls());
  });
  after(async () => {
    try {
      await network?.[Symbol.asyncDispose]();
    } finally {
      await cluster?.[Symbol.asyncDispose]();
    }
  });

  /** Starts a replica that follows, or leads if there is no other leader at the moment. */
  async function ready(): Promise<Replica> {
    const replica = await release.startReplica({ keepLease: true, until: 'serving' });
    await until(async () => (await fetch(`${replica.url}/readyz`)).ok, 'the replica to be ready', 60);
    return replica;
  }

  async function scan(): Promise<RawScan> {
    return createScan(cluster, namespace.name);
  }

  /** Does what Kubernetes does: it starts the next pod, ends this one, and withdraws its endpoint a moment later. */
  async function replace(old: Replica): Promise<Replica> {
    const next = await ready();
    network.targets = [...network.targets, next.port];
    const stopped = old.process.stop();
    await delay(WITHDRAWN_MS);
    network.targets = network.targets.filter((port) => port !== old.port);
    await stopped;
    return next;
  }

  it('are bound over a connection that was idle for 10 seconds', async () => {
    const { opened, open } = network;
    assert.ok(open > 0);
    await delay(IDLE_MS);
    assert.ok(isBound(await scan()), await release.failedCalls());
    assert.deepEqual([network.opened, network.open], [opened, open]);
  });

  it('are all bound when they are created, 10 at a time', async () => {
    const scans: RawScan[] = [];
    let isDone = false;
    const creating = (async () => {
      while (!isDone) {
        scans.push(...(await Promise.all(Array.from({ length: 10 }, scan))));
        await delay(100);
      }
    })();
    const next: Replica[] = [];
    try {
      for (const old of replicas) next.push(await replace(old));
    } finally {
      isDone = true;
      await creating;
    }
    replicas = next;
    assert.equal(scans.filter(isBound).length, scans.length, await release.failedCalls());
  });

  it('are decided on with the newest objects while a pod shuts down', async () => {
    const [last] = replicas;
    assert.ok(last !== undefined);
    network.targets = [last.port];
    network.cut();
    const stopped = last.process.stop();
    await until(
      async () => (await (await fetch(`${last.url}/readyz`)).text()).startsWith('stopping'),
      'the pod to shut down',
    );
    await namespace.binding('late', { image: 'reg.example/late' });
    const spec = { parameters: ['reg.example/late:1.0'] };
    await until(
      async () => {
        const created = await createScan(cluster, namespace.name, { spec });
        return isBound(created) || isHeld(created);
      },
      'the pod that shuts down to know the binding',
      4,
    );
    await stopped;
  });
});
