import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { pino } from 'pino';
import { type ControlPlane, startControlPlane } from '../../../hack/testenv/control-plane/control-plane.ts';
import { KubeClient } from '../../../src/kube/client/client.ts';
import { Transport } from '../../../src/kube/client/transport.ts';
import { LeaderElection } from '../../../src/kube/leader-election/leader-election.ts';
import { LEASES, specOf } from '../../../src/kube/leader-election/lease.ts';
import type { KubeObject } from '../../../src/object/object.ts';
import { CONFIG_MAPS, configMap } from '../../support/cluster/faulty.ts';
import { adminConfig } from '../../support/faults/index.ts';
import { until } from '../../support/until.ts';

const SETTINGS = {
  namespace: 'default',
  name: 'lease',
  leaseDurationMs: 15_000,
  renewDeadlineMs: 13_000,
  retryPeriodMs: 250,
};
/** More writes than there are renewals in the rest of the test, so that the resource versions never catch up. */
const WRITES = 400;
/** This number of renewals takes longer than the lease duration. */
const RENEWALS = 75;

let controlPlane: ControlPlane;
before(async () => {
  controlPlane = await startControlPlane({ auditLog: false });
});
after(() => controlPlane?.stop());

const transports: Transport[] = [];
function connect(): KubeClient {
  const transport = new Transport(adminConfig(controlPlane));
  transports.push(transport);
  return new KubeClient({ transport, fieldManager: 'test' });
}

function elect(): LeaderElection {
  const log = pino({ level: 'silent' });
  const election = new LeaderElection({ client: connect(), settings: SETTINGS, log });
  election.start();
  return election;
}

async function renewals(admin: KubeClient, count: number): Promise<void> {
  const seen = new Set<string>();
  const renewed = async () => {
    const lease = await admin.get<KubeObject>(LEASES, SETTINGS);
    return seen.add(JSON.stringify(specOf(lease))).size > count;
  };
  await until(renewed, `${count} renewals`, 60);
}

it('a leader that renews its Lease keeps it, even after etcd is restored from a backup', async () => {
  const admin = connect();
  const leader = elect();
  const lost = leader.lost.catch((error: unknown) => error);
  await leader.leading;
  const follower = elect();
  await until(() => follower.role === `following ${leader.identity}`, 'the second one to follow');
  const backup = await controlPlane.backUp();
  await until(() => admin.create(CONFIG_MAPS, configMap('first')), 'the API server to accept a write');
  for (let index = 0; index < WRITES; index += 1) await admin.create(CONFIG_MAPS, configMap(`lost-${index}`));
  await renewals(admin, 3);
  await controlPlane.restore(backup);
  const outcome = await Promise.race([
    renewals(admin, RENEWALS).then(() => 'renewed'),
    follower.leading.then(() => 'taken'),
    lost,
  ]);
  assert.equal(outcome, 'renewed');
  assert.equal(leader.role, 'leading');
  assert.equal(follower.role, `following ${leader.identity}`);
  await leader.stop({ release: true });
  await follower.leading;
  await follower.stop({ release: true });
  await Promise.all(transports.map((transport) => transport.close()));
});
