import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { HELD_ANNOTATION, MANAGED_BY, MANAGED_BY_LABEL } from '../../../src/api/names.ts';
import { SCANS } from '../../../src/object/resources.ts';
import type { RawScan } from '../../../src/scan/raw-scan.ts';
import { temporaryMetadata, temporarySecretName } from '../../../src/secret/temporary-secret.ts';
import { createScan, metric } from '../../support/cluster/admission.ts';
import { Cluster, SECRETS, type TestNamespace } from '../../support/cluster/cluster.ts';
import { until } from '../../support/until.ts';

const DAILY = {
  ...{ apiVersion: 'execution.securecodebox.io/v1', kind: 'ScheduledScan', name: 'daily' },
  uid: '5f0c2f0e-0000-4000-8000-000000000001',
};

/** Scans that a controller without the webhook does not store, or stores without whether they are held. */
describe('a temporary Secret that a controller has left, while its Scan still exists', () => {
  let cluster: Cluster;
  let namespace: TestNamespace;
  before(async () => {
    cluster = await Cluster.start();
    namespace = await cluster.namespace();
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  function createHeld(metadata: object = {}): Promise<RawScan> {
    return createScan(cluster, namespace.name, {
      metadata: { ...metadata, annotations: { [HELD_ANNOTATION]: 'await-secret' } },
      spec: { suspend: true },
    });
  }

  /** Creates the Secret of a Scan, as a controller does that is killed before it resumes the Scan. */
  async function createSecret({ metadata: { name, uid = '' } }: RawScan): Promise<string> {
    const { labels, ...metadata } = temporaryMetadata({ name, uid }, 'app');
    const secret = temporarySecretName({ name, uid });
    await namespace.put(SECRETS, {
      ...{ apiVersion: 'v1', kind: 'Secret', stringData: { 'config.json': '{}' } },
      metadata: { ...metadata, name: secret, labels: { ...labels, [MANAGED_BY_LABEL]: MANAGED_BY } },
    });
    return secret;
  }

  it('is deleted if the Scan was resumed without it, and kept if the Scan is held', async () => {
    const resumed = await createScan(cluster, namespace.name);
    const held = [await createHeld(), await createHeld({ ownerReferences: [DAILY] })];
    const kept = await Promise.all(held.map(createSecret));
    const left = await createSecret(resumed);
    await cluster.startController();
    await until(async () => (await namespace.get(SECRETS, left)) === undefined, 'the Secret to be deleted');
    for (const name of kept) assert.notEqual(await namespace.get(SECRETS, name), undefined);
    for (const { metadata } of held) await namespace.delete(SCANS, metadata.name);
    for (const name of kept)
      await until(async () => (await namespace.get(SECRETS, name)) === undefined, 'the others, too');
  });
});

describe('a Trivy Secret that a controller has left, which the next one may not delete', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.start();
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  it('is counted until another client deletes it', async () => {
    const namespace = await cluster.namespace();
    await namespace.pullSecret('pull', { 'reg.example': { auth: btoa('user:pass') } });
    await namespace.scan('scan');
    await namespace.binding('app');
    const first = await cluster.startController('--unused-secret-grace', '1s');
    const { secretName } = await namespace.bound('scan');
    assert.equal(await metric(first, 'icb_left_secrets'), 0);
    assert.deepEqual(await first.process.stop(), { code: 0, signal: null });
    const flags = ['--delivery', 'Direct', '--write-secrets', 'false', '--unused-secret-grace', '1s'];
    const next = await cluster.startController(...flags);
    await until(async () => (await metric(next, 'icb_left_secrets')) === 1, 'the Secret to be counted');
    await until(async () => (await namespace.bound('scan')).secretName === 'pull', 'the scan to be bound');
    assert.notEqual(await namespace.get(SECRETS, secretName), undefined);
    await namespace.delete(SECRETS, secretName);
    await until(async () => (await metric(next, 'icb_left_secrets')) === 0, 'no Secret to be left');
  });
});
