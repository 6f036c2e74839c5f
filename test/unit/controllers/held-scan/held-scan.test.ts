import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BINDING_ANNOTATION } from '../../../../src/api/names.ts';
import {
  decideHeldScan,
  type HeldScanDecision,
  holdLeft,
  LONGEST_HOLD_MS,
  SETTLE_MS,
} from '../../../../src/controllers/held-scan/decide.ts';
import { connectHeldScanTriggers } from '../../../../src/controllers/held-scan/triggers.ts';
import type { RawScan } from '../../../../src/scan/raw-scan.ts';
import { readAdmittedRun } from '../../../../src/scan/run.ts';
import { editScan, holdScan, readNewScan } from '../../../../src/scan/scan.ts';
import type { ScanDecision } from '../../../../src/scan/scan-decision.ts';
import { temporaryMetadata, temporarySecretName } from '../../../../src/secret/temporary-secret.ts';
import { Namespace, NOW } from '../binding/namespace.ts';

const DELIVERY = {
  secretName: 'trivy-pull-123456',
  mountPath: '/var/run/secrets/image-credential-binding',
  env: [{ name: 'DOCKER_CONFIG', value: '/var/run/secrets/image-credential-binding' }],
};

function newScan(suspend: boolean, metadata: object = {}): RawScan {
  return {
    metadata: {
      namespace: 'ns',
      name: 'scan',
      uid: 'uid',
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: new Date(NOW).toISOString(),
      ...metadata,
    },
    spec: { scanType: 'trivy-image', parameters: ['reg.example/app:1.0'], suspend },
  };
}

/** A Scan that the webhook has held. */
function held(metadata: object = {}): RawScan {
  return holdScan(newScan(false, metadata));
}

function bindDecision(raw: RawScan): ScanDecision {
  const edited = editScan(raw, { edit: 'Bind', binding: 'app', delivery: DELIVERY });
  if (edited.result !== 'Edited') throw new Error(edited.result);
  return { result: 'Bind', binding: 'app', scan: edited.scan };
}

function openDecision(scan: RawScan): ScanDecision {
  return { result: 'Open', binding: 'app', reason: 'Verification', awaitsSecret: false, scan };
}

function decide(raw: RawScan, decision: ScanDecision, now = NOW): HeldScanDecision {
  const run = readAdmittedRun(raw);
  assert.ok(run);
  return decideHeldScan(raw, run, decision, now);
}

describe('a held Scan', () => {
  it('gets the edits and is resumed in one write', () => {
    const raw = held();
    const decided = decide(raw, bindDecision(raw));
    assert.ok(decided.act === 'End');
    assert.equal(decided.result, 'Bound');
    assert.equal(decided.scan.spec.suspend, false);
    assert.deepEqual(decided.scan.metadata.annotations, { [BINDING_ANNOTATION]: 'app' });
    assert.equal(decided.scan.spec.volumes?.length, 1);
    assert.deepEqual(decided.instead.spec, newScan(false).spec);
  });

  it('is resumed as it is if its binding delivers nothing, or there is none', () => {
    const raw = held();
    const decisions: readonly ScanDecision[] = [
      { result: 'Unbound', binding: 'app', reason: 'NoCredential', scan: raw },
      { result: 'NoBinding', scan: raw },
    ];
    for (const decision of decisions) {
      const decided = decide(raw, decision, NOW + SETTLE_MS);
      assert.ok(decided.act === 'End');
      assert.equal(decided.result, 'Unbound');
      assert.deepEqual(decided.scan.spec, newScan(false).spec);
      assert.deepEqual(decided.scan.metadata.annotations, {});
    }
  });

  it('that gets nothing stays held for 3 seconds, because the watches of the leader may be late', () => {
    const raw = held();
    const decision: ScanDecision = { result: 'NoBinding', scan: raw };
    assert.deepEqual(decide(raw, decision, NOW + 1_000), { act: 'Wait', milliseconds: 2_000 });
    assert.equal(decide(raw, bindDecision(raw), NOW + 1_000).act, 'End');
  });

  it('waits for a decision, at most 50 seconds', () => {
    const raw = held();
    assert.deepEqual(decide(raw, openDecision(raw)), { act: 'Wait', milliseconds: undefined });
    const run = readAdmittedRun(raw);
    assert.ok(run);
    assert.equal(holdLeft(run, NOW + 20_000), 30_000);
    assert.equal(holdLeft(run, NOW + LONGEST_HOLD_MS), 0);
  });

  it('waits for 10 minutes if it gets a Secret of its own', () => {
    const run = readAdmittedRun(holdScan(newScan(false), true));
    assert.ok(run);
    assert.equal(holdLeft(run, NOW + LONGEST_HOLD_MS), 600_000 - LONGEST_HOLD_MS);
    assert.equal(holdLeft(run, NOW + 600_000), 0);
  });

  it('may wait for 10 minutes from its creation once it gets a Secret of its own, and never for a shorter time than before', () => {
    const raw = held();
    const decided = decide(raw, { ...openDecision(raw), awaitsSecret: true } as ScanDecision, NOW + 20_000);
    assert.ok(decided.act === 'Lengthen');
    assert.deepEqual(decided.scan, holdScan(newScan(false), true));
    const run = readAdmittedRun(decided.scan);
    assert.ok(run);
    assert.equal(holdLeft(run, NOW + 20_000), 580_000);
    assert.equal(decide(decided.scan, openDecision(decided.scan)).act, 'Wait');
  });

  it('is planned for without the whole Scan, unless it has inherited something, which may be large', () => {
    const plannedWith = (raw: RawScan) => readAdmittedRun(raw)?.admission?.held;
    assert.deepEqual(plannedWith(held()), readNewScan(held()));
    const owned = (name: string) => ({
      ownerReferences: [{ apiVersion: 'x/v1', kind: 'ScheduledScan', name, uid: 'u' }],
    });
    assert.notEqual(plannedWith(held(owned('daily'))), undefined);
    const { scan } = bindDecision(newScan(false));
    const { annotations: _, ...metadata } = scan.metadata;
    const inherited = [
      newScan(false, { annotations: { [BINDING_ANNOTATION]: 'app' } }),
      { ...scan, metadata },
      newScan(false, owned('x'.repeat(254))),
    ];
    for (const raw of inherited) assert.equal(plannedWith(holdScan(raw)), undefined);
    assert.equal(plannedWith(newScan(false)), undefined);
  });

  it('is only resumed if another client has changed its spec', () => {
    const raw = held({ generation: 2 });
    for (const decision of [bindDecision(raw), openDecision(raw)]) {
      const decided = decide(raw, decision);
      assert.ok(decided.act === 'End');
      assert.equal(decided.result, 'Edited');
      assert.deepEqual(decided.scan.spec, newScan(false).spec);
    }
  });
});

