import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../../../../src/api/index.ts';
import { readTrivySecret } from '../../../../src/secret/trivy-secret.ts';
import { Namespace, NOW, objectOf, plans } from './namespace.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const BY_DISCOVERY = { [MANAGED_BY_LABEL]: MANAGED_BY };

/** A namespace with a pull secret, the binding `app` and a scan of its image. */
function usual(): Namespace {
  const namespace = new Namespace();
  namespace.pullSecret('pull');
  namespace.binding('app');
  namespace.scan('scan');
  return namespace;
}

describe('decide', () => {
  it('creates the Trivy secret and binds the scan, and then has nothing left to do', () => {
    const namespace = usual();
    assert.equal(namespace.decide('app').secretWrite.write, 'Create');
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Edit Bind' });
    namespace.settle('app');
    assert.equal(namespace.decide('app').secretWrite.write, 'None');
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Keep' });
    assert.equal(namespace.report('app').changed, false);
    assert.deepEqual(namespace.report('app').events, []);
  });

  it('replaces the Trivy secret, and no scan, when the password changes', () => {
    const namespace = usual();
    namespace.settle('app');
    namespace.pullSecret('pull', { 'reg.example': { auth: btoa('user:new') } });
    assert.equal(namespace.decide('app').secretWrite.write, 'Replace');
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Keep' });
    assert.equal(namespace.report('app').changed, false);
  });

  it('leaves a Secret that is not ours where ours would be, and binds nothing to it', () => {
    const namespace = usual();
    const { secretWrite } = namespace.decide('app');
    assert.ok(secretWrite.write === 'Create');
    namespace.otherSecret(secretWrite.desired.name);
    assert.equal(namespace.decide('app').secretWrite.write, 'Refused');
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Unbound' });
  });

  it('names Trivy secrets after source, registry key and host alone', () => {
    const namespace = usual();
    namespace.binding('other', { spec: { image: 'reg.example/other' } });
    const name = (binding: string) => namespace.report(binding).status.trivySecret?.name;
    assert.equal(name('app'), name('other'));
    namespace.binding('other', { spec: { image: 'reg.example:5000/other' } });
    namespace.pullSecret('pull', { 'reg.example': { auth: 'dTpw' }, 'reg.example:5000': { auth: 'dTpw' } });
    assert.notEqual(name('app'), name('other'));
  });

  it('keeps what is bound, and binds nothing new, when no credential fits any more', () => {
    const namespace = usual();
    namespace.settle('app');
    namespace.remove('pullSecrets', 'pull');
    namespace.scan('later');
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Keep', later: 'Unbound' });
  });

  it('lets go of scans whose binding was deleted, that it no longer selects, or of another image', () => {
    const changes: Record<string, (namespace: Namespace) => void> = {
      deleted: (namespace) => namespace.remove('bindings', 'app'),
      'selects others': (namespace) =>
        namespace.binding('app', { spec: { scanSelector: { matchLabels: { team: 'x' } } } }),
      'another image': (namespace) => namespace.binding('app', { spec: { image: 'reg.example/another' } }),
      observes: (namespace) => namespace.binding('app', { spec: { mode: 'Observe' } }),
    };
    for (const [name, change] of Object.entries(changes)) {
      const namespace = usual();
      const before = namespace.rawScan('scan')?.spec;
      namespace.settle('app');
      change(namespace);
      assert.deepEqual(plans(namespace.decide('app')), { scan: 'Edit Unbind' }, name);
      namespace.settle('app');
      assert.deepEqual(namespace.rawScan('scan')?.spec, before, name);
    }
  });

  it('in mode Observe writes nothing and says what it would do', () => {
    const namespace = usual();
    namespace.binding('app', { spec: { mode: 'Observe' } });
    const decision = namespace.decide('app');
    assert.equal(decision.secretWrite.write, 'None');
    assert.deepEqual(plans(decision), { scan: 'Observe' });
  });

  it('waits with a scan whose run is due, and says for how long', () => {
    const namespace = usual();
    const due = new Date(NOW - 3_600_000 - 5_000).toISOString();
    namespace.scan('scan', { schedule: { suspend: false, interval: '1h' }, lastScheduleTime: due });
    const [plan] = namespace.decide('app').scans;
    assert.ok(plan?.plan === 'Wait');
    assert.equal(plan.milliseconds, 55_000);
  });

  it('needs no Secret where the binding says that none is needed, but takes the scan', () => {
    const namespace = usual();
    namespace.binding('app', { spec: { imagePullSecrets: [] } });
    const before = namespace.rawScan('scan')?.spec;
    assert.equal(namespace.decide('app').secretWrite.write, 'None');
    namespace.settle('app');
    assert.deepEqual(namespace.rawScan('scan')?.spec, before);
    assert.equal(
      namespace.rawScan('scan')?.metadata.annotations?.['credentials.securecodebox.io/binding'],
      'app',
    );
  });

  it('ignores scans of other scan types and scans that scan no image', () => {
    const namespace = usual();
    namespace.scan('nmap', { scanType: 'nmap' });
    namespace.scan('file', { image: '--input=image.tar' });
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Edit Bind' });
  });
});

