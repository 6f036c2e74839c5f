import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import { pino } from 'pino';
import { readBinding } from '../../../../src/binding/binding.ts';
import { DiscoveryReconciler } from '../../../../src/controllers/discovery/reconciler.ts';
import { KubeClient } from '../../../../src/kube/client/client.ts';
import { Transport } from '../../../../src/kube/client/transport.ts';
import { EventRecorder } from '../../../../src/kube/events.ts';
import { Interned } from '../../../../src/pod/interned.ts';
import { readPod } from '../../../../src/pod/pod.ts';
import type { PodUse } from '../../../../src/pod/use.ts';
import { createDiscoveryStores } from '../../../../src/state/pod-stores.ts';
import { createStores } from '../../../../src/state/stores.ts';
import { rawPod } from './namespace.ts';

const log = pino({ level: 'silent' });

/** Discovery without an API server, so that all its writes fail. */
function stage() {
  const client = new KubeClient({ transport: new Transport(new KubeConfig()), fieldManager: 'test' });
  const events = new EventRecorder({ client, controller: 'test', log });
  const [stores, discoveryStores] = [createStores(), createDiscoveryStores()];
  const settings = { mode: 'all', graceMs: 3_600_000, markPods: false } as const;
  return {
    stores,
    discoveryStores,
    reconciler: new DiscoveryReconciler({ client, stores, discoveryStores, events, settings }),
  };
}

describe('the state of a namespace from its last decision', () => {
  it('is forgotten with its last binding', async () => {
    const { stores, reconciler } = stage();
    const metadata = { name: 'found', namespace: 'ns', uid: 'uid', resourceVersion: '1' };
    const labels = { 'app.kubernetes.io/managed-by': 'image-credential-binding' };
    const binding = readBinding({
      metadata: { ...metadata, labels },
      spec: { image: 'reg.example/app', imagePullSecrets: [{ name: 'pull' }] },
    });
    stores.bindings.set(binding);
    const outcome = await reconciler.reconcile('ns', log);
    assert.equal(outcome?.requeueAfterMs, 300_000);
    assert.deepEqual([reconciler.namespaces, reconciler.sizeOf('ns')], [1, 1]);
    stores.bindings.delete(binding);
    await reconciler.reconcile('ns', log);
    assert.deepEqual([reconciler.namespaces, reconciler.sizeOf('ns')], [0, 0]);
  });

  it('is forgotten with its last pod, even after a write', async () => {
    const { discoveryStores, reconciler } = stage();
    const pod = readPod(rawPod({ image: 'reg.example/app', secrets: ['pull'] }), new Interned<PodUse>());
    discoveryStores.pods.set(pod);
    await assert.rejects(reconciler.reconcile('ns', log));
    assert.deepEqual([reconciler.namespaces, reconciler.sizeOf('ns')], [1, 2]);
    discoveryStores.pods.delete(pod);
    await reconciler.reconcile('ns', log);
    assert.equal(reconciler.namespaces, 0);
  });

  it('does not exist for a namespace that never had a pod or a binding', async () => {
    const { reconciler } = stage();
    await reconciler.reconcile('ns', log);
    assert.equal(reconciler.namespaces, 0);
  });
});
