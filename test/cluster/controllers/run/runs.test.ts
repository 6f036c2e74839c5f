import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { pino } from 'pino';
import {
  CONTROLLER_USER,
  type RunningController,
  startController,
} from '../../../../hack/testenv/controller.ts';
import {
  SCAN_TYPES,
  SCANS,
  type Scan,
  type ScheduledScan,
  type SecureCodeBox,
  scanType,
  secureCodeBoxAccess,
  startSecureCodeBox,
} from '../../../../hack/testenv/securecodebox/index.ts';
import { imageCredentialBindings, RUN_ANNOTATION } from '../../../../src/api/index.ts';
import { amount } from '../../../support/amount.ts';
import {
  Cluster,
  SCHEDULED_SCANS,
  secretNameOf,
  settled,
  type TestNamespace,
} from '../../../support/cluster/cluster.ts';
import { type FaultProxy, type Matches, startFaultProxy } from '../../../support/faults/index.ts';
import { until } from '../../../support/until.ts';

const AUTHS = {
  'old.example': { auth: btoa('old:canary-old-5Tz') },
  'new.example': { auth: btoa('new:canary-new-9Lm') },
};
/** Succeeds if the scan received a credential, or names an image that needs none. */
const COMMAND = [
  ...['node', '-e', 'process.exit(process.env.DOCKER_CONFIG || process.argv[1].includes("public") ? 0 : 1)'],
];
const STUCK_SECONDS = 15;
/** `npm run test:full` uses 1,000. */
const MANY = amount(50, 1000);
const MANY_SECONDS = 20 + MANY / 4;

