import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { BINDING_ANNOTATION, RUN_ANNOTATION } from '../../../../src/api/names.ts';
import { Refused } from '../../../../src/controllers/binding/apply.ts';
import { VOLUME_NAME } from '../../../../src/scan/delivery.ts';
import type { RawScan } from '../../../../src/scan/raw-scan.ts';
import type { ScanDecision } from '../../../../src/scan/scan-decision.ts';
import { Namespace, NOW } from './namespace.ts';

const DENIED = { result: 'Denied', httpCode: 401, at: 'manifest' } as const;

type Spec = Partial<RawScan['spec']>;
type Metadata = Partial<RawScan['metadata']>;

function newScan(spec: Spec = {}, metadata: Metadata = {}): RawScan {
  return {
    metadata: { namespace: 'ns', name: 'one-off', ...metadata },
    spec: { scanType: 'trivy-image', parameters: ['reg.example/app:1.0'], suspend: false, ...spec },
  };
}

/** The Scan that secureCodeBox's operator creates for a ScheduledScan. As a Go program, it omits empty values. */
function runOf(namespace: Namespace, name: string): RawScan {
  const raw = namespace.rawScan(name);
  if (raw === undefined) throw new Error(`there is no scan ${name}`);
  const { env, ...scanSpec } = raw.spec.scanSpec;
  const copied = env?.map(({ name, value }: { name: string; value?: string }) =>
    value === '' ? { name } : { name, value },
  );
  const annotations = Object.entries(raw.metadata.annotations ?? {}).filter(([key]) =>
    key.includes('securecodebox.io/'),
  );
  return newScan(
    { ...scanSpec, ...(copied === undefined ? {} : { env: copied }) },
    {
      name: `${name}-1`,
      annotations: Object.fromEntries(annotations),
      ownerReferences: [
        { apiVersion: 'execution.securecodebox.io/v1', kind: 'ScheduledScan', name, uid: `uid-${name}` },
      ],
    },
  );
}

/** A Scan that a cascade of another Scan has created. */
function cascadeOf(parent: RawScan, spec: Spec = {}): RawScan {
  const owner = { apiVersion: 'execution.securecodebox.io/v1', kind: 'Scan', name: 'parent', uid: 'u' };
  return newScan(spec, { ...parent.metadata, name: 'child', ownerReferences: [owner] });
}

function outcome(decision: ScanDecision): string {
  const binding = 'binding' in decision ? ` ${decision.binding}` : '';
  const reason = 'reason' in decision ? ` ${decision.reason}` : '';
  return `${decision.result}${binding}${reason}`;
}

/** The name of the Secret that a Scan mounts. */
function mounted({ spec }: RawScan): string | undefined {
  return spec.volumes?.find(({ name }) => name === VOLUME_NAME)?.secret?.secretName;
}

