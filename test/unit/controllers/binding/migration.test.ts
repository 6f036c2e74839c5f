import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { KnownAnswer, RegistryAnswer } from '../../../../src/answer/registry-answer.ts';
import { type ImageCredentialBindingSpec, MANAGED_BY, MANAGED_BY_LABEL } from '../../../../src/api/index.ts';
import { parseImageReference } from '../../../../src/image/reference.ts';
import { decideMigration, hasSameLastPart } from '../../../../src/policy/migration.ts';
import { editScheduledScan } from '../../../../src/scan/scheduled-scan.ts';
import { connectTriggers } from '../../../support/triggers.ts';
import { condition, Namespace, NOW, plans } from './namespace.ts';

const OLD = 'old.example/app';
const NEW = 'new.example/team/app';
const AUTH = { auth: btoa('user:pass') };
const PULLABLE: RegistryAnswer = { result: 'Pullable' };
const ABSENT: RegistryAnswer = { result: 'Allowed' };
const UNREACHABLE: RegistryAnswer = { result: 'Unreachable', why: 'Timeout', at: 'ping' };

/** A namespace with a scan of the previous repository. It is bound by `app`, whose image has just changed to the new repository. */
function migrating(spec: Partial<ImageCredentialBindingSpec> = {}): Namespace {
  const namespace = new Namespace();
  namespace.pullSecret('pull', { 'old.example': AUTH, 'new.example': AUTH });
  namespace.binding('app', { spec: { image: OLD } });
  namespace.scan('scan', { image: `${OLD}:1.0` });
  namespace.settle('app');
  assert.deepEqual(plans(namespace.decide('app')), { scan: 'Keep' });
  namespace.binding('app', { spec: { image: NEW, replaces: [OLD], ...spec } });
  return namespace;
}

const parameterOf = (namespace: Namespace, name = 'scan') =>
  namespace.rawScan(name)?.spec.scanSpec.parameters.at(-1);

