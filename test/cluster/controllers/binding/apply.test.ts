import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { pino } from 'pino';
import { RUN_ANNOTATION } from '../../../../src/api/index.ts';
import { Applier } from '../../../../src/controllers/binding/apply.ts';
import { decide, type ScanPlan } from '../../../../src/controllers/binding/decide.ts';
import { observe, type Sources } from '../../../../src/controllers/binding/observe.ts';
import type { Resolved } from '../../../../src/controllers/binding/resolve.ts';
import { resolve } from '../../../../src/controllers/binding/resolve.ts';
import { RunReconciler } from '../../../../src/controllers/run/reconciler.ts';
import { SourceSecretReader } from '../../../../src/controllers/source-secret/reconciler.ts';
import { OutOfDate } from '../../../../src/kube/out-of-date.ts';
import { WorkQueue } from '../../../../src/kube/queue/queue.ts';
import { scanTypesOf } from '../../../../src/policy/precedence.ts';
import { readScheduledScan } from '../../../../src/scan/scheduled-scan.ts';
import { createReflectors } from '../../../../src/state/reflectors.ts';
import { createStores } from '../../../../src/state/stores.ts';
import {
  Cluster,
  SCHEDULED_SCANS,
  SECRETS,
  type Secret,
  secretNameOf,
  type TestNamespace,
} from '../../../support/cluster/cluster.ts';
import { connectTriggers } from '../../../support/triggers.ts';
import { until } from '../../../support/until.ts';

const SILENT = pino({ level: 'silent' });
const nothing = { add: () => undefined };
/** Queues of the controllers that do not run here. Only the source-secret controller runs. */
const UNUSED_QUEUES = { bindings: nothing, trivySecrets: nothing, runs: nothing };
const AUTHS = { 'reg.example': { auth: btoa('user:pass') } };