describe('a new Scan', () => {
  let namespace: Namespace;

  beforeEach(() => {
    namespace = new Namespace();
    namespace.pullSecret('pull');
  });

  it('is bound as a ScheduledScan of the same image is', () => {
    namespace.binding('app');
    namespace.scan('scheduled');
    namespace.settle('app');
    const { scan, ...decision } = namespace.decideNewScan(newScan());
    assert.equal(outcome({ scan, ...decision } as ScanDecision), 'Bind app');
    const { env, volumes, volumeMounts } = namespace.rawScan('scheduled')?.spec.scanSpec ?? {};
    assert.deepEqual(
      { env: scan.spec.env, volumes: scan.spec.volumes, volumeMounts: scan.spec.volumeMounts },
      { env, volumes, volumeMounts },
    );
    assert.equal(scan.metadata.annotations?.[BINDING_ANNOTATION], 'app');
    assert.equal(scan.spec.suspend, false);
  });

  it('is not changed if no binding is effective', () => {
    namespace.binding('app', { spec: { image: 'reg.example/other' } });
    namespace.binding('watching', { spec: { mode: 'Observe' } });
    const raw = newScan();
    const decision = namespace.decideNewScan(raw);
    assert.equal(outcome(decision), 'NoBinding');
    assert.deepEqual(decision.scan, raw);
  });

  it('gets names and paths, and no secret value', () => {
    namespace.binding('app');
    namespace.settle('app');
    const text = JSON.stringify(namespace.decideNewScan(newScan()));
    assert.match(text, /trivy-pull-/);
    for (const value of ['pass', btoa('user:pass')]) assert.equal(text.includes(`"${value}"`), false);
    assert.doesNotMatch(text, /user:pass|dXNlcjpwYXNz/);
  });

  it('gets an annotation and nothing else if no credential is needed', () => {
    namespace.binding('app', { spec: { imagePullSecrets: [] } });
    const decision = namespace.decideNewScan(newScan());
    assert.equal(outcome(decision), 'Bind app');
    assert.deepEqual(decision.scan, newScan({}, { annotations: { [BINDING_ANNOTATION]: 'app' } }));
  });

  describe('whose binding', () => {
    it('is about to write the Trivy Secret has to wait', () => {
      namespace.binding('app');
      assert.equal(outcome(namespace.decideNewScan(newScan())), 'Open app TrivySecret');
    });

    it('could not write the Trivy Secret is not held', () => {
      namespace.binding('app');
      const secretRefused = new Refused('TrivySecretFailed', 'the API server refused the write');
      namespace.setStatus('app', namespace.report('app', { secretRefused }).status);
      assert.equal(outcome(namespace.decideNewScan(newScan())), 'Unbound app NoCredential');
      namespace.binding('app', { spec: { verification: 'Never', mode: 'Enforce' } });
      assert.equal(outcome(namespace.decideNewScan(newScan())), 'Open app TrivySecret');
    });

    it('is about to write a new value into the Trivy Secret mounts it at once, and leaves the write to the binding', () => {
      namespace.binding('app');
      namespace.settle('app');
      namespace.pullSecret('pull', { 'reg.example': { auth: btoa('user:new') } });
      assert.equal(namespace.decide('app').secretWrite.write, 'Replace');
      const { decision, secretWrite } = namespace.decideWhole(newScan(), 'Registry');
      assert.deepEqual([outcome(decision), secretWrite.write], ['Bind app', 'None']);
    });

    it('waits for the first answer of a registry has to wait', () => {
      namespace.binding('app', { spec: { verification: 'Preferred' } });
      assert.equal(outcome(namespace.decideNewScan(newScan())), 'Open app Verification');
      namespace.settle('app');
      assert.equal(outcome(namespace.decideNewScan(newScan())), 'Open app Verification');
    });

    it('has a Secret that was not read yet has to wait', () => {
      namespace.binding('app');
      namespace.settle('app');
      for (const secret of [...namespace.stores.sourceSecrets.values()])
        namespace.stores.sourceSecrets.delete(secret);
      assert.equal(outcome(namespace.decideNewScan(newScan())), 'Open app Secret');
    });

    it('has an accepted credential in status is bound by a replica that has checked nothing with a registry', () => {
      namespace.binding('app', { spec: { verification: 'Required' } });
      namespace.answer('user:pass', { answer: { result: 'Pullable' } });
      namespace.settle('app');
      assert.equal(outcome(namespace.decideNewScan(newScan())), 'Bind app');
    });

    it('has no credential that the registry accepts is not held', () => {
      namespace.binding('app', { spec: { verification: 'Required' } });
      for (const auth of ['user:pass', '']) namespace.answer(auth, { answer: DENIED });
      namespace.settle('app');
      assert.equal(outcome(namespace.decideNewScan(newScan())), 'Unbound app NoCredential');
    });

    it('names a Secret that does not exist is not held', () => {
      namespace.binding('app', { spec: { imagePullSecrets: [{ name: 'gone' }] } });
      assert.equal(outcome(namespace.decideNewScan(newScan())), 'Unbound app NoCredential');
    });

    it('finds its volume name taken is not changed', () => {
      namespace.binding('app');
      namespace.settle('app');
      const raw = newScan({ volumes: [{ name: VOLUME_NAME, secret: { secretName: 'mine' } }] });
      const decision = namespace.decideNewScan(raw);
      assert.equal(outcome(decision), 'Unbound app Taken');
      assert.deepEqual(decision.scan, raw);
    });
  });

  it('is bound although writes of a ScheduledScan with the same name are reverted', () => {
    namespace.binding('app');
    namespace.settle('app');
    const reverted = {
      scheduledScan: 'one-off',
      fieldManager: 'opponent',
      reversions: 10,
      lastWriteTime: new Date(NOW).toISOString(),
    };
    namespace.setStatus('app', { revertedWrites: [reverted] });
    const managedFields: readonly object[] = [{ manager: 'opponent' }];
    const raw = newScan({}, { managedFields });
    assert.equal(outcome(namespace.decideNewScan(raw)), 'Bind app');
  });

  describe('of a previous repository', () => {
    const old = newScan({ parameters: ['old.example/app:1.0'] });

    it('is migrated if that needs no answer', () => {
      namespace.binding('app', { spec: { replaces: ['old.example/app'] } });
      namespace.settle('app');
      const decision = namespace.decideNewScan(old);
      assert.equal(outcome(decision), 'Bind app');
      assert.deepEqual(decision.scan.spec.parameters, ['reg.example/app:1.0']);
    });

    it('has to wait where this replica cannot tell, and the leader decides', () => {
      namespace.binding('app', { spec: { replaces: ['old.example/app'], verification: 'Preferred' } });
      namespace.answer('user:pass', { answer: { result: 'Pullable' } });
      namespace.settle('app');
      assert.equal(outcome(namespace.decideNewScan(old)), 'Open app Migration');
      assert.equal(outcome(namespace.decideNewScan(old, { knows: 'Registry' })), 'Open app Migration');
      namespace.manifest('reg.example/app:1.0', { result: 'Pullable' });
      assert.equal(outcome(namespace.decideNewScan(old, { knows: 'Registry' })), 'Bind app');
      namespace.manifest('reg.example/app:1.0', { result: 'Allowed' });
      assert.equal(outcome(namespace.decideNewScan(old, { knows: 'Registry' })), 'Unbound app NotMigrated');
    });
  });

  describe('of a bound ScheduledScan', () => {
    it('is not changed, although the operator omits empty values', () => {
      namespace.binding('app');
      namespace.scan('scheduled');
      namespace.settle('app');
      const raw = runOf(namespace, 'scheduled');
      const decision = namespace.decideNewScan(raw);
      assert.equal(outcome(decision), 'Bound app');
      assert.deepEqual(decision.scan, raw);
    });

    it('keeps its delivery if the binding can no longer bind scans', () => {
      namespace.binding('app');
      namespace.scan('scheduled');
      namespace.settle('app');
      namespace.remove('pullSecrets', 'pull');
      namespace.settle('app');
      assert.equal(outcome(namespace.decideNewScan(runOf(namespace, 'scheduled'))), 'Bound app');
    });

    it('gets the delivery of the effective binding if it has another one', () => {
      namespace.binding('app');
      namespace.scan('scheduled');
      namespace.settle('app');
      const raw = runOf(namespace, 'scheduled');
      namespace.pullSecret('newer', { 'reg.example': { auth: btoa('user:newer') } });
      namespace.binding('app', { spec: { imagePullSecrets: [{ name: 'newer' }] } });
      namespace.settle('app');
      const decision = namespace.decideNewScan(raw);
      assert.equal(outcome(decision), 'Bind app');
      assert.match(mounted(decision.scan) ?? '', /^trivy-newer-/);
      assert.notEqual(mounted(raw), mounted(decision.scan));
    });
  });
});

