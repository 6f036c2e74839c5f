import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type RunningController, startController } from '../../../hack/testenv/controller.ts';
import { SCHEDULED_SCANS } from '../../../src/object/resources.ts';
import type { RawScheduledScan } from '../../../src/scan/scheduled-scan.ts';
import { Cluster, secretNameOf } from '../../support/cluster/cluster.ts';
import { until } from '../../support/until.ts';

const AUTHS = { 'reg.example': { auth: btoa('user:pass') } };
const MISHAP = join(import.meta.dirname, '../../support/preload/mishap.ts');

describe('the life cycle of the controller', () => {
  let cluster: Cluster;

  before(async () => {
    cluster = await Cluster.start();
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  it('finishes the reconcile in progress on SIGTERM, even if the signal comes twice, and then releases the lease', async () => {
    const namespace = await cluster.namespace();
    const names = Array.from({ length: 100 }, (_, index) => `scan-${index}`);
    await namespace.pullSecret('pull', AUTHS);
    for (const name of names) await namespace.scan(name);
    const controller = await cluster.startController();
    const bound = async () => {
      const { items } = await cluster.client.list(SCHEDULED_SCANS, { namespace: namespace.name });
      return items.filter((scan) => secretNameOf(scan as unknown as RawScheduledScan) !== undefined).length;
    };
    await namespace.binding('app');
    await until(async () => (await bound()) > 0, 'the reconcile to be in progress');
    const atTheSignal = await bound();
    process.kill(controller.process.pid, 'SIGTERM');
    await until(async () => (await controller.log()).includes('"msg":"stopping"'), 'the controller to stop');
    assert.deepEqual(await controller.process.stop(), { code: 0, signal: null });
    assert.ok(atTheSignal < names.length, 'the signal came too late to prove anything');
    assert.equal(await bound(), names.length);
    const events = (await cluster.controlPlane.auditEvents()).filter(
      ({ user, verb }) => user.extra?.[CREDENTIAL]?.[0] === controller.credentialId && verb !== 'watch',
    );
    assert.equal(events.at(-1)?.objectRef?.resource, 'leases');
    assert.equal(events.at(-1)?.verb, 'update');
    assert.deepEqual(
      (await linesOf(controller)).slice(-2).map(({ msg }) => msg),
      ['lease released', 'stopped'],
    );
  });

  const mishaps: readonly { readonly kind: string; readonly text: string }[] = [
    { kind: 'timer', text: 'thrown in a timer' },
    { kind: 'promise', text: 'rejected' },
    { kind: 'stream', text: 'thrown in a stream' },
    { kind: 'event', text: 'emitted' },
  ];
  for (const { kind, text } of mishaps) {
    it(`exits after one fatal log line on an unhandled error from a ${kind}`, async () => {
      const controller = await startController(cluster.controlPlane, [], {
        preload: MISHAP,
        env: { MISHAP: kind },
      });
      const { length } = await linesOf(controller);
      process.kill(controller.process.pid, 'SIGUSR2');
      assert.deepEqual(await controller.process.exited, { code: 1, signal: null });
      const reported = (await linesOf(controller)).slice(length);
      assert.deepEqual(
        reported.map(({ level, msg, err }) => ({ level, msg, text: err?.message })),
        [{ level: 60, msg: 'cannot go on', text }],
      );
    });
  }

  it('logs nothing while nothing changes, as leader and as follower, and logs a warning of Node in the usual format', async () => {
    const flags = ['--lease-duration', '2s', '--renew-deadline', '1s', '--retry-period', '200ms'];
    const options = { preload: MISHAP, env: { MISHAP: 'warning' } };
    const leader = await startController(cluster.controlPlane, flags, options);
    const follower = await startController(cluster.controlPlane, flags, {
      ...options,
      keepLease: true,
      until: 'following',
    });
    const both = [leader, follower];
    const before_ = await Promise.all(both.map(linesOf));
    const renewals = async () =>
      (await cluster.controlPlane.auditEvents()).filter(
        ({ verb, objectRef }) => verb === 'update' && objectRef?.resource === 'leases',
      ).length;
    const from = await renewals();
    await until(async () => (await renewals()) > from + 20, 'the lease to be renewed many times');
    assert.deepEqual(await Promise.all(both.map(linesOf)), before_);
    for (const controller of both) {
      process.kill(controller.process.pid, 'SIGUSR2');
      const last = await until(async () => {
        const line = (await linesOf(controller)).at(-1);
        return line?.level === 40 && line;
      }, 'the warning');
      assert.equal(last.err?.message, 'mind the step');
      assert.equal((await fetch(`${controller.url}/healthz`)).status, 200);
    }
    assert.deepEqual(await follower.process.stop(), { code: 0, signal: null });
    assert.deepEqual(
      (await linesOf(follower)).slice(-2).map(({ msg }) => msg),
      ['stopping', 'stopped'],
    );
    assert.deepEqual(await leader.process.stop(), { code: 0, signal: null });
  });
});

const CREDENTIAL = 'authentication.kubernetes.io/credential-id';

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly err?: { readonly message: string };
}

/** All lines of the log. Fails if a line is not JSON. */
async function linesOf(controller: RunningController): Promise<readonly Line[]> {
  const lines = (await controller.log()).trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Line);
}
