import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WrittenScans } from '../../../../src/controllers/binding/written-scans.ts';
import { nextWriteAt } from '../../../../src/policy/reverted-writes.ts';
import {
  editScheduledScan,
  type RawScheduledScan,
  readScheduledScan,
  type ScanEdit,
} from '../../../../src/scan/scheduled-scan.ts';
import { condition, Namespace, NOW, plans } from './namespace.ts';

const MINUTE = 60_000;
const BIND: ScanEdit = { edit: 'Bind', binding: 'app', delivery: undefined };

/** A ScheduledScan that `kubectl` created, and that the opponent applies. */
const MANAGED = [
  { manager: 'kubectl', time: '2026-01-01T00:00:00Z' },
  { manager: 'opponent', time: '2026-06-01T00:00:00Z' },
  { manager: 'image-credential-binding', time: '2026-06-01T01:00:00Z' },
  { manager: 'securecodebox', time: '2026-06-01T02:00:00Z', subresource: 'status' },
];

function rawScan(managedFields = MANAGED): RawScheduledScan {
  return {
    metadata: { namespace: 'ns', name: 'scan', uid: 'uid-scan', managedFields },
    spec: { suspend: true, scanSpec: { scanType: 'trivy-image', parameters: ['reg.example/app:1.0'] } },
  };
}

function bound(): RawScheduledScan {
  const edited = editScheduledScan(rawScan(), BIND);
  assert.ok(edited.result === 'Changed');
  return edited.scan;
}

describe('the field managers of a ScheduledScan', () => {
  it('are those of its spec, the latest first, without the controller', () => {
    assert.deepEqual(readScheduledScan(rawScan()).fieldManagers, ['opponent', 'kubectl']);
  });
});

describe('written ScheduledScans', () => {
  const original = readScheduledScan(rawScan());

  it('count a reversion if the scan no longer has the last edit', () => {
    const written = new WrittenScans();
    assert.deepEqual(
      [0, 1, 2, 3].map((minute) => written.note(original, BIND, NOW + minute * MINUTE)),
      [0, 1, 2, 3],
    );
  });

  it('count no reversion if the scan has the last edit, and another edit follows', () => {
    const written = new WrittenScans();
    written.note(original, BIND, NOW);
    const other: ScanEdit = { edit: 'Bind', binding: 'other', delivery: undefined };
    assert.equal(written.note(readScheduledScan(bound()), other, NOW + 1), 0);
  });

  it('forget reversions after ten minutes', () => {
    const written = new WrittenScans();
    for (const minute of [0, 1, 2]) written.note(original, BIND, NOW + minute * MINUTE);
    assert.equal(written.note(original, BIND, NOW + 11.5 * MINUTE), 2);
    assert.equal(written.note(original, BIND, NOW + 30 * MINUTE), 0);
  });
});