describe('runs', () => {
  let cluster: Cluster;
  let namespace: TestNamespace;
  let secureCodeBox: SecureCodeBox;
  let controller: RunningController;
  /** The operator awaits this after it has created a Scan and before it writes the status. */
  let hold: (scheduledScan: ScheduledScan) => Promise<void> = async () => undefined;

  before(async () => {
    cluster = await Cluster.start();
    namespace = await cluster.namespace();
    const input = secureCodeBoxAccess(namespace.name)
      .map((object) => JSON.stringify(object))
      .join('\n');
    await cluster.controlPlane.kubectl(['apply', '--filename', '-'], { input });
    await namespace.put(SCAN_TYPES, {
      ...scanType(namespace.name, { name: 'trivy-image', command: COMMAND }),
    });
    const account = { namespace: namespace.name, name: 'securecodebox-operator' };
    secureCodeBox = await startSecureCodeBox({
      kubeconfig: await cluster.controlPlane.kubeconfigFor(account),
      programs: { node: process.execPath },
      log: pino({ level: 'silent' }),
      beforeStatusUpdate: (scheduledScan) => hold(scheduledScan),
    });
    await namespace.pullSecret('pull', AUTHS);
    controller = await cluster.startController();
  });
  after(async () => {
    await secureCodeBox?.stop();
    await cluster?.[Symbol.asyncDispose]();
  });

  const create = (name: string, image = `old.example/${name}:1`, spec: object = {}) =>
    namespace.scan(name, [image], { spec: { suspend: false, ...spec } });
  /** Creates a scan, and waits until its first run has ended. */
  const createAndRun = async (name: string, image?: string) => {
    const first = secureCodeBox.nextRun(namespace.name, name);
    await create(name, image);
    return first;
  };
  const bind = (name: string, spec: object = {}) =>
    namespace.binding(name, { image: `old.example/${name}`, ...spec });
  const migrate = (name: string) =>
    bind(name, { image: `new.example/${name}`, replaces: [`old.example/${name}`] });
  const scansOf = async (name: string): Promise<readonly Scan[]> => {
    const { items } = await cluster.client.list(SCANS, { namespace: namespace.name });
    // The API server returns only Scans here.
    return (items as readonly Scan[]).filter(({ metadata }) => metadata.ownerReferences?.[0]?.name === name);
  };
  const untilScans = (name: string, count: number) =>
    until(async () => {
      const found = (await scansOf(name)).length;
      assert.ok(found <= count, `${found} Scans of ${name}, expected ${count}`);
      return found === count;
    }, `${count} Scans of ${name}`);

  describe('of one scan', () => {
    it('are repeated once, successfully, if the run before the scan was bound failed', async () => {
      assert.equal((await createAndRun('failed')).state, 'Errored');
      const second = secureCodeBox.nextRun(namespace.name, 'failed');
      await bind('failed');
      assert.equal((await second).state, 'Done');
      await settled(cluster);
      const requests = (await scansOf('failed')).map(
        ({ metadata }) => metadata.annotations?.[RUN_ANNOTATION],
      );
      const [asked, ...others] = requests.filter((request) => request !== undefined);
      assert.match(asked ?? '', /^Bound 20/);
      assert.deepEqual(others, []);
      await untilScans('failed', 2);
    });

    it('are not repeated if the run before the scan was bound succeeded', async () => {
      assert.equal((await createAndRun('public')).state, 'Done');
      await bind('public');
      await namespace.bound('public');
      await settled(cluster);
      await untilScans('public', 1);
    });

    it('are not started while the scan is suspended', async () => {
      await create('suspended', undefined, { suspend: true });
      await bind('suspended');
      await namespace.bound('suspended');
      await migrate('suspended');
      await namespace.condition('suspended', 'Ready', 'True Ready');
      await settled(cluster);
      await untilScans('suspended', 0);
    });

    it('are started once after a migration, with the migrated image and its credential', async () => {
      await createAndRun('migrated', 'old.example/migrated:public');
      await bind('migrated');
      await namespace.bound('migrated');
      const next = secureCodeBox.nextRun(namespace.name, 'migrated');
      const from = (await cluster.controlPlane.auditEvents()).length;
      await migrate('migrated');
      assert.equal((await next).state, 'Done');
      await settled(cluster);
      const scans = await scansOf('migrated');
      assert.equal(scans.length, 2);
      const carrying = scans.filter(({ metadata }) => metadata.annotations?.[RUN_ANNOTATION] !== undefined);
      assert.deepEqual(
        carrying.map(({ spec }) => spec.parameters),
        [['new.example/migrated:public']],
      );
      const writes = (await cluster.writesOfController(from))
        .filter(({ objectRef }) => objectRef?.resource === 'scheduledscans')
        .map(({ verb, objectRef }) => `${verb} ${objectRef?.subresource ?? 'spec'}`);
      assert.deepEqual(writes, ['update spec', 'patch status']);
      const metrics = await (await fetch(`${controller.url}/metrics`)).text();
      assert.match(metrics, /icb_scan_runs_started_total\{cause="Migrated"\} [1-9]/);
      assert.match(metrics, /icb_scans_migrated_total [1-9]/);
    });

    it('are derived from the state of the cluster, so that a restart repeats none', async () => {
      assert.deepEqual(await controller.process.stop(), { code: 0, signal: null });
      const from = (await cluster.controlPlane.auditEvents()).length;
      controller = await cluster.startController();
      await settled(cluster);
      assert.deepEqual(await cluster.writesOfController(from), []);
      await untilScans('migrated', 2);
    });

    it('are started once after a migration if the scan has a cron schedule, with a Scan name of their own', async () => {
      await create('cron', undefined, { interval: undefined, schedule: '0 0 1 1 *' });
      await bind('cron');
      await namespace.bound('cron');
      for (let migrations = 1; migrations <= 2; migrations += 1) {
        const next = secureCodeBox.nextRun(namespace.name, 'cron');
        if (migrations === 1) await migrate('cron');
        else await bind('cron', { replaces: ['new.example/cron'] });
        assert.equal((await next).state, 'Done');
      }
      await settled(cluster);
      await untilScans('cron', 2);
    });
  });

  it('continue after one write of the status, and are not repeated, if the operator is stuck because the Scan already exists', async () => {
    await createAndRun('stuck', 'old.example/stuck:public');
    await bind('stuck');
    await namespace.bound('stuck');
    await settled(cluster);
    const disturbed = Promise.withResolvers<void>();
    hold = async ({ metadata: { name } }) => {
      if (name !== 'stuck') return;
      hold = async () => undefined;
      // Writes the ScheduledScan between the operator's two writes: after it creates the Scan, and before it writes the
      // status. The operator does not support this.
      const { spec, metadata } = await namespace.rawScan('stuck');
      await namespace.put(SCHEDULED_SCANS, { metadata: { ...metadata, labels: { touched: 'yes' } }, spec });
      disturbed.resolve();
    };
    const from = (await cluster.controlPlane.auditEvents()).length;
    secureCodeBox.trigger(namespace.name, 'stuck').catch(() => undefined);
    await disturbed.promise;
    await until(
      () => secureCodeBox.failure(namespace.name, 'stuck') === 'AlreadyExists',
      'the operator to fail with AlreadyExists',
    );
    await until(
      () => secureCodeBox.failure(namespace.name, 'stuck') === undefined,
      'the operator to continue',
      STUCK_SECONDS + 30,
    );
    await settled(cluster);
    const writes = (await cluster.writesOfController(from)).filter(
      ({ objectRef }) => objectRef?.resource === 'scheduledscans',
    );
    assert.deepEqual(
      writes.map(({ objectRef }) => objectRef?.subresource),
      ['status'],
    );
    await untilScans('stuck', 2);
    assert.match(await controller.log(), /scheduled scan unblocked/);
  });

  it('are not started if the interval exceeds a Go duration, and do not block the runs of other scans', async () => {
    const period = 3.6e24;
    const first = secureCodeBox.nextRun(namespace.name, 'endless');
    await create('endless', undefined, { interval: '1000000000000000000h' });
    assert.equal((await first).state, 'Errored');
    // The name is the same at any time, because adding a second does not change a floating-point number of this size.
    const planned = Math.floor((Date.now() - 86_400_000 - period) / 1_000) * 1_000 + period;
    const { uid = '' } = (await namespace.rawScan('endless')).metadata;
    const owner = {
      apiVersion: 'execution.securecodebox.io/v1',
      kind: 'ScheduledScan',
      name: 'endless',
      uid,
    };
    const name = `endless-${Math.floor(planned / 1_000)}`;
    await namespace.put(SCANS, {
      metadata: { name, ownerReferences: [owner] },
      spec: { scanType: 'trivy-image', parameters: ['old.example/endless:1'], suspend: true },
    });
    const place = { namespace: namespace.name, name };
    await cluster.client.patchStatus(SCANS, place, { status: { state: 'Errored' } });
    await bind('endless');
    await namespace.bound('endless');
    assert.equal((await createAndRun('beside')).state, 'Errored');
    const next = secureCodeBox.nextRun(namespace.name, 'beside');
    await bind('beside');
    assert.equal((await next).state, 'Done');
    await untilScans('endless', 2);
  });

  it('are evenly spaced for many scans, and are not started if the limit is 0 per minute', async () => {
    assert.deepEqual(await controller.process.stop(), { code: 0, signal: null });
    controller = await cluster.startController('--runs-per-minute', '0');
    const names = ['many-a', 'many-b', 'many-c'];
    for (const name of names) await createAndRun(name, `old.example/many:public-${name}`);
    await bind('many');
    for (const name of names) await namespace.bound(name);
    await settled(cluster);
    await migrate('many');
    await namespace.condition('many', 'Ready', 'True Ready');
    await settled(cluster);
    for (const name of names) await untilScans(name, 1);
    await controller.process.stop();
    controller = await cluster.startController('--runs-per-minute', '30');
    for (const name of names) await untilScans(name, 2);
    const times = (await cluster.controlPlane.auditEvents())
      .filter(
        ({ user, objectRef }) => user.username === CONTROLLER_USER && objectRef?.subresource === 'status',
      )
      .filter(
        ({ objectRef }) => objectRef?.resource === 'scheduledscans' && names.includes(objectRef.name ?? ''),
      )
      .map(({ requestReceivedTimestamp }) => Date.parse(requestReceivedTimestamp));
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    assert.equal(gaps.length, 2);
    // The log says when the API server has received a request, which a busy machine delays. Unlimited runs start at once.
    assert.ok(
      gaps.every((gap) => gap > 1_000),
      `${gaps} ms apart, expected about 2,000`,
    );
  });

  describe('of a scan with a Scan that hangs', () => {
    const WAIT_SECONDS = 8;
    const scanBound = async (name: string) => {
      const { status } = await namespace.condition(name, 'ScansBound', 'True Bound');
      return status?.conditions?.find(({ type }) => type === 'ScansBound')?.message ?? '';
    };
    /** Creates and binds a scan, adds a Scan to it that does not end, and migrates the scan. */
    async function migrateHanging(name: string, concurrencyPolicy: 'Allow' | 'Forbid'): Promise<void> {
      const first = secureCodeBox.nextRun(namespace.name, name);
      await create(name, `old.example/${name}:public`, { concurrencyPolicy });
      await first;
      await bind(name);
      await namespace.bound(name);
      const { uid = '' } = (await namespace.rawScan(name)).metadata;
      const owner = { apiVersion: 'execution.securecodebox.io/v1', kind: 'ScheduledScan', name, uid };
      await namespace.put(SCANS, {
        metadata: { name: `${name}-hangs`, ownerReferences: [owner] },
        spec: { scanType: 'trivy-image', parameters: [`old.example/${name}:public`], suspend: true },
      });
      await settled(cluster);
      await migrate(name);
    }

    before(async () => {
      await controller.process.stop();
      controller = await cluster.startController('--run-wait', `${WAIT_SECONDS}s`);
    });

    it('are started after the wait, and ScansBound names that Scan until then', async () => {
      await migrateHanging('forbids', 'Forbid');
      const from = (await cluster.controlPlane.auditEvents()).length;
      await migrateHanging('hangs', 'Allow');
      const next = secureCodeBox.nextRun(namespace.name, 'hangs');
      await until(async () => (await scanBound('hangs')).includes('waits'), 'ScansBound to name the Scan');
      const { annotations } = (await namespace.rawScan('hangs')).metadata;
      const requestedAt = Date.parse(annotations?.[RUN_ANNOTATION]?.replace('Migrated ', '') ?? '');
      const latest = new Date(requestedAt + WAIT_SECONDS * 1_000).toISOString().replace('.000Z', 'Z');
      assert.match(
        await scanBound('hangs'),
        new RegExp(
          `^1 scan bound; hangs \\(bound, but its requested run waits for Scan hangs-hangs, which was created at 2\\S+Z and has not ended; the run starts when that Scan ends, or at ${latest}\\)$`,
        ),
      );
      assert.equal((await next).state, 'Done');
      assert.ok(Date.now() >= Date.parse(latest));
      await until(async () => (await scanBound('hangs')) === '1 scan bound', 'the note to disappear');
      await settled(cluster);
      await untilScans('hangs', 3);
      const writes = (await cluster.writesOfController(from)).filter(
        ({ objectRef }) => objectRef?.resource === 'imagecredentialbindings' && objectRef.name === 'hangs',
      );
      // For the first bind, the migration, the wait and its end.
      assert.ok(writes.length <= 6, `${writes.length} writes of the status`);
    });

    it('are not started before that Scan has ended if the concurrency policy is Forbid', async () => {
      // The run of the other scan, which was requested later, has started.
      assert.match(
        await scanBound('forbids'),
        /^1 scan bound; forbids \(bound, but its requested run waits for Scan forbids-hangs, .*, because spec\.concurrencyPolicy is Forbid: delete that Scan/,
      );
      await untilScans('forbids', 2);
      const next = secureCodeBox.nextRun(namespace.name, 'forbids');
      const place = { namespace: namespace.name, name: 'forbids-hangs' };
      await cluster.client.patchStatus(SCANS, place, { status: { state: 'Errored' } });
      assert.equal((await next).state, 'Done');
      await until(async () => (await scanBound('forbids')) === '1 scan bound', 'the note to disappear');
      await untilScans('forbids', 3);
    });
  });

  describe('of many scans', () => {
    it(`take one write of the spec and one of the status for each of ${MANY} scans that are migrated at once`, async () => {
      await controller.process.stop();
      const many = await cluster.namespace();
      const names = await createMany(many);
      controller = await cluster.startController('--runs-per-minute', '6000');
      await many.binding('app', { image: 'old.example/app' });
      const bound = await many.condition('app', 'Ready', 'True Ready', MANY_SECONDS);
      assert.equal(bound.status?.scans?.bound, MANY);
      await settled(cluster);
      const from = (await cluster.controlPlane.auditEvents()).length;
      await many.binding('app', { image: 'new.example/app', replaces: ['old.example/app'] });
      const migrated = await many.condition('app', 'Ready', 'True Ready', MANY_SECONDS);
      await until(hasStartedAll, 'all runs to be started', MANY_SECONDS);
      await settled(cluster);
      const expected = names.flatMap((name) => [`update ${name}`, `patch ${name}`]);
      assert.deepEqual((await writesOfScans(from)).toSorted(), expected.toSorted());
      await assertMigrated(many, names);
      assert.deepEqual(
        migrated.status?.history?.map(({ reason, scans }) => ({ reason, scans })),
        [{ reason: 'ImageMigrated', scans: MANY }],
      );
      const size = JSON.stringify(migrated.status).length;
      assert.ok(size < 8_192, `the status has ${size} bytes`);
    });

    /** Reads the metrics, because the audit log has become too long to be read repeatedly. */
    async function hasStartedAll(): Promise<boolean> {
      const metrics = await (await fetch(`${controller.url}/metrics`)).text();
      return metrics.includes(`icb_scan_runs_started_total{cause="Migrated"} ${MANY}`);
    }

    async function createMany(many: TestNamespace): Promise<readonly string[]> {
      await many.pullSecret('pull', AUTHS);
      const names = Array.from({ length: MANY }, (_, index) => `scan-${index}`);
      const schedule = { spec: { suspend: false, interval: undefined, schedule: '0 0 1 1 *' } };
      for (let start = 0; start < names.length; start += 20) {
        const batch = names.slice(start, start + 20);
        await Promise.all(batch.map((name) => many.scan(name, [`old.example/app:${name}`], schedule)));
      }
      return names;
    }

    /** The controller's writes of ScheduledScans since the audit log had `from` entries. */
    async function writesOfScans(from: number): Promise<readonly string[]> {
      return (await cluster.writesOfController(from))
        .filter(({ objectRef }) => objectRef?.resource === 'scheduledscans')
        .map(({ verb, objectRef }) => `${verb} ${objectRef?.name}`);
    }

    /** The scans name the new image, and mount one Secret that contains the new registry alone. */
    async function assertMigrated(many: TestNamespace, names: readonly string[]): Promise<void> {
      const mounted = new Set<string | undefined>();
      for (const name of names) {
        const scan = await many.rawScan(name);
        assert.deepEqual(scan.spec.scanSpec.parameters, [`new.example/app:${name}`]);
        mounted.add(secretNameOf(scan));
      }
      const [secretName = '', ...others] = mounted;
      assert.deepEqual(others, []);
      const { auths } = (await many.trivyConfig(secretName)) as { auths: object };
      assert.deepEqual(auths, { 'new.example': AUTHS['new.example'] });
    }
  });

  describe('of a migration that is interrupted', () => {
    let proxy: FaultProxy;

    before(async () => {
      await controller.process.stop();
      proxy = await startFaultProxy(cluster.controlPlane, { seed: 1 });
    });
    after(async () => proxy?.stop());

    it('end with the same state and one run if the controller is killed after any single API call', async (context) => {
      let points = 0;
      for (let killed = true; killed; points += killed ? 1 : 0) {
        const name = `kill-${points + 1}`;
        killed = await migrateWithKill(name, points + 1);
        await assertMigratedOnce(name);
        await namespace.delete(imageCredentialBindings, name);
      }
      context.diagnostic(`${points} kill points`);
      assert.ok(points >= 5, `only ${points} API calls in a migration?`);
    });

    /**
     * Kills the controller when the API server has executed the n-th call since the migration began, and starts another
     * one.
     */
    async function migrateWithKill(name: string, n: number): Promise<boolean> {
      await createAndRun(name, `old.example/${name}:public`);
      let running = await startController(cluster.controlPlane, ['--runs-per-minute', '6000'], {
        server: proxy.url,
      });
      await bind(name);
      await namespace.bound(name);
      await namespace.condition(name, 'Ready', 'True Ready');
      await settled(cluster);
      let count = 0;
      const matches: Matches = ({ verb, resource }) => {
        if (verb === 'watch' || resource === 'leases') return false;
        count += 1;
        return count === n;
      };
      const cut = proxy.once({ kind: 'silence', afterLines: 0 }, matches);
      await migrate(name);
      const done = untilMigrated(name).then(() => settled(cluster));
      const killed = await Promise.race([cut.then(() => true), done.then(() => false)]);
      if (killed) {
        process.kill(running.process.pid, 'SIGKILL');
        await running.process.exited;
        running = await startController(cluster.controlPlane, ['--runs-per-minute', '6000']);
        await done;
      }
      await running.process.stop();
      return killed;
    }

    /** Waits until the scan is migrated, has run once more, and both are reported. */
    async function untilMigrated(name: string): Promise<void> {
      await until(
        async () => (await scansOf(name)).filter(({ status }) => status?.state === 'Done').length === 2,
        `the run after the migration of ${name}`,
        60,
      );
      await namespace.condition(name, 'Ready', 'True Ready');
    }

    async function assertMigratedOnce(name: string): Promise<void> {
      const scan = await namespace.rawScan(name);
      assert.deepEqual(scan.spec.scanSpec.parameters, [`new.example/${name}:public`]);
      const config = JSON.stringify(await namespace.trivyConfig(secretNameOf(scan) ?? ''));
      assert.match(config, /new\.example/);
      assert.doesNotMatch(config, /old\.example/);
      const { status } = await namespace.condition(name, 'Ready', 'True Ready');
      assert.deepEqual(
        status?.history?.map(({ reason, scans, from }) => ({ reason, scans, from: from.image })),
        [{ reason: 'ImageMigrated', scans: 1, from: `old.example/${name}` }],
      );
      const scans = await scansOf(name);
      assert.equal(scans.length, 2);
      const { lastScheduleTime } = scan.status ?? {};
      assert.ok(Date.parse(lastScheduleTime ?? '') > Date.now() - 120_000, `left at ${lastScheduleTime}`);
    }
  });
});