describe("a scan of a previous repository of a binding's image", () => {
  it('is migrated in one write that changes image and credential, and is not written again', () => {
    const namespace = migrating();
    const [plan] = namespace.decide('app').scans;
    assert.ok(plan?.plan === 'Edit' && plan.edit.edit === 'Bind');
    assert.equal(namespace.settle('app')?.trivySecret?.name, plan.edit.delivery?.secretName);
    assert.equal(parameterOf(namespace), `${NEW}:1.0`);
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Keep' });
    assert.equal(namespace.report('app').changed, false);
    assert.deepEqual(namespace.report('app').events, []);
  });

  it('has its migration reported exactly once after a crash before the status write', () => {
    const namespace = migrating();
    const { status, events } = namespace.report('app');
    namespace.settleWithoutStatus('app');
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Keep' });
    const later = namespace.report('app');
    assert.deepEqual(later.status.history, status.history);
    assert.deepEqual(later.events[0], events[0]);
    namespace.settle('app');
    assert.deepEqual(namespace.report('app').events, []);
    assert.equal(namespace.report('app').changed, false);
  });

  it('has its migration reported once, however many changes follow', () => {
    const namespace = migrating();
    namespace.settle('app');
    const [from] = namespace.stores.bindings.get('ns/app')?.status?.history ?? [];
    assert.equal(from?.reason, 'ImageMigrated');
    // The history keeps ten changes.
    for (let change = 0; change < 12; change += 1) {
      const auth = btoa(`user:${change}`);
      namespace.pullSecret(`pull-${change}`, { 'new.example': { auth } });
      namespace.binding('app', {
        spec: { image: NEW, replaces: [OLD], imagePullSecrets: [{ name: `pull-${change}` }] },
      });
      namespace.settle('app');
    }
    const { status } = namespace.report('app');
    assert.deepEqual(
      status.history?.map(({ reason }) => reason),
      Array.from({ length: 10 }, () => 'CredentialChanged'),
    );
    assert.equal(status.migrations, 1);
  });

  for (const number of [1, 3, 1_000_000_000]) {
    it(`has no migration reported if another client forges the number ${number}, which is not the next one`, () => {
      const namespace = migrating();
      namespace.settle('app');
      namespace.forgeMigration('scan', { from: 'forged.example/app', number });
      assert.deepEqual(namespace.report('app').events, []);
      assert.equal(namespace.report('app').changed, false);
    });
  }

  it('has its migration reported once if another client forges the next migration number in many scans', () => {
    const namespace = migrating();
    for (let index = 0; index < 50; index += 1) namespace.scan(`scan-${index}`, { image: `${OLD}:1.0` });
    namespace.settle('app');
    for (let index = 0; index < 50; index += 1)
      namespace.forgeMigration(`scan-${index}`, { from: `forged.example/app${index}`, number: 2 });
    namespace.settle('app');
    const again = namespace.report('app');
    assert.deepEqual([again.events, again.changed, again.status.migrations], [[], false, 2]);
  });

  it('has its migration reported only by the binding that migrated it', () => {
    const namespace = migrating();
    namespace.settleWithoutStatus('app');
    namespace.remove('bindings', 'app');
    namespace.binding('new', { spec: { image: NEW }, createdAt: '2026-05-01T00:00:00Z' });
    namespace.settle('new');
    assert.equal(namespace.stores.scheduledScans.get('ns/scan')?.bound?.binding, 'new');
    assert.equal(namespace.report('new').status.history, undefined);
  });

  it('runs again after the migration unless it is suspended', () => {
    const schedules = { Migrated: { suspend: false, schedule: '0 0 1 1 *' }, none: { suspend: true } };
    for (const [cause, schedule] of Object.entries(schedules)) {
      const namespace = migrating();
      namespace.scan('scan', { image: `${OLD}:1.0`, schedule });
      namespace.settle('app');
      const { request } = namespace.stores.scheduledScans.get('ns/scan') ?? {};
      assert.equal(request?.cause ?? 'none', cause);
      if (request !== undefined) assert.equal(request.at, NOW + 1_000);
    }
  });

  it('has its migration reported in the history and in an Event', () => {
    const namespace = migrating();
    const { status, events } = namespace.report('app');
    assert.deepEqual(status.history?.[0], {
      time: '2026-06-01T12:00:00Z',
      reason: 'ImageMigrated',
      from: { platform: 'Generic', image: OLD, secret: 'pull' },
      to: { platform: 'Generic', image: NEW, secret: 'pull' },
      scans: 1,
    });
    assert.deepEqual(events[0], {
      type: 'Normal',
      reason: 'ImageMigrated',
      action: 'Migrate',
      note: `migrated scan from ${OLD} to ${NEW}, with the credential for it`,
    });
  });

  it('is not migrated while its run is due', () => {
    const namespace = migrating();
    namespace.makeDue('scan');
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Wait' });
  });

  for (const [cause, replaces] of Object.entries({ replaces: [OLD], 'a change of the image': [] })) {
    it(`keeps its image and credential until a credential fits the new repository, if migrated by ${cause}`, () => {
      const namespace = migrating({ replaces });
      const before = JSON.stringify(namespace.rawScan('scan'));
      namespace.pullSecret('pull', { 'old.example': AUTH });
      namespace.settle('app');
      assert.equal(JSON.stringify(namespace.rawScan('scan')), before);
      namespace.pullSecret('pull', { 'new.example': AUTH });
      namespace.settle('app');
      assert.equal(parameterOf(namespace), `${NEW}:1.0`);
    });
  }

  it('keeps the credential of a deleted binding until a credential fits the new repository', () => {
    const namespace = migrating();
    namespace.pullSecret('pull', { 'old.example': AUTH });
    namespace.remove('bindings', 'app');
    namespace.binding('successor', { spec: { image: NEW, replaces: [OLD] } });
    const before = JSON.stringify(namespace.rawScan('scan'));
    for (const binding of ['app', 'successor']) namespace.settle(binding);
    assert.deepEqual(plans(namespace.decide('successor')), { scan: 'Unbound' });
    assert.equal(JSON.stringify(namespace.rawScan('scan')), before);
    namespace.pullSecret('pull', { 'new.example': AUTH });
    namespace.settle('successor');
    assert.equal(parameterOf(namespace), `${NEW}:1.0`);
    assert.equal(namespace.stores.scheduledScans.get('ns/scan')?.bound?.binding, 'successor');
  });

  it('is migrated only after a check of the new repository with the credential for it', () => {
    const namespace = migrating({ verification: 'Preferred' });
    namespace.answer('user:pass', { answer: PULLABLE }, NEW);
    const { requests, scans } = namespace.decide('app');
    assert.deepEqual(
      requests.checks.map(({ check: { image, exact }, isDeferrable }) => [
        image.host,
        image.tag,
        exact,
        isDeferrable,
      ]),
      [['new.example', '1.0', true, false]],
    );
    assert.equal(scans[0]?.plan, 'NotMigrated');
    const waiting = namespace.settle('app');
    assert.equal(condition(waiting ?? {}, 'ScansBound'), 'False Waiting');
    namespace.manifest(`${NEW}:1.0`, PULLABLE);
    assert.deepEqual(namespace.decide('app').requests.checks, []);
    namespace.settle('app');
    assert.equal(parameterOf(namespace), `${NEW}:1.0`);
    assert.deepEqual(namespace.decide('app').requests.checks, []);
  });

  it('stays if the new repository lacks its version, which ScansBound reports and which is checked again', () => {
    const namespace = migrating({ verification: 'Preferred' });
    namespace.answer('user:pass', { answer: PULLABLE }, NEW);
    namespace.manifest(`${NEW}:1.0`, ABSENT);
    const status = namespace.settle('app') ?? {};
    assert.equal(parameterOf(namespace), `${OLD}:1.0`);
    assert.equal(condition(status, 'ScansBound'), 'False ImageMissing');
    assert.equal(condition(status, 'Ready'), 'False ImageMissing');
    const message = status.conditions?.find(({ type }) => type === 'ScansBound')?.message ?? '';
    assert.match(message, /the registry does not show new\.example\/team\/app:1\.0.*Push that version/);
    assert.equal(namespace.decide('app').requests.nextAt, NOW + 3_600_000);
    const later = namespace.decide('app', NOW + 3_600_000).requests.checks;
    assert.equal(later.filter(({ check }) => check.exact).length, 1);
  });

  it('gets only its new image if the new repository needs no credential', () => {
    const namespace = migrating({ imagePullSecrets: [] });
    namespace.settle('app');
    assert.deepEqual(namespace.rawScan('scan')?.spec.scanSpec, {
      scanType: 'trivy-image',
      parameters: [`${NEW}:1.0`],
    });
  });

  it('reverts exactly to its previous spec when the binding reverts', () => {
    const namespace = migrating();
    namespace.binding('app', { spec: { image: OLD } });
    const before = JSON.stringify(namespace.rawScan('scan')?.spec);
    namespace.binding('app', { spec: { image: NEW, replaces: [OLD] } });
    namespace.settle('app');
    namespace.binding('app', { spec: { image: OLD, replaces: [NEW] } });
    namespace.settle('app');
    assert.equal(JSON.stringify(namespace.rawScan('scan')?.spec), before);
  });
});