describe('a binding whose writes are reverted', () => {
  /** A namespace whose binding has been told that its write of `scan` was reverted this often. */
  function reverted(times: number): Namespace {
    const namespace = new Namespace();
    namespace.pullSecret('pull');
    namespace.scan('scan', { managedFields: MANAGED });
    namespace.binding('app');
    const { status } = namespace.report('app', { reversions: new Map([['scan', times]]) });
    namespace.setStatus('app', status);
    return namespace;
  }

  it('keeps writing after two reversions', () => {
    const namespace = reverted(2);
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Edit Bind' });
    assert.equal(namespace.report('app').status.revertedWrites, undefined);
  });

  it('names the field manager after three reversions, and waits before it writes again', () => {
    const namespace = reverted(3);
    const { status } = namespace.report('app');
    assert.deepEqual(
      status.revertedWrites?.map(({ scheduledScan, fieldManager, reversions }) => ({
        scheduledScan,
        fieldManager,
        reversions,
      })),
      [{ scheduledScan: 'scan', fieldManager: 'opponent', reversions: 3 }],
    );
    assert.equal(condition(status, 'ScansBound'), 'False WritesReverted');
    assert.equal(condition(status, 'Ready'), 'False WritesReverted');
    assert.match(status.scans?.names?.[0]?.reason ?? '', /^field manager opponent reverts its binding/);
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'BackOff' });
  });

  it('waits twice as long after each further reversion, at most ten minutes', () => {
    const lastWriteTime = new Date(NOW).toISOString();
    const waits = [3, 4, 5, 9, 10].map(
      (reversions) =>
        (nextWriteAt({ scheduledScan: 'scan', fieldManager: 'x', reversions, lastWriteTime }) - NOW) / 1_000,
    );
    assert.deepEqual(waits, [5, 10, 20, 320, 600]);
  });

  it('keeps the number of reversions after a restart, because status has it', () => {
    const namespace = reverted(3);
    const later = NOW + 6_000;
    assert.deepEqual(plans(namespace.decide('app', later)), { scan: 'Edit Bind' });
    const { status } = namespace.report('app', {}, later);
    assert.equal(status.revertedWrites?.[0]?.reversions, 4);
    assert.equal(condition(status, 'ScansBound'), 'False WritesReverted');
  });

  it('is ready again once a write has lasted for ten minutes', () => {
    const namespace = reverted(3);
    namespace.settle('app', NOW + 6_000);
    assert.deepEqual(plans(namespace.decide('app', NOW + MINUTE)), { scan: 'Keep' });
    assert.equal(
      condition(namespace.report('app', {}, NOW + MINUTE).status, 'Ready'),
      'False WritesReverted',
    );
    const { status } = namespace.report('app', {}, NOW + 11 * MINUTE);
    assert.equal(condition(status, 'Ready'), 'True Ready');
    assert.equal(status.revertedWrites, undefined);
  });

  it('writes at once if the scan has changed hands', () => {
    const namespace = reverted(3);
    namespace.scan('scan', { managedFields: [{ manager: 'kubectl', time: '2026-06-02T00:00:00Z' }] });
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Edit Bind' });
  });

  it('writes another ScheduledScan of the same field manager at once', () => {
    const namespace = reverted(3);
    namespace.scan('other', { managedFields: MANAGED });
    assert.deepEqual(plans(namespace.decide('app')), { other: 'Edit Bind', scan: 'BackOff' });
  });

  describe('in more ScheduledScans than status can name', () => {
    const names = Array.from({ length: 22 }, (_, index) => `scan-${10 + index}`);
    const [kubectl] = MANAGED;
    function manyReverted(): Namespace {
      const namespace = new Namespace();
      namespace.pullSecret('pull');
      for (const name of names) namespace.scan(name, { managedFields: MANAGED });
      namespace.binding('app');
      const { status } = namespace.report('app', { reversions: new Map(names.map((name) => [name, 3])) });
      assert.equal(status.revertedWrites?.length, 20);
      namespace.setStatus('app', status);
      return namespace;
    }

    it('waits also before it writes the others', () => {
      const namespace = manyReverted();
      const backOff = Object.fromEntries(names.map((name) => [name, 'BackOff']));
      assert.deepEqual(plans(namespace.decide('app')), backOff);
      const { scans } = namespace.report('app').status;
      assert.equal(scans?.failing, names.length);
      const edit = Object.fromEntries(names.map((name) => [name, 'Edit Bind']));
      assert.deepEqual(plans(namespace.decide('app', NOW + 6_000)), edit);
    });

    it('binds the Scans of all of them when they are created if the webhook is on', () => {
      const namespace = manyReverted();
      namespace.settings.boundAtCreation = 'GitManaged';
      const atCreation = Object.fromEntries(names.map((name) => [name, 'AtCreation']));
      assert.deepEqual(plans(namespace.decide('app')), atCreation);
    });

    it('writes one at once that no named field manager manages', () => {
      const namespace = manyReverted();
      namespace.scan('scan-other', { managedFields: kubectl === undefined ? [] : [kubectl] });
      assert.equal(plans(namespace.decide('app'))['scan-other'], 'Edit Bind');
    });
  });

  it('binds the Scans when they are created if the webhook is on', () => {
    const namespace = reverted(3);
    namespace.settings.boundAtCreation = 'GitManaged';
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'AtCreation' });
    const { status } = namespace.report('app');
    assert.equal(condition(status, 'Ready'), 'True Ready');
    assert.match(status.scans?.names?.[0]?.reason ?? '', /field manager opponent reverts changes/);
    assert.equal(status.revertedWrites?.length, 1);
  });

  it('writes again with the webhook if the scan has changed hands', () => {
    const namespace = reverted(3);
    namespace.settings.boundAtCreation = 'GitManaged';
    namespace.scan('scan', { managedFields: [{ manager: 'kubectl', time: '2026-06-02T00:00:00Z' }] });
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Edit Bind' });
    assert.equal(namespace.report('app').status.revertedWrites, undefined);
  });
});
