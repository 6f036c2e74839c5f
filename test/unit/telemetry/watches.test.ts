import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Metrics } from '../../../src/telemetry/metrics.ts';
import { namesOfWatches, statesOf } from '../../../src/telemetry/watches.ts';

function watch(name: string, namespace: string | undefined, state = 'Watching', seconds = 1) {
  return { watch: name, namespace, state, silentMs: seconds * 1000 };
}

describe('the description of watches', () => {
  it('names each resource once, with its namespaces', () => {
    const watches = [
      ...[watch('secrets', 'a'), watch('pods', 'a'), watch('secrets', 'b'), watch('scans', undefined)],
    ];
    assert.deepEqual(namesOfWatches(watches), ['secrets in a, b', 'pods in a', 'scans']);
  });

  it('names at most ten namespaces, and counts the others', () => {
    const watches = Array.from({ length: 12 }, (_, index) => watch('pods', `n${index}`));
    assert.deepEqual(namesOfWatches(watches), ['pods in n0, n1, n2, n3, n4, n5, n6, n7, n8, n9 and 2 more']);
  });

  it('groups watches by state, with the time since the last event', () => {
    const watches = [
      watch('pods', 'a', 'Watching', 3),
      watch('pods', 'b', 'Waiting', 4),
      watch('pods', 'c', 'Watching', 5),
      watch('secrets', undefined, 'Listing', 0),
    ];
    assert.deepEqual(statesOf(watches), [
      'pods in a, c: Watching, last response 5 s ago',
      'pods in b: Waiting, last response 4 s ago',
      'secrets: Listing, last response 0 s ago',
    ]);
  });

  it('is aggregated in metrics, without namespaces', async () => {
    const metrics = new Metrics({ lease: 'icb/icb', leads: () => true });
    metrics.publishWatches([
      watch('pods', 'a', 'Watching', 3),
      watch('pods', 'b', 'Waiting', 4),
      watch('pods', 'c', 'Watching', 5),
    ]);
    const text = await metrics.registry.metrics();
    const lines = text.split('\n').filter((line) => line.startsWith('icb_watch_'));
    assert.deepEqual(lines, [
      'icb_watch_state{watch="pods",state="Watching"} 2',
      'icb_watch_state{watch="pods",state="Waiting"} 1',
      'icb_watch_idle_seconds{watch="pods"} 5',
    ]);
  });
});