describe('the binding that migrates a scan', () => {
  const DISCOVERED = { [MANAGED_BY_LABEL]: MANAGED_BY };
  const spec = (image: string, ...replaces: string[]) => ({ spec: { image, replaces } });
  const cases: Record<string, readonly [first: object, second: object, isSecondEffective: boolean]> = {
    'is the one whose image fits, before one whose replaces fits': [spec(NEW, OLD), spec(OLD), true],
    'is a user-created one whose replaces fits, before a discovered one whose image fits': [
      { ...spec(OLD), labels: DISCOVERED },
      spec(NEW, OLD),
      true,
    ],
    'is not one whose scan selector does not match': [
      spec(NEW, OLD),
      { spec: { ...spec(NEW, OLD).spec, scanSelector: { matchLabels: { a: 'b' } } } },
      false,
    ],
    'is not one that only observes': [
      spec(NEW, OLD),
      { spec: { ...spec(NEW, OLD).spec, mode: 'Observe' } },
      false,
    ],
  };
  for (const [name, [first, second, isSecondEffective]] of Object.entries(cases)) {
    it(name, () => {
      const namespace = new Namespace();
      namespace.pullSecret('pull', { 'old.example': AUTH, 'new.example': AUTH });
      namespace.scan('scan', { image: `${OLD}:1` });
      namespace.binding('first', first);
      namespace.binding('second', { ...second, createdAt: '2026-02-01T00:00:00Z' });
      const binds = (binding: string) => plans(namespace.decide(binding))['scan'] === 'Edit Bind';
      assert.deepEqual([binds('first'), binds('second')], [!isSecondEffective, isSecondEffective]);
    });
  }
});

