import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { BINDING_ANNOTATION } from '../../../../src/api/names.ts';
import { Refused } from '../../../../src/controllers/binding/apply.ts';
import { connectBindingTriggers } from '../../../../src/controllers/binding/triggers.ts';
import { SecretValue } from '../../../../src/credential/secret-value.ts';
import { VOLUME_NAME } from '../../../../src/scan/delivery.ts';
import type { RawScan } from '../../../../src/scan/raw-scan.ts';
import { readAdmittedRun } from '../../../../src/scan/run.ts';
import { endHold, endHoldUndecided, holdScan, readNewScan } from '../../../../src/scan/scan.ts';
import { temporarySecretName } from '../../../../src/secret/temporary-secret.ts';
import { isTrivySecretName } from '../../../../src/secret/trivy-secret-identity.ts';
import { condition, Namespace, NOW, plans } from './namespace.ts';

const TEMPORARY = { spec: { delivery: 'Temporary' } } as const;
const PREFERRED = { spec: { ...TEMPORARY.spec, verification: 'Preferred' } } as const;
const UID = '5f0c2f0e-0000-4000-8000-000000000001';
const OWN = temporarySecretName({ name: 'daily-1', uid: UID });
const DENIED = { result: 'Denied', httpCode: 401, at: 'manifest' } as const;

function newScan(spec: Partial<RawScan['spec']> = {}, metadata: Partial<RawScan['metadata']> = {}): RawScan {
  return {
    metadata: {
      ...{ namespace: 'ns', name: 'daily-1', uid: UID, resourceVersion: '1', generation: 1 },
      ...{ creationTimestamp: new Date(NOW).toISOString(), ...metadata },
    },
    spec: { scanType: 'trivy-image', parameters: ['reg.example/app:1.0'], suspend: false, ...spec },
  };
}

/** As an API server sends it whose CRD of Scans does not know `suspend`. */
function withoutSuspend(isUnknown = true): RawScan {
  const { suspend: _, ...spec } = newScan().spec;
  return isUnknown ? { ...newScan(), spec } : newScan();
}

const held = (raw = newScan()) => holdScan(raw, true);

/** The name of the Secret that a Scan mounts. */
function mounted({ spec }: RawScan): string | undefined {
  return spec.volumes?.find(({ name }) => name === VOLUME_NAME)?.secret?.secretName;
}