describe('a cascaded Scan', () => {
  let namespace: Namespace;
  let parent: RawScan;

  beforeEach(() => {
    namespace = new Namespace();
    namespace.pullSecret('pull');
    namespace.binding('app');
    namespace.scan('scheduled', { image: 'reg.example/app:1.0' });
    namespace.settle('app');
    const raw = runOf(namespace, 'scheduled');
    const annotations = {
      ...raw.metadata.annotations,
      [RUN_ANNOTATION]: 'Bound 2026-01-01T00:00:00Z',
      mine: 'x',
    };
    parent = { ...raw, metadata: { ...raw.metadata, annotations } };
  });

  it('loses what it has inherited if no binding is effective', () => {
    const { parameters: _, ...inherited } = parent.spec;
    const child = cascadeOf(parent, {
      ...inherited,
      parameters: ['other.example/tool:1'],
      env: [{ name: 'A' }, ...(parent.spec.env ?? []), { name: 'B' }],
    });
    const { result, scan } = namespace.decideNewScan(child);
    assert.equal(result, 'NoBinding');
    assert.deepEqual(scan.metadata.annotations, { mine: 'x' });
    assert.deepEqual(scan.spec, {
      scanType: 'trivy-image',
      parameters: ['other.example/tool:1'],
      suspend: false,
      env: [{ name: 'A' }, { name: 'B' }],
    });
  });

  it('gets the entries of its own binding in place of inherited ones', () => {
    namespace.pullSecret('tools', { 'other.example': { auth: btoa('user:other') } });
    namespace.binding('tool', {
      spec: { image: 'other.example/tool', imagePullSecrets: [{ name: 'tools' }] },
    });
    namespace.settle('tool');
    const child = cascadeOf(parent, { ...parent.spec, parameters: ['other.example/tool:1'] });
    const decision = namespace.decideNewScan(child);
    assert.equal(outcome(decision), 'Bind tool');
    assert.equal(decision.scan.spec.volumes?.length, 1);
    assert.equal(decision.scan.spec.env?.length, parent.spec.env?.length);
    assert.match(mounted(decision.scan) ?? '', /^trivy-tools-/);
    assert.deepEqual(decision.scan.metadata.annotations, { mine: 'x', [BINDING_ANNOTATION]: 'tool' });
  });

  it('is bound if it has inherited only the annotations', () => {
    const decision = namespace.decideNewScan(cascadeOf(parent));
    assert.equal(outcome(decision), 'Bind app');
    assert.notEqual(mounted(decision.scan), undefined);
  });

  it('has to wait if it has inherited only the annotations, and the decision is open', () => {
    namespace.binding('app', { spec: { verification: 'Required' } });
    assert.equal(outcome(namespace.decideNewScan(cascadeOf(parent))), 'Open app Verification');
  });
});

describe('precedence for a new Scan', () => {
  it('is that for ScheduledScans', () => {
    const namespace = new Namespace();
    namespace.pullSecret('pull');
    namespace.binding('whole');
    namespace.binding('tag', { spec: { image: 'reg.example/app:1.0' } });
    for (const name of ['whole', 'tag']) namespace.settle(name);
    assert.equal(outcome(namespace.decideNewScan(newScan())), 'Bind tag');
    const other = newScan({ parameters: ['reg.example/app:2.0'] });
    assert.equal(outcome(namespace.decideNewScan(other)), 'Bind whole');
  });

  it('leaves a Scan with the delivery of its binding to it while the first binding cannot bind', () => {
    const namespace = new Namespace();
    namespace.pullSecret('pull');
    namespace.binding('whole');
    namespace.settle('whole');
    const { scan } = namespace.decideNewScan(newScan());
    namespace.binding('tag', {
      spec: { image: 'reg.example/app:1.0', imagePullSecrets: [{ name: 'gone' }] },
    });
    namespace.settle('tag');
    const decision = namespace.decideNewScan(scan);
    assert.equal(outcome(decision), 'Bind whole');
    assert.deepEqual(decision.scan, scan);
  });
});