describe('a bound scan whose binding has changed its image', () => {
  it('is migrated, because its annotation names the binding', () => {
    const namespace = migrating({ replaces: [] });
    namespace.settle('app');
    assert.equal(parameterOf(namespace), `${NEW}:1.0`);
  });

  it('is migrated to a repository with another name if the registry has the version there', () => {
    const other = 'new.example/renamed';
    const namespace = migrating({ image: other, replaces: [], verification: 'Required' });
    namespace.answer('user:pass', { answer: PULLABLE }, other);
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'NotMigrated' });
    namespace.manifest(`${other}:1.0`, PULLABLE);
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Edit Bind' });
    namespace.manifest(`${other}:1.0`, ABSENT);
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Edit Unbind' });
  });

  it('is unbound if nothing proves that both images are the same, with an Event that explains how to migrate it', () => {
    const namespace = migrating({ image: 'new.example/renamed', replaces: [] });
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Edit Unbind' });
    assert.match(
      JSON.stringify(namespace.report('app').events),
      /ScansNotMigrated.*add old\.example\/app to spec\.replaces/,
    );
  });

  it('stays in the message of ScansBound after it is unbound until replaces lists its repository', () => {
    const namespace = migrating({ image: 'new.example/renamed', replaces: [] });
    const messages = [1, 2, 3].map(() => {
      const { conditions } = namespace.settle('app') ?? {};
      return conditions?.find(({ type }) => type === 'ScansBound')?.message ?? '';
    });
    assert.match(messages[0] ?? '', /; to migrate scans of old\.example\/app, add it to spec\.replaces$/);
    assert.equal(new Set(messages).size, 1);
    assert.equal(namespace.report('app').changed, false);
    namespace.binding('app', { spec: { image: 'new.example/renamed', replaces: [OLD] } });
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Edit Bind' });
    assert.doesNotMatch(JSON.stringify(namespace.settle('app')?.conditions), /to spec\.replaces/);
  });

  it('is unbound if another client has changed its image', () => {
    const namespace = migrating({ image: OLD, replaces: [] });
    namespace.tamper('scan', { parameters: ['elsewhere.example/app:1.0'] });
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Edit Unbind' });
  });

  it('is unbound if the binding was deleted and recreated, because the new one has not changed its image', () => {
    const namespace = migrating({ image: OLD, replaces: [] });
    namespace.binding('app', { uid: 'another', spec: { image: NEW } });
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Edit Unbind' });
    assert.match(JSON.stringify(namespace.report('app').events), /ScansNotMigrated/);
    // Nor does the new binding migrate the scan while a due run delays the unbinding.
    namespace.makeDue('scan');
    namespace.settle('app');
    namespace.binding('app', { uid: 'another', spec: { image: NEW, mode: 'Enforce' } });
    const [plan] = namespace.decide('app').scans;
    assert.ok(plan?.plan === 'Wait' && plan.edit.edit === 'Unbind');
  });

  it('is migrated by a recreated binding once that binding has bound it', () => {
    const namespace = migrating({ image: OLD, replaces: [] });
    namespace.binding('app', { uid: 'another', spec: { image: OLD } });
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Edit Bind' });
    namespace.settle('app');
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Keep' });
    namespace.binding('app', { uid: 'another', spec: { image: NEW } });
    namespace.settle('app');
    assert.equal(parameterOf(namespace), `${NEW}:1.0`);
  });

  it('is unbound if the binding is only for another version', () => {
    const namespace = migrating({ image: `${NEW}:2.0`, replaces: [] });
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Edit Unbind' });
    namespace.binding('app', { spec: { image: `${NEW}:1.0` } });
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Edit Bind' });
  });
});