describe('a Scan that a user has created suspended', () => {
  const raw = holdScan(newScan(true));

  it('is bound and stays suspended', () => {
    const decided = decide(raw, bindDecision(raw));
    assert.ok(decided.act === 'End');
    assert.equal(decided.scan.spec.suspend, true);
    assert.equal(decided.scan.spec.volumes?.length, 1);
    assert.deepEqual(decided.scan.metadata.annotations, { [BINDING_ANNOTATION]: 'app' });
  });

  it('waits for its decision without a limit', () => {
    const decided = decide(raw, openDecision(raw), NOW + 10 * LONGEST_HOLD_MS);
    assert.deepEqual(decided, { act: 'Wait', milliseconds: undefined });
    const run = readAdmittedRun(raw);
    assert.ok(run);
    assert.equal(holdLeft(run, NOW + 10 * LONGEST_HOLD_MS), undefined);
  });
});

describe('held Scans', () => {
  it('are enqueued by each change in their namespace that may decide on them', () => {
    const namespace = new Namespace();
    const keys: string[] = [];
    connectHeldScanTriggers(namespace.stores, { add: (key) => void keys.push(key) });
    const taken = () => keys.splice(0);
    const run = readAdmittedRun(held());
    assert.ok(run);
    namespace.stores.runs.set(run);
    assert.deepEqual(taken(), ['ns/scan']);
    namespace.pullSecret('pull');
    assert.deepEqual(taken(), ['ns/scan']);
    namespace.binding('app');
    assert.deepEqual(taken(), ['ns/scan']);
    namespace.settle('app');
    assert.ok(taken().length >= 3, 'the selection, the Trivy Secret and the status');
    const resumed = readAdmittedRun(newScan(false, { resourceVersion: '2' }));
    assert.ok(resumed);
    namespace.stores.runs.set(resumed);
    namespace.binding('app');
    assert.deepEqual(taken(), []);
  });
});

describe('held Scans of a binding', () => {
  it('are not enqueued by a Scan that the status of the binding names, because it started unbound', () => {
    const namespace = new Namespace();
    namespace.binding('app');
    namespace.settle('app');
    const keys: string[] = [];
    const { status } = namespace.report('app');
    const run = readAdmittedRun(held());
    assert.ok(run);
    namespace.stores.runs.set(run);
    connectHeldScanTriggers(namespace.stores, { add: (key) => void keys.push(key) });
    namespace.setStatus('app', { ...status, unboundScans: { count: 1, names: [{ name: 'other' }] } });
    assert.deepEqual(keys, []);
    namespace.setStatus('app', { ...status, conditions: [] });
    assert.deepEqual(keys, ['ns/scan']);
  });
});

describe('a held Scan with a Secret of its own', () => {
  it('is the only one that a change of the Secret enqueues', () => {
    const namespace = new Namespace();
    const keys: string[] = [];
    for (const name of ['scan', 'other']) {
      const run = readAdmittedRun(holdScan(newScan(false, { name, uid: name }), true));
      assert.ok(run);
      namespace.stores.runs.set(run);
    }
    connectHeldScanTriggers(namespace.stores, { add: (key) => void keys.push(key) });
    const owner = { name: 'scan', uid: 'scan' };
    namespace.trivySecret({
      metadata: { name: temporarySecretName(owner), ...temporaryMetadata(owner, 'app') },
    });
    assert.deepEqual(keys, ['ns/scan']);
  });
});

