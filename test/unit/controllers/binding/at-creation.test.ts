import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { decide } from '../../../../src/controllers/binding/decide.ts';
import { gitManagerOf } from '../../../../src/scan/git-manager.ts';
import { condition, Namespace, plans } from './namespace.ts';

const FLUX = { 'kustomize.toolkit.fluxcd.io/name': 'apps' };

/** A namespace in which Flux applies `from-git`, and nobody applies `other`. */
function withScans(image = 'reg.example/app:1.0'): Namespace {
  const namespace = new Namespace();
  namespace.pullSecret('pull');
  namespace.scan('from-git', { labels: FLUX, image });
  namespace.scan('other', { image });
  return namespace;
}

describe('the program that applies a ScheduledScan', () => {
  const cases: readonly (readonly [string, Parameters<typeof gitManagerOf>[0], string | undefined])[] = [
    ['Argo CD, by annotation', { annotations: { 'argocd.argoproj.io/tracking-id': 'x' } }, 'Argo CD'],
    ['Argo CD, by field manager', { managedFields: [{ manager: 'argocd-controller' }] }, 'Argo CD'],
    ['Flux, by its Kustomization', { labels: FLUX }, 'Flux'],
    ['Flux, by its HelmRelease', { labels: { 'helm.toolkit.fluxcd.io/name': 'apps' } }, 'Flux'],
    ['not Helm', { annotations: { 'meta.helm.sh/release-name': 'apps' } }, undefined],
    ['not kubectl', { managedFields: [{ manager: 'kubectl' }] }, undefined],
  ];
  for (const [title, metadata, expected] of cases)
    it(`is ${title}`, () => assert.equal(gitManagerOf(metadata), expected));
});

describe('ScheduledScans whose Scans are bound when they are created', () => {
  let namespace: Namespace;

  beforeEach(() => {
    namespace = withScans();
    namespace.binding('app');
  });

  it('are those from Git, and the binding says so', () => {
    namespace.settings.boundAtCreation = 'GitManaged';
    assert.deepEqual(plans(namespace.decide('app')), { 'from-git': 'AtCreation', other: 'Edit Bind' });
    const { scans, conditions } = namespace.report('app').status;
    assert.deepEqual([scans?.bound, scans?.boundAtCreation], [2, 1]);
    const reason =
      'its Scans are bound when they are created, because Flux would revert a change of the ScheduledScan';
    assert.deepEqual(scans?.names, [{ name: 'from-git', boundAtCreation: true, reason }, { name: 'other' }]);
    assert.match(conditions?.find(({ type }) => type === 'ScansBound')?.message ?? '', /2 scans bound/);
  });

  it('are all of them if only new Scans are bound', () => {
    namespace.settings.boundAtCreation = 'All';
    assert.deepEqual(plans(namespace.decide('app')), { 'from-git': 'AtCreation', other: 'AtCreation' });
    assert.equal(condition(namespace.report('app').status, 'Ready'), 'True Ready');
  });

  it('are unbound once if they are bound already', () => {
    namespace.settle('app');
    assert.deepEqual(plans(namespace.decide('app')), { 'from-git': 'Keep', other: 'Keep' });
    namespace.settings.boundAtCreation = 'GitManaged';
    assert.deepEqual(plans(namespace.decide('app')), { 'from-git': 'Edit Unbind', other: 'Keep' });
    namespace.settle('app');
    assert.deepEqual(plans(namespace.decide('app')), { 'from-git': 'AtCreation', other: 'Keep' });
  });

  it('are bound like others without the webhook, with a warning', () => {
    namespace.settle('app');
    const { scans } = namespace.report('app').status;
    const note = scans?.names?.find(({ name }) => name === 'from-git')?.reason;
    assert.equal(
      note,
      'bound, but Flux may revert that again and again: enable the admission webhook, so that its Scans are bound when they are created',
    );
  });

  it('fail if there is no credential for their Scans', () => {
    namespace.settings.boundAtCreation = 'GitManaged';
    namespace.binding('app', { spec: { imagePullSecrets: [{ name: 'gone' }] } });
    assert.deepEqual(plans(namespace.decide('app')), { 'from-git': 'Unbound', other: 'Unbound' });
  });

  it('have their new Scans bound by the webhook', () => {
    namespace.settings.boundAtCreation = 'GitManaged';
    namespace.settle('app');
    const raw = {
      metadata: {
        namespace: 'ns',
        name: 'from-git-1',
        ownerReferences: [
          { apiVersion: 'execution.securecodebox.io/v1', kind: 'ScheduledScan', name: 'from-git', uid: 'u' },
        ],
      },
      spec: { scanType: 'trivy-image', parameters: ['reg.example/app:1.0'], suspend: false },
    };
    assert.equal(namespace.decideNewScan(raw).result, 'Bind');
  });
});