describe('decideMigration', () => {
  const known = (answer: RegistryAnswer): KnownAnswer => ({
    ...{ answer, requestedAt: NOW, freshUntil: NOW, acceptedAt: undefined, version: '1' },
  });
  const DENIED: RegistryAnswer = { result: 'Denied', httpCode: 401, at: 'manifest' };
  const HIDDEN: RegistryAnswer = { result: 'Inconclusive', why: 'NotFound' };
  const cases = [
    // answer, verification, and the decisions for three causes: replaces; image changed, same name; image changed, other name
    [undefined, 'Never', 'Migrate', 'Migrate', 'Stay'],
    [undefined, 'Preferred', 'Check', 'Check', 'Check'],
    [undefined, 'Required', 'Check', 'Check', 'Check'],
    [PULLABLE, 'Preferred', 'Migrate', 'Migrate', 'Migrate'],
    [PULLABLE, 'Required', 'Migrate', 'Migrate', 'Migrate'],
    [ABSENT, 'Preferred', 'Stay', 'Stay', 'Stay'],
    [HIDDEN, 'Preferred', 'Stay', 'Stay', 'Stay'],
    [DENIED, 'Required', 'Stay', 'Stay', 'Stay'],
    [UNREACHABLE, 'Preferred', 'Migrate', 'Migrate', 'Stay'],
    [UNREACHABLE, 'Required', 'Unconfirmed', 'Unconfirmed', 'Unconfirmed'],
  ] as const;
  for (const [answer, verification, ...decisions] of cases) {
    it(`decides with ${verification} and ${answer?.result ?? 'no answer'}: ${decisions.join(', ')}`, () => {
      const its = answer === undefined ? undefined : known(answer);
      const rest = { verification, known: its, needsNoSecret: false };
      assert.deepEqual(
        [
          decideMigration({ ...rest, cause: 'Replaces', hasSameName: false }),
          decideMigration({ ...rest, cause: 'ImageChanged', hasSameName: true }),
          decideMigration({ ...rest, cause: 'ImageChanged', hasSameName: false }),
        ],
        decisions,
      );
    });
  }

  it('treats a refusal as no answer if the nodes have credentials of their own', () => {
    const evidence = {
      cause: 'Replaces',
      verification: 'Preferred',
      known: known(DENIED),
      hasSameName: false,
    } as const;
    assert.equal(decideMigration({ ...evidence, needsNoSecret: true }), 'Migrate');
  });

  it('compares the last path component of repositories', () => {
    const same = (a: string, b: string) => hasSameLastPart(parseImageReference(a), parseImageReference(b));
    assert.equal(same('a.example/x/app', 'b.example/app'), true);
    assert.equal(same('a.example/x/app', 'b.example/app/x'), false);
    assert.equal(same('nginx', 'b.example/nginx'), true);
  });
});

describe('bindings that replace each other in a cycle', () => {
  function cycle(length: number): Namespace {
    const namespace = new Namespace();
    namespace.pullSecret('pull', { '*.example': AUTH });
    for (let index = 0; index < length; index += 1) {
      const spec = { image: `r${index}.example/app`, replaces: [`r${(index + 1) % length}.example/app`] };
      namespace.binding(`b${index}`, { spec });
    }
    return namespace;
  }

  for (const length of [2, 3, 5]) {
    it(`are Stalled, bind scans of their own image, and migrate none: ${length} bindings`, () => {
      const namespace = cycle(length);
      namespace.scan('scan', { image: 'r1.example/app:1' });
      for (let index = 0; index < length; index += 1) {
        const status = namespace.settle(`b${index}`) ?? {};
        assert.equal(condition(status, 'Ready'), 'False ReplacesCycle');
        assert.equal(condition(status, 'Stalled'), 'True ReplacesCycle');
        assert.equal(condition(status, 'Reconciling'), undefined);
      }
      assert.equal(parameterOf(namespace), 'r1.example/app:1');
      assert.equal(namespace.stores.scheduledScans.get('ns/scan')?.bound?.binding, 'b1');
    });

    it(`are all enqueued when the cycle is broken: ${length} bindings`, async () => {
      const namespace = cycle(length);
      const added = new Set<string>();
      const queue = { add: (key: string) => void added.add(key) };
      const others = { trivySecrets: new Set<string>(), runs: new Set<string>() };
      const sourceSecrets = new Set<string>();
      connectTriggers(namespace.stores, { bindings: queue, ...others, sourceSecrets });
      namespace.binding('b0', { spec: { image: 'r0.example/app' } });
      await turn();
      assert.equal(added.size, length);
      for (let index = 0; index < length; index += 1) {
        assert.equal(condition(namespace.settle(`b${index}`) ?? {}, 'Stalled'), undefined);
      }
    });
  }

  it('do not include a binding whose chain of replaces only ends in the cycle', () => {
    const namespace = cycle(2);
    namespace.binding('outside', { spec: { image: 'r9.example/app', replaces: ['r8.example/app'] } });
    assert.equal(condition(namespace.settle('outside') ?? {}, 'Stalled'), undefined);
  });
});

