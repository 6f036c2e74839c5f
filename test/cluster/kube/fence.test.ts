import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import { type ControlPlane, startControlPlane } from '../../../hack/testenv/control-plane/control-plane.ts';
import { KubeClient } from '../../../src/kube/client/client.ts';
import { Transport } from '../../../src/kube/client/transport.ts';
import type { Resource } from '../../../src/object/object.ts';

const CONFIG_MAPS: Resource = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap' };
/** Many more than the number of connections, so that most of them wait for one. */
const WRITES = 300;

describe('the fence of writes', () => {
  let controlPlane: ControlPlane;
  let transport: Transport;
  let open = true;
  let client: KubeClient;

  before(async () => {
    controlPlane = await startControlPlane();
    const config = new KubeConfig();
    config.loadFromFile(controlPlane.kubeconfig);
    transport = new Transport(config);
    const fence = () => {
      if (!open) throw new Error('closed');
    };
    client = new KubeClient({ transport, fieldManager: 'test', fence });
  });
  after(async () => {
    await transport?.close();
    await controlPlane?.stop();
  });

  function create(name: string): Promise<unknown> {
    return client.create(CONFIG_MAPS, { metadata: { namespace: 'default', name } });
  }

  it('refuses writes that were waiting for a connection when it closed, and lets reads pass', async () => {
    let written = 0;
    const outcomes = await Promise.allSettled(
      Array.from({ length: WRITES }, async (_, index) => {
        await create(`waiting-${index}`);
        written += 1;
        open = false;
      }),
    );
    const refused = outcomes.filter(({ status }) => status === 'rejected');
    assert.ok(written >= 1 && written < WRITES / 2, `${written} were written`);
    assert.equal(refused.length, WRITES - written);
    assert.match(
      String((refused[0] as PromiseRejectedResult).reason),
      /KubeError: create .*configmaps.*: closed/,
    );
    const { items } = await client.list(CONFIG_MAPS, { namespace: 'default' });
    assert.equal(items.filter(({ metadata }) => metadata.name.startsWith('waiting-')).length, written);
  });

  it('refuses every kind of write while it is closed, and lets them pass when it is open again', async () => {
    open = true;
    await create('one');
    const object = await client.get(CONFIG_MAPS, { namespace: 'default', name: 'one' });
    const place = { namespace: 'default', name: 'one' };
    const { uid = '', resourceVersion = '' } = object.metadata;
    open = false;
    const writes = [
      () => create('two'),
      () => client.replace(CONFIG_MAPS, object),
      () => client.patch(CONFIG_MAPS, place, { data: { a: 'b' } }),
      () => client.applyStatus(CONFIG_MAPS, { ...object, status: {} }),
      () => client.delete(CONFIG_MAPS, { ...place, uid, resourceVersion }),
    ];
    for (const write of writes) await assert.rejects(write, /: closed$/);
    const now = await client.get(CONFIG_MAPS, place);
    assert.equal(now.metadata.resourceVersion, resourceVersion);
    open = true;
    await client.delete(CONFIG_MAPS, { ...place, uid, resourceVersion });
  });
});