describe('a binding with delivery Temporary', () => {
  let namespace: Namespace;

  beforeEach(() => {
    namespace = new Namespace();
    namespace.settings.admission = true;
    namespace.settings.boundAtCreation = 'GitManaged';
    namespace.pullSecret('pull');
    namespace.scan('daily');
  });

  /** What the webhook and the leader decide, such as `Open OwnSecret, Bind`. */
  function decided(raw = newScan()): string {
    const outcomes = [namespace.decideWhole(raw, 'Status'), namespace.decideWhole(held(raw), 'Registry')];
    return outcomes
      .map(({ decision }) =>
        'reason' in decision ? `${decision.result} ${decision.reason}` : decision.result,
      )
      .join(', ');
  }

  const bound = () => namespace.stores.scheduledScans.get('ns/daily')?.bound;

  describe('and its ScheduledScans', () => {
    it('writes neither a ScheduledScan nor a Secret, and counts the ScheduledScan as bound', () => {
      namespace.binding('app', TEMPORARY);
      const decision = namespace.decide('app');
      assert.deepEqual([decision.secretWrite.write, plans(decision)], ['None', { daily: 'AtCreation' }]);
      const { status } = namespace.report('app');
      assert.deepEqual([condition(status, 'Ready'), status.trivySecret], ['True Ready', undefined]);
      assert.deepEqual([status.scans?.bound, status.scans?.boundAtCreation], [1, 1]);
      const reason = 'its Scans are bound when they are created, each with a Secret of its own';
      assert.deepEqual(status.scans?.names, [{ name: 'daily', boundAtCreation: true, reason }]);
    });

    for (const delivery of ['Shared', 'Direct'] as const)
      it(`unbinds a ScheduledScan once after a change from ${delivery}, and binds it again after a change back`, () => {
        namespace.binding('app', { spec: { delivery } });
        namespace.settle('app');
        assert.notEqual(bound(), undefined);
        namespace.binding('app', TEMPORARY);
        assert.deepEqual(plans(namespace.decide('app')), { daily: 'Edit Unbind' });
        namespace.settle('app');
        assert.deepEqual(plans(namespace.decide('app')), { daily: 'AtCreation' });
        assert.equal(
          namespace.stores.selections.get({ ...namespace.resolve('app').binding } as never)?.trivySecret,
          undefined,
        );
        namespace.binding('app', { spec: { delivery } });
        namespace.settle('app');
        assert.notEqual(bound(), undefined);
      });

    it('leaves a bound ScheduledScan as it is while Scans could get nothing else', () => {
      namespace.binding('app');
      namespace.settle('app');
      namespace.remove('pullSecrets', 'pull');
      namespace.binding('app', TEMPORARY);
      assert.deepEqual(plans(namespace.decide('app')), { daily: 'Keep' });
      namespace.pullSecret('pull');
      namespace.settings.admission = false;
      assert.deepEqual(plans(namespace.decide('app')), { daily: 'Keep' });
    });

    it('is what the installation sets, unless the binding says otherwise', () => {
      namespace.settings.delivery = 'Temporary';
      namespace.binding('app');
      assert.deepEqual(plans(namespace.decide('app')), { daily: 'AtCreation' });
      namespace.binding('app', { spec: { delivery: 'Shared' } });
      assert.deepEqual(plans(namespace.decide('app')), { daily: 'Edit Bind' });
    });

    it('only observes in the mode Observe', () => {
      namespace.binding('app', { spec: { ...TEMPORARY.spec, mode: 'Observe' } });
      assert.deepEqual(plans(namespace.decide('app')), { daily: 'Observe' });
      assert.equal(decided(), 'NoBinding, NoBinding');
    });
  });

  describe('and a new Scan', () => {
    it('holds it, and the leader gives it a Secret with the owner, the label and the content', () => {
      namespace.binding('app', TEMPORARY);
      assert.equal(decided(), 'Open OwnSecret, Bind');
      const { decision, secretWrite } = namespace.decideWhole(held(), 'Registry');
      assert.equal(mounted(decision.scan), OWN);
      assert.equal(decision.scan.metadata.annotations?.[BINDING_ANNOTATION], 'app');
      assert.ok(secretWrite.write === 'Create' && isTrivySecretName(OWN));
      const { object } = secretWrite.desired.content;
      assert.deepEqual(
        {
          name: object.metadata.name,
          labels: object.metadata.labels,
          owners: object.metadata.ownerReferences,
        },
        {
          name: OWN,
          labels: {
            'app.kubernetes.io/managed-by': 'image-credential-binding',
            'credentials.securecodebox.io/temporary': 'true',
          },
          owners: [{ apiVersion: 'execution.securecodebox.io/v1', kind: 'Scan', name: 'daily-1', uid: UID }],
        },
      );
      const config = JSON.parse(Buffer.from(object.data?.['config.json'] ?? '', 'base64').toString());
      assert.deepEqual(config, { auths: { 'reg.example': { auth: btoa('user:pass') } } });
    });

    it('finds the Secret again after a crash, and replaces one with an old value', () => {
      namespace.binding('app', TEMPORARY);
      const first = namespace.decideWhole(held(), 'Registry').secretWrite;
      assert.ok(first.write === 'Create');
      namespace.trivySecret(first.desired.content.object);
      assert.equal(namespace.decideWhole(held(), 'Registry').secretWrite.write, 'None');
      namespace.pullSecret('pull', { 'reg.example': { auth: btoa('user:new') } });
      assert.equal(namespace.decideWhole(held(), 'Registry').secretWrite.write, 'Replace');
      const other = newScan({}, { uid: '5f0c2f0e-0000-4000-8000-000000000002' });
      assert.equal(namespace.decideWhole(held(other), 'Registry').secretWrite.write, 'Create');
    });

    it('does not use a Secret of this name that another client has created', () => {
      namespace.binding('app', TEMPORARY);
      const object = { metadata: { name: OWN }, type: 'Opaque', data: {} };
      namespace.trivySecret(object);
      assert.equal(decided(), 'Open OwnSecret, Open Credential');
    });

    it('ignores the UID that a request to create a Scan contains', () => {
      namespace.binding('app', TEMPORARY);
      const { secretWrite, decision } = namespace.decideWhole(newScan(), 'Status');
      assert.deepEqual([secretWrite.write, mounted(decision.scan)], ['None', undefined]);
    });

    it('does not hold it for a public image, or if no credential is needed', () => {
      namespace.binding('app', { spec: { ...TEMPORARY.spec, imagePullSecrets: [] } });
      assert.equal(decided(), 'Bind, Bind');
      namespace.binding('app', PREFERRED);
      namespace.answer('user:pass', { answer: DENIED });
      namespace.answer('', { answer: { result: 'Pullable' } });
      namespace.settle('app');
      assert.equal(decided(), 'Bind, Bind');
    });

    it('holds it while no credential can be used, whatever the reason', () => {
      namespace.binding('app', PREFERRED);
      assert.equal(decided(), 'Open Verification, Open Verification');
      for (const login of ['user:pass', '']) namespace.answer(login, { answer: DENIED });
      assert.equal(namespace.decideWhole(held(), 'Registry').decision.result, 'Open');
      namespace.settle('app');
      assert.equal(decided(), 'Open Credential, Open Credential');
      namespace.remove('pullSecrets', 'pull');
      assert.equal(decided(), 'Open Credential, Open Credential');
      const { decision } = namespace.decideWhole(newScan(), 'Status');
      assert.ok(decision.result === 'Open' && decision.awaitsSecret);
    });

    it('checks the credential again after a restart, because no Secret proves its value', () => {
      namespace.binding('app', { spec: { ...TEMPORARY.spec, verification: 'Required' } });
      namespace.answer('user:pass', { answer: { result: 'Pullable' } });
      namespace.settle('app');
      assert.deepEqual(namespace.openChecks('app'), []);
      namespace.restart('app');
      assert.deepEqual(namespace.openChecks('app'), ['user:pass']);
    });

    it('migrates the Scan to the new repository together with its credential', () => {
      const spec = { image: 'new.example/app', replaces: ['reg.example/app'], ...PREFERRED.spec };
      namespace.pullSecret('pull', { 'new.example': { auth: btoa('user:pass') } });
      namespace.binding('app', { spec });
      namespace.answer('user:pass', { answer: { result: 'Pullable' } }, 'new.example/app');
      namespace.settle('app');
      assert.equal(decided(), 'Open Migration, Open Migration');
      namespace.manifest('new.example/app:1.0', { result: 'Pullable' });
      const { decision, secretWrite } = namespace.decideWhole(held(), 'Registry');
      assert.deepEqual(
        [decision.scan.spec.parameters, mounted(decision.scan)],
        [['new.example/app:1.0'], OWN],
      );
      assert.equal(secretWrite.write, 'Create');
      assert.deepEqual(plans(namespace.decide('app')), { daily: 'AtCreation' });
    });

    it('gives one that has inherited entries a Secret of its own', () => {
      namespace.binding('app', TEMPORARY);
      const { decision } = namespace.decideWhole(held(), 'Registry');
      const { spec, metadata } = endHold(held(), decision.scan);
      const owner = { apiVersion: 'execution.securecodebox.io/v1', kind: 'Scan', name: 'daily-1', uid: UID };
      const child = newScan(spec, { ...metadata, name: 'child', uid: 'child', ownerReferences: [owner] });
      assert.equal(decided(child), 'Open OwnSecret, Bind');
      const own = namespace.decideWhole(held(child), 'Registry').decision.scan;
      assert.equal(mounted(own), temporarySecretName({ name: 'child', uid: 'child' }));
      assert.equal(own.spec.volumes?.length, 1);
      namespace.remove('pullSecrets', 'pull');
      assert.equal(decided(child), 'Open Credential, Open Credential');
    });

    it('never creates a Secret for one that a user has created suspended', () => {
      namespace.binding('app', TEMPORARY);
      const raw = newScan({ suspend: true });
      for (const [scan, knows] of [
        [raw, 'Status'],
        [holdScan(raw), 'Registry'],
      ] as const) {
        const { decision } = namespace.decideWhole(scan, knows);
        assert.ok(decision.result === 'Unbound' && decision.reason === 'Suspended');
        assert.deepEqual(decision.scan.spec.volumes, undefined);
      }
    });

    it('does not decide on one for which another binding is effective, although that has no credential', () => {
      namespace.binding('other', TEMPORARY);
      assert.equal(decided(), 'Open OwnSecret, Bind');
      namespace.binding('app', { spec: { ...TEMPORARY.spec, imagePullSecrets: [{ name: 'missing' }] } });
      const { decision, secretWrite } = namespace.decideWhole(held(), 'Registry');
      assert.ok(decision.result === 'Open' && decision.reason === 'Credential');
      assert.deepEqual([decision.binding, secretWrite.write], ['app', 'None']);
    });

    it('passes one that its bound ScheduledScan has given another delivery', () => {
      namespace.binding('app');
      namespace.settle('app');
      const { env, volumes, volumeMounts } = namespace.rawScan('daily')?.spec.scanSpec ?? {};
      namespace.binding('app', TEMPORARY);
      const owner = { apiVersion: 'v1', kind: 'ScheduledScan', name: 'daily', uid: 'u' };
      const metadata = { annotations: { [BINDING_ANNOTATION]: 'app' }, ownerReferences: [owner] };
      assert.equal(decided(newScan({ env, volumes, volumeMounts } as never, metadata)), 'Bound, Bound');
    });
  });

  describe('with a credential Secret whose login a cloud issues', () => {
    const HOUR = 3_600_000;
    const LOGIN = {
      answer: {
        result: 'Login',
        credential: { kind: 'basic', username: new SecretValue('AWS'), password: new SecretValue('token') },
        since: NOW,
        expiresAt: NOW + 12 * HOUR,
      },
      ...{ requestedAt: NOW, freshUntil: NOW + 8 * HOUR },
    } as const;

    beforeEach(() => {
      const keys = { 'access-key-id': 'AKIAIOSFODNN7EXAMPLE', 'secret-access-key': 'x/0123456789abcdef' };
      namespace.credentialSecret('keys', { ...keys, region: 'eu-central-1' });
      namespace.binding('app', { spec: { ...TEMPORARY.spec, imagePullSecrets: [{ name: 'keys' }] } });
    });

    it('waits for the login before it creates the Secret', () => {
      assert.equal(decided(), 'Open Login, Open Login');
      assert.equal(namespace.decideWhole(held(), 'Registry').requests?.login?.host, 'reg.example');
      namespace.login('reg.example', LOGIN);
      assert.equal(decided(), 'Open Login, Bind');
      assert.equal(namespace.decideWhole(held(), 'Registry').secretWrite.write, 'Create');
    });

    it('does not use what a Secret that is left from before contains, if its login is not known', () => {
      namespace.login('reg.example', LOGIN);
      const { secretWrite } = namespace.decideWhole(held(), 'Registry');
      assert.ok(secretWrite.write === 'Create');
      namespace.trivySecret(secretWrite.desired.content.object);
      assert.equal(decided(), 'Open Login, Bind');
      const other = { 'access-key-id': 'AKIAIOSFODNN7OTHER00', 'secret-access-key': 'y/0123456789abcdef' };
      namespace.credentialSecret('keys', { ...other, region: 'eu-central-1' });
      const { answer } = LOGIN;
      namespace.login('reg.example', { ...LOGIN, freshUntil: NOW, answer: { ...answer, expiresAt: NOW } });
      assert.equal(decided(), 'Open Login, Open Credential');
      assert.equal(namespace.decideWhole(held(), 'Registry').requests?.login?.host, 'reg.example');
    });

    it('uses the login while it is renewed, and reports its expiration', () => {
      namespace.login('reg.example', LOGIN);
      const status = namespace.settle('app', NOW + 8 * HOUR) ?? {};
      assert.equal(condition(status, 'Ready'), 'True Ready');
      assert.equal(status.credential?.expirationTime, '2026-06-02T00:00:00Z');
      assert.equal(namespace.decide('app', NOW + 7 * HOUR).requests.login, undefined);
      assert.equal(namespace.decide('app', NOW + 8 * HOUR).requests.login?.host, 'reg.example');
      assert.equal(
        condition(namespace.report('app', undefined, NOW + 12 * HOUR).status, 'Ready'),
        'False Exchanging',
      );
    });
  });

  describe('that is stalled', () => {
    const cases: readonly (readonly [string, () => void, string])[] = [
      [
        'without the webhook',
        () => Object.assign(namespace.settings, { admission: false, boundAtCreation: 'None' }),
        'AdmissionOff',
      ],
      [
        'without the right to write Secrets',
        () => Object.assign(namespace.settings, { writesSecrets: false }),
        'SecretsReadOnly',
      ],
      [
        'where the CRD of Scans has no field suspend',
        () => {
          const run = readAdmittedRun(withoutSuspend());
          assert.ok(run);
          namespace.stores.runs.set(run);
        },
        'ScansNotHeld',
      ],
    ];
    for (const [title, prepare, reason] of cases)
      it(`${title}, says so, and resumes Scans at once`, () => {
        prepare();
        namespace.binding('app', TEMPORARY);
        assert.equal(condition(namespace.report('app').status, 'Stalled'), `True ${reason}`);
        const { decision } = namespace.decideWhole(withoutSuspend(reason === 'ScansNotHeld'), 'Status');
        assert.deepEqual([decision.result, decision.scan.spec.volumes], ['Unbound', undefined]);
      });

    it('because of a Secret without annotation, resumes Scans at once', () => {
      namespace.remove('pullSecrets', 'pull');
      namespace.otherSecret('pull');
      namespace.binding('app', TEMPORARY);
      assert.equal(condition(namespace.report('app').status, 'Stalled'), 'True NotAnnotated');
      assert.equal(decided(), 'Unbound NoCredential, Unbound NoCredential');
    });

    it('until the first Scan with the field suspend after an upgrade of the CRD', () => {
      for (const [raw, stalled] of [
        [withoutSuspend(), 'True ScansNotHeld'],
        [newScan({}, { name: 'new', uid: 'new' }), undefined],
      ] as const) {
        const run = readAdmittedRun(raw);
        assert.ok(run);
        namespace.stores.runs.set(run);
        namespace.binding('app', TEMPORARY);
        assert.equal(condition(namespace.report('app').status, 'Stalled'), stalled);
        // This Scan itself shows that it can be held.
        assert.equal(decided(), 'Open OwnSecret, Bind');
      }
    });
  });

  describe('whose Secrets the API server refuses', () => {
    const REFUSED = 'the API server refused the write: Forbidden (403)';
    const ready = () => condition(namespace.report('app').status, 'Ready');

    function setScan(raw: RawScan): void {
      const run = readAdmittedRun(raw);
      assert.ok(run);
      namespace.stores.runs.set(run);
    }

    const note = (scan: string, refusal?: string) =>
      namespace.stores.temporaryRefusals.note('ns/app', `ns/${scan}`, refusal);

    beforeEach(() => {
      namespace.binding('app', TEMPORARY);
      for (const name of ['one', 'two']) setScan(held(newScan({}, { name, uid: name })));
      for (const name of ['one', 'two']) note(name, REFUSED);
    });

    it('is not ready as long as a Scan waits for its Secret, whatever others get', () => {
      const { status } = namespace.report('app');
      const [found] = status.conditions ?? [];
      assert.match(found?.message ?? '', /^Scans do not get their Secrets: .*Forbidden \(403\)/);
      assert.deepEqual([found?.status, found?.reason], ['False', 'TrivySecretFailed']);
      for (const [name, expected] of [
        ['other', 'False TrivySecretFailed'],
        ['one', 'False TrivySecretFailed'],
        ['two', 'True Ready'],
      ] as const) {
        note(name);
        assert.equal(ready(), expected, name);
      }
    });

    it('stays so after the Scans have started, until another one gets its Secret', () => {
      for (const name of ['one', 'two'])
        setScan(endHoldUndecided(held(newScan({}, { name, uid: name, resourceVersion: '2' }))));
      assert.equal(ready(), 'False TrivySecretFailed');
      note('three');
      assert.equal(ready(), 'True Ready');
    });

    it('stays so after a restart, with the same status', () => {
      namespace.settle('app');
      namespace.stores.temporaryRefusals.forget('ns/app');
      assert.deepEqual([ready(), namespace.report('app').changed], ['False TrivySecretFailed', false]);
      note('one');
      assert.equal(ready(), 'True Ready');
    });

    it('is ready after a change of its spec, until another Secret is refused', () => {
      namespace.binding('app', TEMPORARY);
      assert.equal(ready(), 'True Ready');
      note('one', REFUSED);
      assert.equal(ready(), 'False TrivySecretFailed');
      namespace.remove('bindings', 'app');
      namespace.binding('app', TEMPORARY);
      assert.equal(ready(), 'True Ready');
    });

    it('is ready, and holds new Scans, after a restart with another default delivery', () => {
      namespace.settings.delivery = 'Temporary';
      namespace.binding('app');
      note('one', REFUSED);
      namespace.settle('app');
      namespace.stores.temporaryRefusals.forget('ns/app');
      namespace.settings.delivery = 'Shared';
      assert.equal(namespace.decideWhole(newScan(), 'Status').decision.result, 'Open');
      assert.equal(ready(), 'True Ready');
    });

    it('is ready after a restart if the API server has refused only the Secret of another default delivery', () => {
      namespace.binding('app');
      const refused = new Refused('TrivySecretFailed', REFUSED);
      const { status } = namespace.report('app', { secretRefused: refused });
      namespace.setStatus('app', status);
      namespace.stores.temporaryRefusals.forget('ns/app');
      namespace.settings.delivery = 'Temporary';
      assert.equal(ready(), 'True Ready');
    });

    it('is ready with another delivery', () => {
      namespace.settle('app');
      namespace.binding('app');
      assert.equal(ready(), 'True Ready');
      namespace.stores.temporaryRefusals.forget('ns/app');
      assert.equal(ready(), 'True Ready');
    });

    it('is reconciled when its first Secret is refused, and when none is refused any more', () => {
      const keys: string[] = [];
      connectBindingTriggers(namespace.stores, { add: (key) => void keys.push(key) });
      for (const refusal of [REFUSED, undefined]) note('one', refusal);
      assert.deepEqual(keys, []);
      note('two');
      note('two', REFUSED);
      assert.deepEqual(keys, ['ns/app', 'ns/app']);
    });
  });

  describe('and its status', () => {
    const secretOf = (name: string, minutesAgo: number) => ({
      type: 'Opaque',
      metadata: {
        name: temporarySecretName({ name, uid: name }),
        creationTimestamp: new Date(NOW - minutesAgo * 60_000).toISOString(),
        labels: { 'credentials.securecodebox.io/temporary': 'true' },
        annotations: { [BINDING_ANNOTATION]: 'app' },
        ownerReferences: [{ apiVersion: 'x/v1', kind: 'Scan', name, uid: name }],
      },
    });

    it('names the Secrets that have existed for more than an hour, the oldest one first', () => {
      namespace.binding('app', TEMPORARY);
      for (const [name, minutes] of [
        ['young', 59],
        ['old', 90],
        ['older', 120],
      ] as const)
        namespace.trivySecret(secretOf(name, minutes));
      const { temporarySecrets } = namespace.report('app').status;
      assert.deepEqual(
        temporarySecrets?.names.map(({ scan }) => scan),
        ['older', 'old'],
      );
      assert.deepEqual(
        [temporarySecrets?.count, temporarySecrets?.names[0]?.createdTime],
        [2, new Date(NOW - 7_200_000).toISOString().replace('.000', '')],
      );
    });

    it('says of a Scan that was held until the limit that it was', () => {
      namespace.binding('app', TEMPORARY);
      const run = readAdmittedRun(endHoldUndecided(held()));
      assert.ok(run);
      namespace.stores.runs.set(run);
      const [scan] = namespace.report('app').status.unboundScans?.names ?? [];
      assert.match(
        scan?.reason ?? '',
        /held it until the limit.*see the conditions of the binding, and.*the log/,
      );
      assert.equal(readNewScan(endHoldUndecided(held())).hold, 'None');
    });
  });
});