describe('Scans that started unbound', () => {
  /** The names in status that the binding `app` reports. */
  function reported(namespace: Namespace, now = NOW): readonly string[] | undefined {
    return namespace.report('app', undefined, now).status.unboundScans?.names.map(({ name }) => name);
  }

  function bindingWith(...scans: readonly RawScan[]): Namespace {
    const namespace = new Namespace();
    namespace.pullSecret('pull');
    namespace.binding('app');
    for (const scan of scans) {
      const run = readAdmittedRun(scan);
      if (run !== undefined) namespace.stores.runs.set(run);
    }
    return namespace;
  }

  const at = (seconds: number, name: string, more: object = {}) =>
    newScan(false, { name, creationTimestamp: new Date(NOW + seconds * 1_000).toISOString(), ...more });

  it('are named in the status of their effective binding, the newest ones first', () => {
    assert.deepEqual(reported(bindingWith(at(-2, 'old'), at(-1, 'new'))), ['new', 'old']);
  });

  it('are named for a day', () => {
    const namespace = bindingWith(at(0, 'one'));
    assert.deepEqual(reported(namespace, NOW + 86_399_000), ['one']);
    assert.equal(reported(namespace, NOW + 86_400_000), undefined);
  });

  it('are at most ten in status, and counted', () => {
    const scans = Array.from({ length: 12 }, (_, index) => at(-index, `scan-${index}`));
    const { unboundScans } = bindingWith(...scans).report('app').status;
    assert.equal(unboundScans?.count, 12);
    assert.equal(unboundScans?.names.length, 10);
  });

  it('say so if secureCodeBox cannot suspend Scans', () => {
    const { suspend: _, ...spec } = newScan(false).spec;
    const { unboundScans } = bindingWith({ ...at(0, 'one'), spec }).report('app').status;
    assert.match(unboundScans?.names[0]?.reason ?? '', /upgrade secureCodeBox to 5\.6/);
  });

  it('are not those of another binding, of another type, from before the binding, done, held or bound', () => {
    const scanned = (image: string) => ({ ...newScan(false).spec, parameters: [image] });
    const scans: readonly RawScan[] = [
      { ...at(0, 'other-image'), spec: scanned('reg.example/other:1') },
      { ...at(0, 'other-type'), spec: { ...newScan(false).spec, scanType: 'nmap' } },
      at(0, 'too-old', { creationTimestamp: '2025-01-01T00:00:00Z' }),
      { ...at(0, 'done'), status: { state: 'Done' } },
      holdScan(at(0, 'held')),
      bindDecision(at(0, 'bound')).scan,
    ];
    assert.equal(reported(bindingWith(...scans)), undefined);
  });

  it('are Scans of a cascade that have inherited the annotation of a binding, but not its credential', () => {
    const ownerReferences = [
      { apiVersion: 'execution.securecodebox.io/v1', kind: 'Scan', name: 'parent', uid: 'u' },
    ];
    const inherited = { ownerReferences, annotations: { [BINDING_ANNOTATION]: 'app' } };
    assert.deepEqual(reported(bindingWith(at(0, 'child', inherited))), ['child']);
    assert.equal(reported(bindingWith(bindDecision(at(0, 'child', inherited)).scan)), undefined);
    // It has inherited the credential of another binding, too.
    const { scan: other } = bindDecision(at(0, 'child', { ownerReferences }));
    const annotations = { [BINDING_ANNOTATION]: 'other' };
    const ofOther = { ...other, metadata: { ...other.metadata, annotations } };
    assert.deepEqual(reported(bindingWith(ofOther)), ['child']);
    // The binding needs no credential, so the Scan may be bound.
    const namespace = bindingWith(at(0, 'child', inherited));
    namespace.binding('app', { spec: { imagePullSecrets: [] } });
    assert.equal(reported(namespace), undefined);
    // A Scan of a ScheduledScan has the annotation from its ScheduledScan.
    const { ownerReferences: _, ...own } = inherited;
    assert.equal(reported(bindingWith(at(0, 'copy', own))), undefined);
  });

  it('are forgotten once their ScheduledScan has created a bound one', () => {
    const ownerReferences = [
      { apiVersion: 'execution.securecodebox.io/v1', kind: 'ScheduledScan', name: 'daily', uid: 'u' },
    ];
    const first = at(-2, 'daily-1', { ownerReferences });
    const second = at(-1, 'daily-2', { ownerReferences });
    assert.deepEqual(reported(bindingWith(first)), ['daily-1']);
    assert.equal(reported(bindingWith(first, bindDecision(second).scan)), undefined);
  });
});
