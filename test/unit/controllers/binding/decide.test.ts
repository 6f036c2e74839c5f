import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../../../../src/api/index.ts';
import { readTrivySecret } from '../../../../src/secret/trivy-secret.ts';
import { Namespace, NOW, objectOf, plans } from './namespace.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const DISCOVERED = { [MANAGED_BY_LABEL]: MANAGED_BY };

/** A namespace with a pull secret, the binding `app` and a scan of its image. */
function usual(): Namespace {
  const namespace = new Namespace();
  namespace.pullSecret('pull');
  namespace.binding('app');
  namespace.scan('scan');
  return namespace;
}

describe('decide', () => {
  it('creates the Trivy Secret and binds the scan, and then plans no further writes', () => {
    const namespace = usual();
    assert.equal(namespace.decide('app').secretWrite.write, 'Create');
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Edit Bind' });
    namespace.settle('app');
    assert.equal(namespace.decide('app').secretWrite.write, 'None');
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Keep' });
    assert.equal(namespace.report('app').changed, false);
    assert.deepEqual(namespace.report('app').events, []);
  });

  it('replaces the Trivy Secret, but no scan, when the password changes', () => {
    const namespace = usual();
    namespace.settle('app');
    namespace.pullSecret('pull', { 'reg.example': { auth: btoa('user:new') } });
    assert.equal(namespace.decide('app').secretWrite.write, 'Replace');
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Keep' });
    assert.equal(namespace.report('app').changed, false);
  });

  it('leaves a Secret of another owner with the name of the Trivy Secret alone, and binds no scan to it', () => {
    const namespace = usual();
    const { secretWrite } = namespace.decide('app');
    assert.ok(secretWrite.write === 'Create');
    namespace.otherSecret(secretWrite.desired.name);
    assert.equal(namespace.decide('app').secretWrite.write, 'Refused');
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Unbound' });
  });

  it('derives the name of a Trivy Secret only from its source, registry key and host', () => {
    const namespace = usual();
    namespace.binding('other', { spec: { image: 'reg.example/other' } });
    const name = (binding: string) => namespace.report(binding).status.trivySecret?.name;
    assert.equal(name('app'), name('other'));
    namespace.binding('other', { spec: { image: 'reg.example:5000/other' } });
    namespace.pullSecret('pull', { 'reg.example': { auth: 'dTpw' }, 'reg.example:5000': { auth: 'dTpw' } });
    assert.notEqual(name('app'), name('other'));
  });

  it('keeps bound scans, and binds no others, when no credential fits any longer', () => {
    const namespace = usual();
    namespace.settle('app');
    namespace.remove('pullSecrets', 'pull');
    namespace.scan('later');
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Keep', later: 'Unbound' });
  });

  it('unbinds a scan if its binding is deleted, selects other scans, has another image or only observes', () => {
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

  it('plans only to observe in mode Observe, and writes nothing', () => {
    const namespace = usual();
    namespace.binding('app', { spec: { mode: 'Observe' } });
    const decision = namespace.decide('app');
    assert.equal(decision.secretWrite.write, 'None');
    assert.deepEqual(plans(decision), { scan: 'Observe' });
  });

  it('delays the write of a scan whose run is due, by a known time', () => {
    const namespace = usual();
    const due = new Date(NOW - 3_600_000 - 5_000).toISOString();
    namespace.scan('scan', { schedule: { suspend: false, interval: '1h' }, lastScheduleTime: due });
    const [plan] = namespace.decide('app').scans;
    assert.ok(plan?.plan === 'Wait');
    assert.equal(plan.milliseconds, 55_000);
  });

  it('binds a scan without a Secret if the binding lists no pull secrets', () => {
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

describe('the effective binding of a scan', () => {
  const OLD = '2025-01-01T00:00:00Z';
  const cases: readonly {
    name: string;
    winner: Parameters<Namespace['binding']>[1];
    loser: Parameters<Namespace['binding']>[1];
  }[] = [
    {
      name: 'a user-created binding before a more exact discovered one',
      winner: {},
      loser: { labels: DISCOVERED, spec: { image: `reg.example/app@${DIGEST}` }, createdAt: OLD },
    },
    {
      name: 'a binding for a digest before one for a tag',
      winner: { spec: { image: `reg.example/app@${DIGEST}` } },
      loser: { spec: { image: 'reg.example/app:1.0' }, createdAt: OLD },
    },
    {
      name: 'a binding for a tag before one for a repository',
      winner: { spec: { image: 'reg.example/app:1.0' } },
      loser: { createdAt: OLD },
    },
    { name: 'an older binding before a younger one', winner: { createdAt: OLD }, loser: {} },
    {
      name: 'an enforcing binding before an observing one',
      winner: {},
      loser: { spec: { mode: 'Observe' }, createdAt: OLD },
    },
    {
      name: 'a binding that selects the scan before one that does not',
      winner: { spec: { scanSelector: { matchExpressions: [{ key: 'team', operator: 'Exists' }] } } },
      loser: { spec: { scanSelector: { matchLabels: { team: 'b' } } }, createdAt: OLD },
    },
  ];
  for (const { name, winner, loser } of cases) {
    it(`is ${name}`, () => {
      // By name, the other binding would come first.
      const namespace = new Namespace();
      namespace.pullSecret('pull');
      namespace.binding('z', winner);
      namespace.binding('a', loser);
      namespace.scan('scan', { image: `reg.example/app:1.0@${DIGEST}`, labels: { team: 'a' } });
      assert.deepEqual(plans(namespace.decide('z')), { scan: 'Edit Bind' });
      assert.notDeepEqual(plans(namespace.decide('a')), { scan: 'Edit Bind' });
    });
  }

  it('is the one with the first name if all else is equal', () => {
    const namespace = usual();
    namespace.binding('aaa');
    assert.deepEqual(plans(namespace.decide('aaa')), { scan: 'Edit Bind' });
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Yield' });
    assert.match(
      JSON.stringify(namespace.report('app').status),
      /the effective binding is ImageCredentialBinding aaa/,
    );
  });

  it('takes over the scan from the previous one with one write', () => {
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

  it('stays the one that has bound the scan while the first in precedence has no credential', () => {
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

  it('can change its credential while the first in precedence has no credential', () => {
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

  it('unbinds a scan that the previous one no longer selects, even without a credential of its own', () => {
    const namespace = usual();
    namespace.settle('app');
    namespace.binding('exact', {
      spec: { image: 'reg.example/app:1.0', imagePullSecrets: [{ name: 'missing' }] },
    });
    namespace.binding('app', { spec: { scanSelector: { matchLabels: { team: 'x' } } } });
    assert.deepEqual(plans(namespace.decide('exact')), { scan: 'Edit Unbind' });
    assert.deepEqual(plans(namespace.decide('app')), {});
  });

  it('stays the one that has bound the scan while another Secret has the name of the Trivy Secret of the first in precedence', () => {
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

  it('restores its entries in a bound scan with the last known credential if it no longer finds one', () => {
    const namespace = usual();
    namespace.settle('app');
    namespace.remove('pullSecrets', 'pull');
    namespace.tamper('scan', { volumes: [] });
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Edit Bind' });
    namespace.settle('app');
    assert.equal(namespace.rawScan('scan')?.spec.scanSpec.volumes?.length, 1);
  });
});

describe('the Trivy Secret', () => {
  const present = (namespace: Namespace, change: object) => {
    namespace.settle('app');
    const { desired } = namespace.resolve('app').trivySecret ?? {};
    assert.ok(desired !== undefined);
    const { metadata } = objectOf(desired);
    namespace.trivySecret({ ...objectOf(desired), metadata: { ...metadata }, ...change });
    return namespace.decide('app').secretWrite.write;
  };

  it('is replaced if another client changed its data, its labels or its annotations', () => {
    assert.equal(present(usual(), { data: {} }), 'Replace');
    const name = usual().resolve('app').trivySecret?.desired.name ?? '';
    assert.equal(present(usual(), { metadata: { name, namespace: 'ns' } }), 'Replace');
  });

  it('is recreated if another client made it immutable, or changed its type', () => {
    assert.equal(present(usual(), { immutable: true }), 'Recreate');
    assert.equal(present(usual(), { type: 'kubernetes.io/tls' }), 'Recreate');
  });

  it('is recreated if another client removed its label', () => {
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

  it('of another credential with the same name by coincidence is left alone', () => {
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