describe('Applier: writes after a decision', () => {
  let cluster: Cluster;
  const stores = createStores();
  const sources: Sources = {
    stores,
    settings: {
      scanTypes: scanTypesOf(['trivy-image']),
      checkIntervalMs: 60_000,
      firstAnswerTimeoutMs: 30_000,
      runWaitMs: 900_000,
      admission: false,
      boundAtCreation: 'None' as const,
      delivery: 'Shared' as const,
      writesSecrets: true,
    },
    answer: () => undefined,
    login: () => undefined,
  };
  let reflectors: ReturnType<typeof createReflectors> = [];

  before(async () => {
    cluster = await Cluster.start();
    reflectors = createReflectors(cluster.client, stores, { namespaces: 'all', admission: false }, SILENT);
    const { reconcile } = new SourceSecretReader({ client: cluster.client, stores });
    const sourceSecrets = new WorkQueue({ process: (key) => reconcile(key, SILENT), concurrency: 1 });
    sourceSecrets.start();
    connectTriggers(stores, { ...UNUSED_QUEUES, sourceSecrets });
    for (const reflector of reflectors) reflector.start();
    await Promise.all(reflectors.map(({ synced }) => synced));
  });
  after(async () => {
    await Promise.all(reflectors.map((reflector) => reflector.stop()));
    await cluster?.[Symbol.asyncDispose]();
  });

  /**
   * Returns the resolved facts of a binding with one scan. The test then changes the cluster before it applies the
   * decision.
   */
  async function observed(): Promise<{ namespace: TestNamespace; seen: Resolved; applier: Applier }> {
    const namespace = await cluster.namespace();
    await namespace.pullSecret('pull', AUTHS);
    await namespace.scan('scan');
    await namespace.binding('app');
    const key = `${namespace.name}/app`;
    const seen = await until(() => {
      const now = resolve(observe(key, sources, Date.now()));
      return now.scans.length === 1 && now.trivySecret !== undefined && now;
    }, 'the stores to hold the scan and the Secret');
    return { namespace, seen, applier: new Applier({ client: cluster.client, stores }) };
  }

  const kubectl = (namespace: TestNamespace, ...args: readonly string[]) =>
    cluster.controlPlane.kubectl([...args, '--namespace', namespace.name]);

  it('reads a scan at the version that was decided on, so that the API server can answer from its cache', async () => {
    const { namespace, seen, applier } = await observed();
    const [version] = seen.scans.map(({ scan }) => scan.resourceVersion);
    const from = (await cluster.controlPlane.auditEvents()).length;
    await applier.apply(seen, decide(seen), SILENT);
    const reads = await until(async () => {
      const events = await cluster.controlPlane.auditEvents();
      const found = events
        .slice(from)
        .filter(
          ({ verb, objectRef }) =>
            verb === 'get' &&
            objectRef?.resource === 'scheduledscans' &&
            objectRef.namespace === namespace.name,
        );
      return found.length > 0 && found.map(({ requestURI }) => requestURI.split('?')[1]);
    }, 'the audit log to contain the read');
    assert.deepEqual(reads, [`resourceVersion=${version}`]);
  });

  it('does not write a scan that has changed', async () => {
    const { namespace, seen, applier } = await observed();
    const decision = decide(seen);
    await kubectl(namespace, 'label', 'scheduledscan', 'scan', 'team=other');
    const { failed, written } = await applier.apply(seen, decision, SILENT);
    assert.ok(failed.get('scan') instanceof OutOfDate);
    assert.equal(written.size, 0);
    assert.equal(secretNameOf(await namespace.rawScan('scan')), undefined);
  });

  it('does not write a scan whose run has become due', async () => {
    const { namespace, seen, applier } = await observed();
    await kubectl(
      namespace,
      'patch',
      'scheduledscan',
      'scan',
      '--type=merge',
      '--patch',
      '{"spec":{"suspend":false}}',
    );
    const { metadata } = await namespace.rawScan('scan');
    const scan = await until(() => {
      const found = stores.scheduledScans.get(`${namespace.name}/scan`);
      return found?.resourceVersion === metadata.resourceVersion && found;
    }, 'the store to receive the patched scan');
    const decision = decide(seen);
    const edits = decision.scans.filter((plan) => plan.plan === 'Edit');
    // Decided a moment before the run was due, on the scan's current version.
    const scans = edits.map((plan): ScanPlan => ({ ...plan, scan }));
    const { failed } = await applier.apply(seen, { ...decision, scans }, SILENT);
    assert.ok(failed.get('scan') instanceof OutOfDate);
    assert.equal(secretNameOf(await namespace.rawScan('scan')), undefined);
  });

  it('does not overwrite a Secret that has changed', async () => {
    const { namespace, seen, applier } = await observed();
    await applier.apply(seen, decide(seen), SILENT);
    const { secretName } = await namespace.bound('scan');
    await namespace.pullSecret('pull', { 'reg.example': { auth: btoa('user:new') } });
    const key = `${namespace.name}/app`;
    const rotated = await until(() => {
      const now = resolve(observe(key, sources, Date.now()));
      return decide(now).secretWrite.write === 'Replace' && now;
    }, 'the stores to receive the rotation');
    await kubectl(namespace, 'annotate', 'secret', secretName, 'example.org/note=theirs');
    await assert.rejects(applier.apply(rotated, decide(rotated), SILENT), OutOfDate);
    const secret = await namespace.get<Secret>(SECRETS, secretName);
    assert.equal(secret?.metadata.annotations?.['example.org/note'], 'theirs');
  });

  it('does not start a run if another client has written the scan since, because that write may have started one', async () => {
    const { namespace, seen, applier } = await observed();
    await applier.apply(seen, decide(seen), SILENT);
    await namespace.bound('scan');
    const place = { namespace: namespace.name, name: 'scan' };
    const lastScheduleTime = minutesAgo(30);
    await cluster.client.patch(SCHEDULED_SCANS, place, {
      metadata: { annotations: { [RUN_ANNOTATION]: `Migrated ${minutesAgo(15)}` } },
      spec: { suspend: false, interval: '1h' },
    });
    await cluster.client.patchStatus(SCHEDULED_SCANS, place, { status: { lastScheduleTime } });
    const late = createStores();
    const options = {
      client: cluster.client,
      stores: late,
      runsPerMinute: 60,
      runWaitMs: 900_000,
      boundAtCreation: 'None' as const,
      onStarted: () => undefined,
    };
    const start = () => new RunReconciler(options).reconcile(`${namespace.name}/scan`, SILENT);
    const seenScan = async () => {
      const raw = await namespace.rawScan('scan');
      // As if the scan had not been written just now.
      const metadata = { ...raw.metadata, managedFields: [{ time: lastScheduleTime }] };
      late.scheduledScans.set(readScheduledScan({ ...raw, metadata }));
      return raw.status?.lastScheduleTime;
    };
    await seenScan();
    await kubectl(namespace, 'label', 'scheduledscan', 'scan', 'team=other');
    await assert.rejects(start(), OutOfDate);
    assert.equal(await seenScan(), lastScheduleTime);
    await start();
    assert.notEqual(await seenScan(), lastScheduleTime);
  });

  it('puts the response to a write into the store before the watch delivers it', async () => {
    const { namespace, seen, applier } = await observed();
    await Promise.all(reflectors.map((reflector) => reflector.stop()));
    await applier.apply(seen, decide(seen), SILENT);
    assert.equal(stores.scheduledScans.get(`${namespace.name}/scan`)?.bound?.binding, 'app');
    assert.equal(
      stores.trivySecrets.get(`${namespace.name}/${seen.trivySecret?.desired.name}`)?.unusedSince,
      undefined,
    );
    const again = resolve(observe(`${namespace.name}/app`, sources, Date.now()));
    assert.deepEqual(
      decide(again).scans.map(({ plan }) => plan),
      ['Keep'],
    );
    assert.equal(decide(again).secretWrite.write, 'None');
    await cluster.client.get(SCHEDULED_SCANS, { namespace: namespace.name, name: 'scan' });
  });
});

function minutesAgo(minutes: number): string {
  return `${new Date(Date.now() - minutes * 60_000).toISOString().slice(0, 19)}Z`;
}