describe('who serves a scan', () => {
  const OLD = '2025-01-01T00:00:00Z';
  const cases: readonly {
    name: string;
    winner: Parameters<Namespace['binding']>[1];
    loser: Parameters<Namespace['binding']>[1];
  }[] = [
    {
      name: 'a binding by a person before one by discovery, however exact that is',
      winner: {},
      loser: { labels: BY_DISCOVERY, spec: { image: `reg.example/app@${DIGEST}` }, createdAt: OLD },
    },
    {
      name: 'a digest before a tag',
      winner: { spec: { image: `reg.example/app@${DIGEST}` } },
      loser: { spec: { image: 'reg.example/app:1.0' }, createdAt: OLD },
    },
    {
      name: 'a tag before a repository',
      winner: { spec: { image: 'reg.example/app:1.0' } },
      loser: { createdAt: OLD },
    },
    { name: 'the older before the younger', winner: { createdAt: OLD }, loser: {} },
    {
      name: 'an enforcing before an observing',
      winner: {},
      loser: { spec: { mode: 'Observe' }, createdAt: OLD },
    },
    {
      name: 'one that selects the scan before one that does not',
      winner: { spec: { scanSelector: { matchExpressions: [{ key: 'team', operator: 'Exists' }] } } },
      loser: { spec: { scanSelector: { matchLabels: { team: 'b' } } }, createdAt: OLD },
    },
  ];
  for (const { name, winner, loser } of cases) {
    it(name, () => {
      // The names would decide the other way round.
      const namespace = new Namespace();
      namespace.pullSecret('pull');
      namespace.binding('z', winner);
      namespace.binding('a', loser);
      namespace.scan('scan', { image: `reg.example/app:1.0@${DIGEST}`, labels: { team: 'a' } });
      assert.deepEqual(plans(namespace.decide('z')), { scan: 'Edit Bind' });
      assert.notDeepEqual(plans(namespace.decide('a')), { scan: 'Edit Bind' });
    });
  }

  it('the name decides where all else is equal', () => {
    const namespace = usual();
    namespace.binding('aaa');
    assert.deepEqual(plans(namespace.decide('aaa')), { scan: 'Edit Bind' });
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Yield' });
    assert.match(
      JSON.stringify(namespace.report('app').status),
      /the effective binding is ImageCredentialBinding aaa/,
    );
  });

  it('hands a scan over in one write by the one that serves it', () => {
    const namespace = usual();
    namespace.settle('app');
    namespace.pullSecret('spare');
    namespace.binding('exact', {
      spec: { image: 'reg.example/app:1.0', imagePullSecrets: [{ name: 'spare' }] },
    });
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Yield' });
    assert.deepEqual(plans(namespace.decide('exact')), { scan: 'Edit Bind' });
    namespace.settle('exact');
    assert.deepEqual(plans(namespace.decide('exact')), { scan: 'Keep' });
  });

  it('leaves a scan with the one that holds it while the one that should serve it has no credential', () => {
    const namespace = usual();
    namespace.settle('app');
    namespace.binding('exact', {
      spec: { image: 'reg.example/app:1.0', imagePullSecrets: [{ name: 'missing' }] },
    });
    assert.deepEqual(plans(namespace.decide('exact')), { scan: 'Unbound' });
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Keep' });
    namespace.remove('bindings', 'app');
    assert.deepEqual(plans(namespace.decide('exact')), { scan: 'Edit Unbind' });
    assert.deepEqual(plans(namespace.decide('app')), {});
  });

  it('lets the one that holds a scan keep it right while the other has no credential', () => {
    const namespace = usual();
    namespace.settle('app');
    namespace.binding('exact', {
      spec: { image: 'reg.example/app:1.0', imagePullSecrets: [{ name: 'missing' }] },
    });
    namespace.pullSecret('spare');
    namespace.binding('app', { spec: { imagePullSecrets: [{ name: 'spare' }] } });
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Edit Bind' });
    assert.deepEqual(plans(namespace.decide('exact')), { scan: 'Unbound' });
  });

  it('lets go of a scan that its holder no longer selects, though the one that serves it has no credential', () => {
    const namespace = usual();
    namespace.settle('app');
    namespace.binding('exact', {
      spec: { image: 'reg.example/app:1.0', imagePullSecrets: [{ name: 'missing' }] },
    });
    namespace.binding('app', { spec: { scanSelector: { matchLabels: { team: 'x' } } } });
    assert.deepEqual(plans(namespace.decide('exact')), { scan: 'Edit Unbind' });
    assert.deepEqual(plans(namespace.decide('app')), {});
  });

  it("leaves a scan with its holder while the place of the other one's Secret is taken", () => {
    const namespace = usual();
    namespace.settle('app');
    namespace.pullSecret('own');
    namespace.binding('exact', {
      spec: { image: 'reg.example/app:1.0', imagePullSecrets: [{ name: 'own' }] },
    });
    namespace.otherSecret(namespace.resolve('exact').trivySecret?.desired.name ?? '');
    assert.deepEqual(plans(namespace.decide('exact')), { scan: 'Unbound' });
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Keep' });
  });

  it('puts right what it has bound, with the credential that was found last, where none is found now', () => {
    const namespace = usual();
    namespace.settle('app');
    namespace.remove('pullSecrets', 'pull');
    namespace.tamper('scan', { volumes: [] });
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Edit Bind' });
    namespace.settle('app');
    assert.equal(namespace.rawScan('scan')?.spec.scanSpec.volumes?.length, 1);
  });
});

