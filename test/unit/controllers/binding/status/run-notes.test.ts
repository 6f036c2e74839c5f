import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Run } from '../../../../../src/scan/run.ts';
import type { RawScheduledScan } from '../../../../../src/scan/scheduled-scan.ts';
import { condition, Namespace, NOW } from '../namespace.ts';

const MINUTE = 60_000;
const stamp = (time: number) => new Date(time).toISOString().replace(/\.\d+Z/, 'Z');

/** A namespace in which `app` has bound `scan`, which has run before. A run was requested in the second after NOW. */
function bound(spec: Partial<RawScheduledScan['spec']>, state: Run['state'] = 'Running'): Namespace {
  const namespace = new Namespace();
  namespace.pullSecret('pull');
  namespace.binding('app');
  const lastScheduleTime = new Date(NOW - 10 * MINUTE).toISOString();
  namespace.scan('scan', { schedule: { suspend: false, ...spec }, lastScheduleTime });
  namespace.run('scan', state);
  namespace.settle('app');
  namespace.settle('app');
  return namespace;
}

function scansBound(namespace: Namespace, now = NOW): string | undefined {
  const { conditions } = namespace.report('app', undefined, now).status;
  return conditions?.find(({ type }) => type === 'ScansBound')?.message;
}

describe('the condition ScansBound', () => {
  const until = stamp(NOW - (NOW % 1_000) + 1_000 + 15 * MINUTE);
  const waits = `its requested run waits for Scan scan-1, which was created at ${stamp(NOW)} and has not ended`;

  it('names the Scan that delays a requested run, since when and until when', () => {
    const namespace = bound({ interval: '168h' });
    const expected = `1 scan bound; scan (bound, but ${waits}; the run starts when that Scan ends, or at ${until})`;
    assert.equal(scansBound(namespace), expected);
    assert.equal(condition(namespace.report('app').status, 'ScansBound'), 'True Bound');
    assert.deepEqual(namespace.report('app').status.scans?.names, [
      { name: 'scan', reason: expected.replace(/^.*?\((.*)\)$/, '$1') },
    ]);
    assert.equal(scansBound(namespace, NOW + 5 * MINUTE), expected, 'time alone changes nothing');
    assert.equal(namespace.report('app').changed, false);
  });

  for (const concurrencyPolicy of ['Forbid', 'Replace'])
    it(`names the concurrency policy ${concurrencyPolicy}, because of which the run has no latest time`, () =>
      assert.equal(
        scansBound(bound({ interval: '168h', concurrencyPolicy })),
        `1 scan bound; scan (bound, but ${waits}, because spec.concurrencyPolicy is ${concurrencyPolicy}: delete that Scan if ` +
          'it makes no progress)',
      ));

  it('no longer names the Scan once it has ended', () => {
    for (const state of ['Done', 'Failed'] as const) {
      const namespace = bound({ interval: '168h' });
      namespace.run('scan', state);
      assert.equal(scansBound(namespace), '1 scan bound');
    }
  });

  it('names no Scan if no run is requested, or none can start', () => {
    assert.equal(scansBound(bound({ interval: '168h' }, 'Done')), '1 scan bound');
    assert.equal(scansBound(bound({ interval: '168h', suspend: true })), '1 scan bound');
  });

  it('says that a schedule has no date, because secureCodeBox starts one run of it at once and then gets stuck', () => {
    assert.equal(
      scansBound(bound({ schedule: '0 0 31 2 *' })),
      '1 scan bound; scan (bound, but it does not run again, because spec.schedule "0 0 31 2 *" has no date in the next five years: ' +
        'correct it)',
    );
  });

  for (const [spec, refused] of [
    [{ schedule: '0 0 * * 7' }, 'spec.schedule "0 0 * * 7"'],
    [{ schedule: 'TZ=Europe/Berlin @daily' }, 'spec.schedule "TZ=Europe/Berlin @daily"'],
    [{ schedule: '0 0 * * \u0000', interval: '1h' }, 'spec.schedule "0 0 * * \\u0000"'],
    [{ interval: '7d' }, 'spec.interval "7d"'],
    [{ interval: '-1h' }, 'spec.interval "-1h"'],
    [{ interval: '0s' }, 'spec.interval "0s"'],
  ] as const)
    it(`says that secureCodeBox refuses ${refused}, so that nobody waits for a run`, () => {
      const expected = `1 scan bound; scan (bound, but it never runs, because secureCodeBox refuses ${refused}: correct it)`;
      assert.equal(scansBound(bound(spec)), expected);
      assert.equal(scansBound(bound({ ...spec, suspend: true })), '1 scan bound');
    });
});
