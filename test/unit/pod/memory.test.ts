import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type RawBinding, readBinding } from '../../../src/binding/binding.ts';
import { Interned } from '../../../src/pod/interned.ts';
import { createDiscoveryStores, podProjection } from '../../../src/state/pod-stores.ts';
import { until } from '../../support/until.ts';
import { rawPod } from '../controllers/discovery/namespace.ts';

const PODS = 50_000;
const MOST_BYTES = 500;

setFlagsFromString('--expose-gc');
// `--expose-gc` takes effect only in contexts that are created afterward.
const collect = runInNewContext('gc') as () => void;

describe('pods in memory', () => {
  it(`take at most ${MOST_BYTES} bytes each if ten share a workload`, (test) => {
    const { pods } = createDiscoveryStores();
    const project = podProjection('all');
    const before = heap();
    for (let index = 0; index < PODS; index += 1) {
      const workload = Math.floor(index / 10);
      const raw = rawPod({
        ...{ name: `team-app-${workload}-7c9f8d6b5-${index}`, workload: `Deployment/team-app-${workload}` },
        image: `registry.example.com/team/app-${workload}:1.0`,
        images: { proxy: `registry.example.com/team/proxy-${workload}:1.0` },
        secrets: ['pull'],
      });
      // As from the API server: objects share no strings.
      const namespace = `namespace-${workload % 50}`;
      const sent = { ...raw, metadata: { ...raw.metadata, namespace, uid: crypto.randomUUID() } };
      const pod = project(JSON.parse(JSON.stringify(sent)));
      if (pod !== undefined) pods.set(pod);
    }
    const bytes = (heap() - before) / PODS;
    test.diagnostic(`${bytes.toFixed(0)} bytes per pod`);
    assert.equal(pods.size, PODS);
    assert.ok(bytes <= MOST_BYTES, `${bytes.toFixed(0)} bytes per pod`);
  });
});

describe('bindings in memory', () => {
  it('keep 20 users, whatever the length of the annotation that lists them', (test) => {
    const count = 50;
    const texts = Array.from({ length: count }, (_, index) => {
      const users = Array.from({ length: 10_000 }, (_unused, user) => `Deployment/web-${user}/app-${index}`);
      return JSON.stringify(binding(users.join(',')));
    });
    const before = heap();
    const bindings = texts.map((text) => readBinding(JSON.parse(text)));
    const kib = (heap() - before) / count / 1024;
    test.diagnostic(`${kib.toFixed(1)} KiB per binding`);
    assert.equal(bindings[0]?.notes.users.length, 20);
    assert.ok(kib < 16, `${kib.toFixed(1)} KiB per binding`);
  });

  it('drop users that are longer than any that discovery writes', () => {
    const longest = `${'K'.repeat(63)}/${'n'.repeat(253)}/${'c'.repeat(63)}`;
    const { notes } = readBinding(
      binding([longest, `${longest}x`, 'Pod/app', '', 'x'.repeat(200_000)].join()),
    );
    assert.deepEqual(notes.users, [longest, 'Pod/app']);
    const twenty = Array.from({ length: 20 }, (_, index) => `${longest.slice(0, -2)}${index + 10}`);
    assert.deepEqual(readBinding(binding(twenty.join())).notes.users, twenty);
  });
});

function binding(workloads: string): RawBinding {
  return {
    metadata: {
      ...{ name: 'binding', namespace: 'ns', uid: 'uid', resourceVersion: '1' },
      labels: { 'app.kubernetes.io/managed-by': 'image-credential-binding' },
      annotations: { 'credentials.securecodebox.io/workloads': workloads },
    },
    spec: { image: 'reg.example/app', imagePullSecrets: [] },
  };
}

describe('a value that many objects share', () => {
  it('is kept once, and only while an object uses it', async () => {
    const values = new Interned<{ readonly text: string }>();
    const kept = values.of({ text: 'kept' });
    assert.equal(values.of({ text: 'kept' }), kept);
    for (let index = 0; index < 1_000; index += 1) values.of({ text: `gone ${index}` });
    assert.ok(values.size > 1);
    await until(() => {
      collect();
      return values.size === 1;
    }, 'unused values to be collected');
    assert.equal(values.of({ text: 'kept' }), kept);
  });
});

function heap(): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}
