import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ScanType, ScheduledScan } from '../../../../../hack/testenv/securecodebox/objects.ts';
import { scanType } from '../../../../../hack/testenv/securecodebox/scan-types.ts';
import {
  plannedRun,
  scanFor,
  scanTypeHash,
  triggerTime,
} from '../../../../../hack/testenv/securecodebox/scheduled-scan.ts';

const NOW = Date.parse('2026-03-01T12:00:30Z');

type Schedule = Pick<ScheduledScan['spec'], 'interval' | 'schedule'> & { readonly last?: string };

function scheduledScan({ last, ...schedule }: Schedule): ScheduledScan {
  return {
    metadata: {
      name: 'shop',
      namespace: 'team',
      uid: 'u-1',
      creationTimestamp: '2026-03-01T11:59:00Z',
      labels: { team: 'payments' },
      annotations: {
        'credentials.securecodebox.io/binding': 'shop',
        'image-credential-binding/restore': '{}',
        'example.com/note': 'securecodebox.io',
      },
    },
    spec: { ...schedule, scanSpec: { scanType: 'trivy-image', parameters: ['reg.example/shop:1'] } },
    ...(last === undefined ? {} : { status: { lastScheduleTime: last } }),
  };
}

describe('the planned run', () => {
  const cases: Readonly<Record<string, readonly [Schedule, string | undefined]>> = {
    'of an interval that never ran is a second ago': [{ interval: '12h' }, '2026-03-01T12:00:29.000Z'],
    'of an interval is one interval after the last run': [
      { interval: '1h30m', last: '2026-03-01T12:00:00Z' },
      '2026-03-01T13:30:00.000Z',
    ],
    'of a cron that never ran is the first tick after its creation': [
      { schedule: '0 12 * * *' },
      '2026-03-01T12:00:00.000Z',
    ],
    'of a cron is the next tick after the last run, in UTC': [
      { schedule: '0 12 * * *', last: '2026-03-01T12:00:05Z' },
      '2026-03-02T12:00:00.000Z',
    ],
    'of a cron with a last run in the future is the next tick from now': [
      { schedule: '*/5 * * * *', last: '2026-04-01T00:00:00Z' },
      '2026-03-01T12:05:00.000Z',
    ],
    'of a cron and an interval is that of the cron': [
      { schedule: '0 12 * * *', interval: '1m', last: '2026-03-01T12:00:05Z' },
      '2026-03-02T12:00:00.000Z',
    ],
    'of `@every` is that duration after the last run': [
      { schedule: '@every 90s', last: '2026-03-01T12:00:00Z' },
      '2026-03-01T12:01:30.000Z',
    ],
    'of a zero interval is never': [{ interval: '0s' }, undefined],
    'of an invalid interval is never': [{ interval: 'daily' }, undefined],
    'of an invalid cron is never': [{ schedule: 'now and then' }, undefined],
    'without interval and cron is never': [{}, undefined],
  };
  for (const [name, [schedule, expected]] of Object.entries(cases)) {
    it(name, () => {
      const planned = plannedRun(scheduledScan(schedule), NOW);
      assert.equal(planned === undefined ? undefined : new Date(planned).toISOString(), expected);
    });
  }

  it('is one day ago after a trigger has set back the time of the last run', () => {
    const before = scheduledScan({ interval: '12h' });
    const triggered = { ...before, status: { lastScheduleTime: triggerTime(before, NOW) } };
    assert.equal(plannedRun(triggered, NOW), NOW - 86_400_000 - (NOW % 1_000));
  });
});

describe('the Scan of a ScheduledScan', () => {
  const { metadata, spec } = scanFor(scheduledScan({ interval: '12h' }), NOW + 999);

  it('is named after the Unix time of the planned run', () => {
    assert.equal(metadata.name, `shop-${NOW / 1_000}`);
  });

  it('gets all labels, and the annotations with securecodebox.io/ in their key', () => {
    assert.deepEqual(metadata.labels, { team: 'payments' });
    assert.deepEqual(metadata.annotations, { 'credentials.securecodebox.io/binding': 'shop' });
  });

  it('is owned by the ScheduledScan and has its scanSpec', () => {
    assert.deepEqual(
      metadata.ownerReferences?.map(({ kind, name, uid, controller }) => [kind, name, uid, controller]),
      [['ScheduledScan', 'shop', 'u-1', true]],
    );
    assert.deepEqual(spec, { scanType: 'trivy-image', parameters: ['reg.example/shop:1'] });
  });
});

describe('the hash of a ScanType', () => {
  const before = scanType('team', { name: 'trivy-image', command: ['trivy'] });
  const cases: Readonly<Record<string, readonly [ScanType, boolean]>> = {
    'changes with its spec': [scanType('team', { name: 'trivy-image', command: ['trivy', '-d'] }), true],
    'changes with its name': [scanType('team', { name: 'other', command: ['trivy'] }), true],
    'ignores its resource version': [
      { ...before, metadata: { ...before.metadata, resourceVersion: '7' } },
      false,
    ],
    'ignores labels of others': [{ ...before, metadata: { ...before.metadata, labels: { a: 'b' } } }, false],
  };
  for (const [name, [after, changes]] of Object.entries(cases)) {
    it(name, () => assert.equal(scanTypeHash(after) !== scanTypeHash(before), changes));
  }
});