describe('a scan whose image follows a flag that the controller does not know', () => {
  const parameters = ['--new', `${OLD}:1.0`];
  const reported =
    /scan \(is not migrated, because its image follows the flag --new, .*join the flag to its value with "="\)/;
  const scansBoundOf = (namespace: Namespace) =>
    namespace.report('app').status.conditions?.find(({ type }) => type === 'ScansBound')?.message ?? '';

  it('is bound and unbound like others', () => {
    const namespace = new Namespace();
    namespace.pullSecret('pull', { 'old.example': AUTH });
    namespace.binding('app', { spec: { image: OLD } });
    namespace.scan('scan', { parameters });
    const before = namespace.rawScan('scan')?.spec;
    namespace.settle('app');
    assert.equal(namespace.stores.scheduledScans.get('ns/scan')?.bound?.binding, 'app');
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Keep' });
    namespace.remove('bindings', 'app');
    namespace.settle('app');
    assert.deepEqual(namespace.rawScan('scan')?.spec, before);
  });

  const causes: Readonly<Record<string, Partial<ImageCredentialBindingSpec>>> = {
    'spec.replaces lists its repository': { image: NEW, replaces: [OLD] },
    'the image of its binding has changed': { image: NEW },
  };
  for (const [cause, spec] of Object.entries(causes))
    it(`is not rewritten, and is reported: ${cause}`, () => {
      const namespace = new Namespace();
      namespace.pullSecret('pull', { 'old.example': AUTH, 'new.example': AUTH });
      namespace.binding('app', { spec: { image: OLD } });
      namespace.scan('scan', { parameters });
      namespace.settle('app');
      const before = namespace.rawScan('scan')?.spec;
      namespace.binding('app', { spec });
      assert.deepEqual(plans(namespace.decide('app')), { scan: 'Unmigratable' });
      assert.equal(condition(namespace.report('app').status, 'ScansBound'), 'False ScanUnreadable');
      assert.match(scansBoundOf(namespace), reported);
      namespace.settle('app');
      assert.deepEqual(namespace.rawScan('scan')?.spec, before);
    });

  it('is migrated once the flag is joined to its value', () => {
    const namespace = new Namespace();
    namespace.pullSecret('pull', { 'new.example': AUTH });
    namespace.binding('app', { spec: { image: NEW, replaces: [OLD] } });
    namespace.scan('scan', { parameters });
    assert.match(scansBoundOf(namespace), reported);
    namespace.tamper('scan', { parameters: ['--new=true', `${OLD}:1.0`] });
    namespace.settle('app');
    assert.equal(parameterOf(namespace), `${NEW}:1.0`);
  });

  it('is not rewritten by an edit that was decided on before its parameters changed', () => {
    const raw = { metadata: { name: 'scan' }, spec: { scanSpec: { scanType: 'trivy-image', parameters } } };
    const edit = {
      edit: 'Bind',
      binding: 'app',
      delivery: undefined,
      image: parseImageReference(`${NEW}:1.0`),
    } as const;
    const result = editScheduledScan(raw, edit);
    assert.deepEqual(result.result === 'Changed' && result.scan.spec.scanSpec.parameters, parameters);
  });
});
