import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { pino } from 'pino';
import { imageCredentialBindings } from '../../../../src/api/index.ts';
import { type RawBinding, readBinding } from '../../../../src/binding/binding.ts';
import { SourceSecretReader } from '../../../../src/controllers/source-secret/reconciler.ts';
import { KubeClient } from '../../../../src/kube/client/client.ts';
import { Transport } from '../../../../src/kube/client/transport.ts';
import { KubeError } from '../../../../src/kube/errors.ts';
import { storedMeta } from '../../../../src/object/object.ts';
import { createStores } from '../../../../src/state/stores.ts';
import { Cluster, SECRETS, type TestNamespace } from '../../../support/cluster/cluster.ts';
import { adminConfig, type FaultProxy, startFaultProxy } from '../../../support/faults/index.ts';

const SILENT = pino({ level: 'silent' });
const PULL = { 'reg.example': { auth: btoa('user:pass') } };

describe('the reader of source Secrets', () => {
  let cluster: Cluster;
  let proxy: FaultProxy;
  let transport: Transport;
  let client: KubeClient;

  before(async () => {
    cluster = await Cluster.start({ auditLog: false });
    proxy = await startFaultProxy(cluster.controlPlane, { seed: 1 });
    transport = new Transport(adminConfig(cluster.controlPlane, proxy));
    client = new KubeClient({ transport, fieldManager: 'test' });
  });
  after(async () => {
    await transport?.close();
    await proxy?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  /** Creates stores that contain a binding and the pull secret that it names, and the reader of that Secret. */
  async function named() {
    const namespace = await cluster.namespace();
    await namespace.pullSecret('pull', PULL);
    await namespace.binding('app');
    const stores = createStores();
    const binding = await namespace.get(imageCredentialBindings, 'app');
    stores.bindings.set(readBinding(binding as unknown as RawBinding));
    stores.pullSecrets.set(await metaOf(namespace));
    const { reconcile } = new SourceSecretReader({ client, stores });
    const key = `${namespace.name}/pull`;
    return { namespace, stores, key, read: () => reconcile(key, SILENT) };
  }

  async function metaOf(namespace: TestNamespace) {
    const secret = await namespace.get(SECRETS, 'pull');
    assert.ok(secret !== undefined);
    return storedMeta(secret);
  }

  it('reports nothing about a Secret that is temporarily unreadable, and reads it later', async () => {
    const { stores, key, read } = await named();
    proxy.rules = [
      {
        fault: { kind: 'status', code: 503 },
        probability: 1,
        when: ({ resource }) => resource === 'secrets',
      },
    ];
    await assert.rejects(read(), KubeError);
    assert.equal(stores.sourceSecrets.get(key), undefined);
    proxy.rules = [];
    await read();
    assert.equal(stores.sourceSecrets.get(key)?.content.result, 'Entries');
  });

  it('keeps the last content if a later version cannot be read', async () => {
    const { namespace, stores, key, read } = await named();
    await read();
    await namespace.pullSecret('pull', { 'other.example': { auth: btoa('user:pass') } });
    stores.pullSecrets.set(await metaOf(namespace));
    proxy.rules = [
      {
        fault: { kind: 'status', code: 500 },
        probability: 1,
        when: ({ resource }) => resource === 'secrets',
      },
    ];
    await assert.rejects(read(), KubeError);
    proxy.rules = [];
    const content = stores.sourceSecrets.get(key)?.content;
    assert.deepEqual(content?.result === 'Entries' && content.entries.map(({ registryKey }) => registryKey), [
      'reg.example',
    ]);
  });

  it('reads each version once, and again if the resource versions of the server go back', async () => {
    const { stores, key, read } = await named();
    let requests = 0;
    proxy.rules = [
      {
        fault: { kind: 'slow', bytesPerSecond: 1_000_000 },
        probability: 1,
        when: ({ resource, verb }) => {
          if (resource === 'secrets' && verb === 'get') requests += 1;
          return false;
        },
      },
    ];
    await read();
    await read();
    assert.equal(requests, 1);
    // As after a restore of etcd from a backup: the watch delivers the object with an older version.
    const held = stores.pullSecrets.get(key);
    assert.ok(held !== undefined);
    stores.pullSecrets.rewind();
    stores.pullSecrets.set({ ...held, resourceVersion: '1' });
    await read();
    proxy.rules = [];
    assert.equal(requests, 2);
    assert.equal(stores.sourceSecrets.get(key)?.content.result, 'Entries');
  });

  it('forgets a Secret when no binding names it any longer', async () => {
    const { stores, key, read } = await named();
    await read();
    const binding = stores.bindings.get(key.replace('/pull', '/app'));
    assert.ok(binding !== undefined);
    stores.bindings.delete(binding);
    await read();
    assert.equal(stores.sourceSecrets.get(key), undefined);
  });
});