describe('a ScheduledScan from Git that names a previous repository', () => {
  let namespace: Namespace;

  beforeEach(() => {
    namespace = withScans('old.example/app:1.0');
    namespace.settings.boundAtCreation = 'GitManaged';
    namespace.binding('app', { spec: { replaces: ['old.example/app'] } });
  });

  it('is not written, and the binding says which parameter to change to what', () => {
    const { parameterChanges, scans } = namespace.report('app').status;
    const [change] = parameterChanges ?? [];
    assert.deepEqual(change, {
      scheduledScan: 'from-git',
      parameter: 0,
      from: 'old.example/app:1.0',
      to: 'reg.example/app:1.0',
    });
    assert.match(
      scans?.names?.find(({ name }) => name === 'from-git')?.reason ?? '',
      /change spec\.scanSpec\.parameters\[0\] of ScheduledScan from-git to reg\.example\/app:1\.0$/,
    );
    assert.equal(
      decide(namespace.resolve('app')).scans.some(({ plan }) => plan === 'AtCreation'),
      true,
    );
  });

  it('is reported once, in an Event and in history', () => {
    const { events, status } = namespace.report('app');
    const notes = events.filter(({ action }) => action === 'Migrate').map(({ note }) => note);
    assert.equal(notes.length, 2);
    assert.match(
      notes.find((note) => note.includes('from-git')) ?? '',
      /^new Scans of from-git use reg\.example\/app instead of old\.example\/app, .*status\.parameterChanges/,
    );
    assert.equal(status.history?.length, 2);
    namespace.settle('app');
    const again = namespace.report('app');
    assert.deepEqual(
      again.events.filter(({ action }) => action === 'Migrate'),
      [],
    );
    assert.equal(again.changed, false);
  });

  it('is reported once, although each restart checks the new image again', () => {
    const { settings } = namespace;
    namespace = withScans('old.example/app:1.0');
    namespace.settings.boundAtCreation = settings.boundAtCreation;
    namespace.binding('app', { spec: { replaces: ['old.example/app'], verification: 'Preferred' } });
    const check = () => {
      namespace.answer('user:pass', { answer: { result: 'Pullable' } });
      namespace.manifest('reg.example/app:1.0', { result: 'Pullable' });
    };
    check();
    namespace.settle('app');
    assert.equal(namespace.stores.bindings.get('ns/app')?.status?.parameterChanges?.length, 1);
    namespace.restart('app');
    assert.equal(plans(namespace.decide('app'))['from-git'], 'NotMigrated');
    namespace.settle('app');
    check();
    const { events } = namespace.report('app');
    assert.deepEqual(
      events.filter(({ action }) => action === 'Migrate'),
      [],
    );
    namespace.manifest('reg.example/app:1.0', { result: 'Allowed' });
    assert.equal(namespace.report('app').status.parameterChanges, undefined);
  });

  it('is forgotten once its parameter is changed', () => {
    namespace.settle('app');
    namespace.scan('from-git', { labels: FLUX });
    assert.equal(namespace.report('app').status.parameterChanges, undefined);
  });
});
