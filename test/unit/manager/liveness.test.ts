import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Heartbeat, stuck } from '../../../src/manager/liveness.ts';
import { until } from '../../support/until.ts';

describe('liveness', () => {
  it('names each part that has done nothing for more than five minutes', () => {
    const parts = [
      { description: 'leader election', idleMs: 300_000 },
      { description: 'secrets', idleMs: 300_001 },
      { description: 'scans', idleMs: 900_000 },
    ];
    assert.equal(
      stuck(parts),
      'secrets has made no progress for 300 s; scans has made no progress for 900 s',
    );
    assert.equal(stuck(parts.slice(0, 1)), undefined);
    assert.equal(stuck([]), undefined);
  });

  it('measures the time since timers last fired', async () => {
    const heartbeat = new Heartbeat();
    const begun = performance.now();
    await until(() => performance.now() - begun > 500 && heartbeat.idleMs < 100, 'a beat');
    heartbeat.stop();
    await until(() => heartbeat.idleMs > 1_500, 'the heartbeat to become idle');
  });
});
