import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type RunningController, startController } from '../../../hack/testenv/controller.ts';
import type { RevertedWrite } from '../../../src/api/index.ts';
import { imageCredentialBindings } from '../../../src/api/index.ts';
import {
  CertificateFolder,
  createScan,
  grantAdmission,
  metric,
  registerWebhook,
  secretOf,
  startAdmitting,
  untilCalled,
} from '../../support/cluster/admission.ts';
import { type Binding, Cluster, secretNameOf, type TestNamespace } from '../../support/cluster/cluster.ts';
import { apply, applyAgainAndAgain, OPPONENT, writesOfScans } from '../../support/cluster/opponent.ts';
import { until } from '../../support/until.ts';

const OTHER_CLOCK = join(import.meta.dirname, '../../support/preload/other-clock.ts');
const AUTHS = { 'reg.example': { auth: btoa('user:pass') } };
/** Seconds between a write and the next one, after 3, 4, … reversions. */
const WAITS = [5, 10, 20, 40, 80, 160, 320, 600];
const LONGEST = 600;
/** How long before the next write the test shows that the controller does not write. The controller starts and stops in this time. */
const MARGIN = 100;
/** Number of the longest waits that are tried. */
const ROUNDS = 3;

describe('a field manager that never stops reverting the binding of a ScheduledScan, without the webhook,', () => {
  let cluster: Cluster;
  let namespace: TestNamespace;

  before(async () => {
    cluster = await Cluster.start();
    namespace = await cluster.namespace();
    await namespace.pullSecret('pull', AUTHS);
    await apply(cluster, namespace.name, OPPONENT);
    await namespace.binding('app');
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  async function binding(): Promise<Binding> {
    const found = await namespace.get<Binding>(imageCredentialBindings, 'app');
    assert.ok(found);
    return found;
  }

  async function reverted(): Promise<RevertedWrite | undefined> {
    return (await binding()).status?.revertedWrites?.[0];
  }

  /** Runs a controller whose clock starts at this time, in milliseconds since the epoch. Returns how often it wrote the scan. */
  async function runAt(
    time: number,
    work: (controller: RunningController) => Promise<unknown>,
  ): Promise<number> {
    await until(
      async () => secretNameOf(await namespace.rawScan('scan')) === undefined,
      'the opponent to revert the binding',
    );
    const from = (await cluster.controlPlane.auditEvents()).length;
    const env = { CLOCK_SHIFT_MS: String(time - Date.now()) };
    const controller = await startController(cluster.controlPlane, [], { preload: OTHER_CLOCK, env });
    await work(controller);
    await controller.process.stop();
    return (await writesOfScans(cluster, namespace.name, from)).length;
  }

  const reconciled = (controller: RunningController) =>
    until(
      async () =>
        (await metric(controller, 'icb_reconcile_duration_seconds_count', 'controller="binding"')) > 0,
      'the binding to be reconciled',
    );

  /** Shows that no write comes before the wait is over, and one comes then. Returns the wait, in seconds. */
  async function assertNextWrite({ reversions, lastWriteTime }: RevertedWrite): Promise<number> {
    const wait = WAITS[reversions - 3] ?? LONGEST;
    const last = Date.parse(lastWriteTime);
    if (wait > MARGIN) assert.equal(await runAt(last + (wait - MARGIN) * 1_000, reconciled), 0);
    const written = async () => (await reverted())?.lastWriteTime !== lastWriteTime;
    const count = await runAt(last + wait * 1_000, () => until(written, 'the next write'));
    if (wait > MARGIN) assert.equal(count, 1);
    return wait;
  }

  it('causes only one write in ten minutes in the end, and the binding names the field manager', async () => {
    const opponent = applyAgainAndAgain(cluster, namespace.name, OPPONENT);
    try {
      await runAt(Date.now(), () => until(reverted, 'the controller to back off', 120));
      const waits: number[] = [];
      while (waits.filter((wait) => wait === LONGEST).length < ROUNDS) {
        const before = await reverted();
        assert.equal(before?.fieldManager, OPPONENT.manager);
        waits.push(await assertNextWrite(before));
      }
      assert.deepEqual(
        waits,
        waits.toSorted((a, b) => a - b),
      );
      const ready = (await binding()).status?.conditions?.find(({ type }) => type === 'Ready');
      assert.equal(`${ready?.status} ${ready?.reason}`, 'False WritesReverted');
      assert.match(ready?.message ?? '', /field manager opponent reverts/);
    } finally {
      await opponent.stop();
    }
  });
});

describe('a field manager that reverts the binding of a ScheduledScan again and again, with the webhook,', () => {
  it('ends the writes, and the Scans are bound when they are created', async () => {
    await using cluster = await Cluster.start();
    await grantAdmission(cluster);
    const certificates = await CertificateFolder.create(cluster, 'certificates');
    const { ca } = await certificates.renew();
    const controller = await startAdmitting(cluster, certificates);
    await registerWebhook(cluster, { url: controller.webhook, ca });
    await untilCalled(cluster, controller);
    const namespace = await cluster.namespace();
    await namespace.pullSecret('pull', AUTHS);
    await apply(cluster, namespace.name, OPPONENT);
    await namespace.binding('app');
    const status = async () => (await namespace.get<Binding>(imageCredentialBindings, 'app'))?.status;
    await using _ = stopping(applyAgainAndAgain(cluster, namespace.name, OPPONENT));
    await until(async () => (await status())?.scans?.boundAtCreation === 1, 'the writes to end', 60);
    const from = (await cluster.controlPlane.auditEvents()).length;
    await delay(10_000);
    assert.deepEqual(await writesOfScans(cluster, namespace.name, from), []);
    const ready = await namespace.condition('app', 'Ready', 'True Ready');
    assert.equal(ready.status?.revertedWrites?.[0]?.fieldManager, OPPONENT.manager);
    assert.ok(secretOf(await createScan(cluster, namespace.name)));
  });

  function stopping(opponent: ReturnType<typeof applyAgainAndAgain>): AsyncDisposable {
    return { [Symbol.asyncDispose]: () => opponent.stop() };
  }
});
