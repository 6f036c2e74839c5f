import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Run } from '../../../src/binding/stores.ts';
import { Namespace, NOW } from './cluster.ts';

describe('a scan that is bound for the first time', () => {
  interface Case {
    readonly name: string;
    readonly lastRun?: Run['state'];
    readonly hasRun?: boolean;
    readonly suspend?: boolean;
    readonly asks: boolean;
  }
  const cases: readonly Case[] = [
    { name: 'asks for a run where its last Scan has failed', lastRun: 'Failed', asks: true },
    {
      name: 'asks for one where its last Scan has not ended, for that may fail',
      lastRun: 'Running',
      asks: true,
    },
    { name: 'asks for one where its last Scan is not known yet', asks: true },
    { name: 'asks for none where its last Scan was successful', lastRun: 'Done', asks: false },
    { name: 'asks for none where it has never run', hasRun: false, asks: false },
    { name: 'asks for none where it is suspended', lastRun: 'Failed', suspend: true, asks: false },
  ];
  for (const { name, lastRun, hasRun = true, suspend = false, asks } of cases) {
    it(name, () => {
      const namespace = new Namespace();
      namespace.pullSecret('pull');
      namespace.binding('app');
      namespace.scan('scan', {
        schedule: { suspend, schedule: '0 0 1 1 *' },
        ...(hasRun ? { lastScheduleTime: new Date(NOW - 60_000).toISOString() } : {}),
      });
      if (lastRun !== undefined) namespace.run('scan', lastRun);
      namespace.settle('app');
      const { bound, request } = namespace.stores.scheduledScans.get('ns/scan') ?? {};
      assert.equal(bound?.binding, 'app');
      assert.equal(request?.cause, asks ? 'Bound' : undefined);
    });
  }

  it('keeps its request when it is bound anew, and loses it when it is let go', () => {
    const namespace = new Namespace();
    namespace.pullSecret('pull');
    namespace.pullSecret('other');
    namespace.binding('app');
    const lastScheduleTime = new Date(NOW - 60_000).toISOString();
    namespace.scan('scan', { schedule: { suspend: false, schedule: '0 0 1 1 *' }, lastScheduleTime });
    namespace.settle('app');
    const scan = () => namespace.stores.scheduledScans.get('ns/scan');
    const { request } = scan() ?? {};
    namespace.binding('app', { spec: { imagePullSecrets: [{ name: 'other' }] } });
    namespace.settle('app', NOW + 60_000);
    assert.deepEqual(scan()?.request, request);
    namespace.remove('bindings', 'app');
    namespace.settle('app');
    assert.equal(scan()?.request, undefined);
    assert.equal(scan()?.bound, undefined);
  });
});