describe('the Trivy secret', () => {
  const present = (namespace: Namespace, change: object) => {
    namespace.settle('app');
    const { desired } = namespace.resolve('app').trivySecret ?? {};
    assert.ok(desired !== undefined);
    const { metadata } = objectOf(desired);
    namespace.trivySecret({ ...objectOf(desired), metadata: { ...metadata }, ...change });
    return namespace.decide('app').secretWrite.write;
  };

  it('is put right when somebody changed its data, its labels or what it was made from', () => {
    assert.equal(present(usual(), { data: {} }), 'Replace');
    const name = usual().resolve('app').trivySecret?.desired.name ?? '';
    assert.equal(present(usual(), { metadata: { name, namespace: 'ns' } }), 'Replace');
  });

  it('is created anew when somebody made it immutable, or of another type', () => {
    assert.equal(present(usual(), { immutable: true }), 'Recreate');
    assert.equal(present(usual(), { type: 'kubernetes.io/tls' }), 'Recreate');
  });

  it('is taken back when somebody took our label off', () => {
    const namespace = usual();
    const { desired } = namespace.resolve('app').trivySecret ?? {};
    assert.ok(desired !== undefined);
    const { metadata } = objectOf(desired);
    const meta = { namespace: 'ns', name: desired.name, uid: 'u', resourceVersion: '9' };
    const secret = readTrivySecret({ metadata: { ...metadata, ...meta } });
    namespace.stores.otherSecrets.set({
      ...meta,
      isCredentialSecret: false,
      formerTrivySecret: { ...secret, identity: desired.identity },
    });
    assert.equal(namespace.decide('app').secretWrite.write, 'Recreate');
    namespace.stores.otherSecrets.set({
      ...meta,
      resourceVersion: '99',
      isCredentialSecret: false,
      formerTrivySecret: { ...secret, identity: { ...desired.identity, host: 'another.example' } },
    });
    assert.equal(namespace.decide('app').secretWrite.write, 'Refused');
  });

  it('of another credential, whose name happens to be the same, is left alone', () => {
    const namespace = usual();
    const { desired } = namespace.resolve('app').trivySecret ?? {};
    assert.ok(desired !== undefined);
    const secret = readTrivySecret({
      ...objectOf(desired),
      metadata: { ...objectOf(desired).metadata, uid: 'u', resourceVersion: '9' },
    });
    namespace.stores.trivySecrets.set({
      ...secret,
      identity: { ...desired.identity, host: 'another.example' },
    });
    assert.equal(namespace.decide('app').secretWrite.write, 'Refused');
  });
});
