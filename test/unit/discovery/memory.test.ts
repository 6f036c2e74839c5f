import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Interned } from '../../../src/discovery/interned.ts';
import { createDiscoveryStores, podProjection } from '../../../src/discovery/stores.ts';
import { until } from '../../until.ts';
import { rawPod } from './namespace.ts';

const PODS = 50_000;
const MOST_BYTES = 500;

setFlagsFromString('--expose-gc');
// What the flag brings is there in contexts that are made after.
const collect = runInNewContext('gc') as () => void;

describe('pods in memory', () => {
  it(`take at most ${MOST_BYTES} bytes each, where ten share a workload`, (test) => {
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
      // As it comes from the API server: no text of it is shared with another.
      const namespace = `namespace-${workload % 50}`;
      const sent = { ...raw, metadata: { ...raw.metadata, namespace, uid: crypto.randomUUID() } };
      const pod = project(JSON.parse(JSON.stringify(sent)));
      if (pod !== undefined) pods.set(pod);
    }
    const bytes = (heap() - before) / PODS;
    test.diagnostic(`${bytes.toFixed(0)} bytes a pod`);
    assert.equal(pods.size, PODS);
    assert.ok(bytes <= MOST_BYTES, `${bytes.toFixed(0)} bytes a pod`);
  });
});

describe('what many have in common', () => {
  it('is kept once, and not for longer than one of them is there', async () => {
    const values = new Interned<{ readonly text: string }>();
    const kept = values.of({ text: 'kept' });
    assert.equal(values.of({ text: 'kept' }), kept);
    for (let index = 0; index < 1_000; index += 1) values.of({ text: `gone ${index}` });
    assert.ok(values.size > 1);
    await until(() => {
      collect();
      return values.size === 1;
    }, 'what nobody holds to go');
    assert.equal(values.of({ text: 'kept' }), kept);
  });
});

function heap(): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}
