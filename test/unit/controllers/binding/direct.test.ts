import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { ScanSpec } from '../../../../src/scan/delivery.ts';
import type { RawScan } from '../../../../src/scan/raw-scan.ts';
import { condition, Namespace, NOW, plans } from './namespace.ts';

const LOGIN = { auth: btoa('user:pass') };
const OTHER = { auth: btoa('other:pass') };
const DIRECT = { spec: { delivery: 'Direct' } } as const;
const VOLUME = {
  name: 'image-credential-binding',
  secret: {
    secretName: 'pull',
    optional: true,
    defaultMode: 0o444,
    items: [{ key: '.dockerconfigjson', path: 'config.json' }],
  },
};

describe('a binding with delivery Direct', () => {
  let namespace: Namespace;
  beforeEach(() => {
    namespace = new Namespace();
    namespace.pullSecret('pull');
    namespace.scan('scan');
  });

  const specOf = (name: string) => namespace.rawScan(name)?.spec.scanSpec as ScanSpec | undefined;
  const mounted = () => specOf('scan')?.volumes?.map(({ secret }) => secret?.secretName);
  const original = { scanType: 'trivy-image', parameters: ['reg.example/app:1.0'] };

  it('mounts the Docker configuration of the pull secret, and writes no Secret', () => {
    namespace.binding('app', DIRECT);
    assert.equal(namespace.decide('app').secretWrite.write, 'None');
    const status = namespace.settle('app') ?? {};
    assert.deepEqual(specOf('scan')?.volumes, [VOLUME]);
    assert.deepEqual(
      specOf('scan')?.env?.filter(({ name }) => name === 'DOCKER_CONFIG'),
      [{ name: 'DOCKER_CONFIG', value: '/var/run/secrets/image-credential-binding' }],
    );
    assert.deepEqual([condition(status, 'Ready'), status.trivySecret], ['True Ready', undefined]);
    const [bound] = status.conditions?.filter(({ type }) => type === 'ScansBound') ?? [];
    assert.match(bound?.message ?? '', /^1 scan bound; they mount Secret pull itself/);
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Keep' });
  });

  it('is what the installation sets, unless the binding says otherwise, and status says which one applies', () => {
    namespace.settings.delivery = 'Direct';
    namespace.binding('app');
    assert.equal(namespace.settle('app')?.delivery, 'Direct');
    assert.deepEqual(mounted(), ['pull']);
    namespace.binding('app', { spec: { delivery: 'Shared' } });
    assert.equal(namespace.settle('app')?.delivery, 'Shared');
    assert.match(mounted()?.join() ?? '', /^trivy-pull-/);
  });

  it('rebinds scans when the delivery changes, and unbinds them to exactly the original spec', () => {
    for (const delivery of ['Shared', 'Direct', 'Shared', 'Direct'] as const) {
      namespace.binding('app', { spec: { delivery } });
      namespace.settle('app');
      assert.equal(mounted()?.join() === 'pull', delivery === 'Direct');
    }
    namespace.remove('bindings', 'app');
    namespace.settle('app');
    assert.deepEqual(specOf('scan'), original);
  });

  it('writes nothing when the password changes, because Trivy reads the changed Secret', () => {
    namespace.binding('app', DIRECT);
    namespace.settle('app');
    namespace.pullSecret('pull', { 'reg.example': { auth: btoa('user:new') } });
    const decision = namespace.decide('app');
    assert.deepEqual([decision.secretWrite.write, plans(decision)], ['None', { scan: 'Keep' }]);
  });

  it('needs no Secret for a public image', () => {
    namespace.binding('app', { spec: { ...DIRECT.spec, verification: 'Preferred' } });
    namespace.answer('user:pass', { answer: { result: 'Denied', httpCode: 401, at: 'manifest' } });
    namespace.answer('', { answer: { result: 'Pullable' } });
    namespace.settle('app');
    assert.deepEqual(
      [specOf('scan')?.volumes, plans(namespace.decide('app'))],
      [undefined, { scan: 'Keep' }],
    );
  });

  it('keeps the pull secret mounted while its registry refuses the new password', () => {
    namespace.binding('app', { spec: { ...DIRECT.spec, verification: 'Preferred' } });
    namespace.answer('user:pass', { answer: { result: 'Pullable' } });
    namespace.settle('app');
    const refused = { answer: { result: 'Denied', httpCode: 401, at: 'manifest' } } as const;
    namespace.pullSecret('pull', { 'reg.example': { auth: btoa('user:new') } });
    for (const login of ['user:new', '']) namespace.answer(login, refused);
    const status = namespace.settle('app') ?? {};
    assert.deepEqual([condition(status, 'Ready'), mounted()], ['False Denied', ['pull']]);
  });

  it('warns before its credential expires, and after that', () => {
    const token = (expires: number) =>
      `e30.${Buffer.from(`{"exp":${expires / 1000}}`).toString('base64url')}.c2ln`;
    namespace.pullSecret('pull', { 'reg.example': { auth: btoa(`user:${token(NOW + 60_000)}`) } });
    namespace.binding('app', DIRECT);
    assert.equal(condition(namespace.settle('app') ?? {}, 'Ready'), 'True ExpiresSoon');
    assert.equal(
      condition(namespace.report('app', undefined, NOW + 60_000).status, 'Ready'),
      'False Expired',
    );
    assert.deepEqual(mounted(), ['pull']);
  });

  it('only observes in the mode Observe, and reports whether it could deliver', () => {
    namespace.binding('app', { spec: { ...DIRECT.spec, mode: 'Observe' } });
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Observe' });
    namespace.pullSecret('pull', { '*.example': LOGIN });
    assert.equal(condition(namespace.report('app').status, 'ScansBound'), 'False NotDirect');
  });

  describe('and a migration', () => {
    it('changes image and pull secret in one edit when a scan is migrated', () => {
      namespace.pullSecret('new', { 'new.example': LOGIN });
      namespace.binding('app', DIRECT);
      namespace.settle('app');
      const spec = {
        image: 'new.example/app',
        replaces: ['reg.example/app'],
        imagePullSecrets: [{ name: 'new' }],
      };
      namespace.binding('app', { spec: { ...spec, ...DIRECT.spec, verification: 'Preferred' } });
      namespace.answer('user:pass', { answer: { result: 'Pullable' } }, 'new.example/app');
      namespace.manifest('new.example/app:1.0', { result: 'Pullable' });
      const status = namespace.settle('app') ?? {};
      assert.deepEqual(
        [namespace.rawScan('scan')?.spec.scanSpec.parameters, mounted()],
        [['new.example/app:1.0'], ['new']],
      );
      assert.equal(status.history?.[0]?.from.secret, 'pull');
    });

    for (const last of ['Shared', 'Direct'] as const)
      it(`keeps a scan as it is while its delivery changes before a migration, and then delivers it as ${last}`, () => {
        namespace.pullSecret('new', { 'new.example': LOGIN });
        namespace.binding('app', DIRECT);
        namespace.settle('app');
        const before = specOf('scan');
        const moved = {
          image: 'new.example/app',
          replaces: ['reg.example/app'],
          verification: 'Preferred',
        } as const;
        for (const delivery of ['Shared', 'Direct', last] as const) {
          namespace.binding('app', { spec: { ...moved, delivery, imagePullSecrets: [{ name: 'new' }] } });
          namespace.settle('app');
          namespace.answer('user:pass', { answer: { result: 'Pullable' } }, 'new.example/app');
          namespace.settle('app');
          assert.deepEqual(specOf('scan'), before);
        }
        namespace.manifest('new.example/app:1.0', { result: 'Pullable' });
        namespace.settle('app');
        assert.match(mounted()?.join() ?? '', last === 'Shared' ? /^trivy-new-/ : /^new$/);
        namespace.remove('bindings', 'app');
        namespace.settle('app');
        assert.deepEqual(specOf('scan'), { ...original, parameters: ['new.example/app:1.0'] });
      });
  });

  describe('whose pull secret Trivy reads differently', () => {
    it('is stalled with the reason and the alternative, and binds no scan', () => {
      namespace.pullSecret('pull', { 'reg.example/app': LOGIN, 'reg.io': { auth: 'dTpwYQ' } });
      namespace.binding('app', DIRECT);
      const { status } = namespace.report('app');
      assert.equal(condition(status, 'Stalled'), 'True NotDirect');
      const [ready] = status.conditions?.filter(({ type }) => type === 'Ready') ?? [];
      assert.match(
        ready?.message ?? '',
        /^entry "reg\.example\/app" of Secret pull cannot be delivered directly: Trivy would not accept it: entry "reg\.io": .* set spec\.delivery to Shared\.$/,
      );
      assert.deepEqual(plans(namespace.decide('app')), { scan: 'Unbound' });
    });

    it('is stalled if the credential is in a credential Secret', () => {
      namespace.credentialSecret('pull', { username: 'user', password: 'pass' });
      namespace.remove('pullSecrets', 'pull');
      namespace.binding('app', DIRECT);
      assert.equal(condition(namespace.report('app').status, 'Stalled'), 'True NotDirect');
    });

    it('is stalled if the Secret has the older type', () => {
      namespace.dockercfgSecret('old');
      namespace.binding('app', { spec: { ...DIRECT.spec, imagePullSecrets: [{ name: 'old' }] } });
      assert.equal(condition(namespace.report('app').status, 'Stalled'), 'True NotDirect');
    });

    it('unbinds the scans that mount it', () => {
      namespace.binding('app', DIRECT);
      namespace.settle('app');
      namespace.pullSecret('pull', { 'reg.example/app': { auth: 'dTpwYQ' } });
      namespace.settle('app');
      assert.deepEqual(specOf('scan'), original);
    });

    it('unbinds the scans that mount it if the entry is gone, so that Trivy does not use another one', () => {
      namespace.binding('app', DIRECT);
      namespace.settle('app');
      namespace.pullSecret('pull', { 'reg.example/other': OTHER });
      namespace.settle('app');
      assert.deepEqual(specOf('scan'), original);
    });

    it('unbinds the scans that mount it if the only other credential is refused', () => {
      const imagePullSecrets = [{ name: 'pull' }, { name: 'second' }];
      namespace.pullSecret('second', { 'reg.example': OTHER });
      namespace.binding('app', { spec: { ...DIRECT.spec, imagePullSecrets, verification: 'Preferred' } });
      namespace.answer('user:pass', { answer: { result: 'Pullable' } });
      namespace.settle('app');
      assert.deepEqual(mounted(), ['pull']);
      namespace.pullSecret('pull', { 'reg.example/other': LOGIN });
      const refused = { answer: { result: 'Denied', httpCode: 401, at: 'manifest' } } as const;
      for (const login of ['other:pass', '']) namespace.answer(login, refused);
      const status = namespace.settle('app') ?? {};
      assert.deepEqual([condition(status, 'Ready'), specOf('scan')], ['False Denied', original]);
    });

    it('leaves the scans bound that mount another pull secret, which Trivy reads correctly', () => {
      namespace.binding('app', DIRECT);
      namespace.settle('app');
      namespace.pullSecret('first', { 'reg.example/app': OTHER, 'other.example': { auth: 'dTpwYQ' } });
      const imagePullSecrets = [{ name: 'first' }, { name: 'pull' }];
      namespace.binding('app', { spec: { ...DIRECT.spec, imagePullSecrets } });
      assert.equal(condition(namespace.settle('app') ?? {}, 'Stalled'), 'True NotDirect');
      assert.deepEqual(mounted(), ['pull']);
    });

    it('leaves a scan of a previous repository bound, whose pull secret says nothing about the new one', () => {
      namespace.pullSecret('new', { '*.example': LOGIN });
      namespace.binding('app', DIRECT);
      namespace.settle('app');
      const spec = {
        image: 'new.example/app',
        replaces: ['reg.example/app'],
        imagePullSecrets: [{ name: 'new' }],
      };
      namespace.binding('app', { spec: { ...spec, ...DIRECT.spec } });
      assert.equal(condition(namespace.settle('app') ?? {}, 'Stalled'), 'True NotDirect');
      assert.deepEqual(mounted(), ['pull']);
    });

    it('leaves the scans that mount a Trivy Secret bound', () => {
      namespace.binding('app');
      namespace.settle('app');
      namespace.pullSecret('pull', { '*.example': LOGIN });
      namespace.binding('app', DIRECT);
      namespace.settle('app');
      assert.match(mounted()?.join() ?? '', /^trivy-pull-/);
    });
  });

  it('keeps a pull secret mounted that does not exist for a moment', () => {
    namespace.binding('app', DIRECT);
    namespace.settle('app');
    namespace.remove('pullSecrets', 'pull');
    namespace.settle('app');
    assert.deepEqual(mounted(), ['pull']);
  });

  describe('that does not name the pull secret in a scan', () => {
    it('keeps the Secret mounted until the registry has answered about another one', () => {
      namespace.binding('app', { spec: { ...DIRECT.spec, verification: 'Preferred' } });
      namespace.answer('user:pass', { answer: { result: 'Pullable' } });
      namespace.settle('app');
      namespace.pullSecret('second', { 'reg.example': OTHER });
      const imagePullSecrets = [{ name: 'second' }];
      namespace.binding('app', { spec: { ...DIRECT.spec, imagePullSecrets, verification: 'Preferred' } });
      namespace.settle('app');
      assert.deepEqual(mounted(), ['pull']);
      const refused = { answer: { result: 'Denied', httpCode: 401, at: 'manifest' } } as const;
      for (const login of ['other:pass', '']) namespace.answer(login, refused);
      namespace.settle('app');
      assert.deepEqual(specOf('scan'), original);
    });

    for (const replaces of [[], ['reg.example/app']])
      it(`never mounts the Secret again because of a forged note${replaces.length === 0 ? '' : ' of a previous repository'}`, () => {
        namespace.binding('app', DIRECT);
        namespace.settle('app');
        const { annotations = {} } = namespace.rawScan('scan')?.metadata ?? {};
        const forged = Object.entries(annotations).map(([key, text]) => [
          key,
          text.replaceAll('"pull"', '"x"'),
        ]);
        namespace.scan('scan', { annotations: Object.fromEntries(forged) });
        const image = replaces.length === 0 ? 'reg.example/app' : 'new.example/app';
        namespace.binding('app', { spec: { ...DIRECT.spec, image, replaces, verification: 'Required' } });
        namespace.settle('app');
        assert.equal(mounted(), undefined);
      });
  });

  describe('and admission', () => {
    const inherited = (): RawScan => {
      const { metadata, spec } = namespace.rawScan('scan') ?? {};
      assert.ok(metadata !== undefined && spec !== undefined);
      const { 'image-credential-binding/restore': _, ...annotations } = metadata.annotations ?? {};
      const scan = {
        apiVersion: 'execution.securecodebox.io/v1',
        kind: 'Scan',
        metadata: { namespace: 'ns', name: 'scan-1', annotations },
        spec: spec.scanSpec,
      };
      return JSON.parse(JSON.stringify(scan));
    };

    it('binds a new Scan without waiting for a Trivy Secret', () => {
      namespace.binding('app', DIRECT);
      const decision = namespace.decideNewScan({ ...inherited() });
      assert.equal(decision.result, 'Bind');
      assert.deepEqual(decision.scan.spec.volumes, [VOLUME]);
    });

    it('recognizes its own entries in a Scan that has inherited them', () => {
      namespace.binding('app', DIRECT);
      namespace.settle('app');
      const scan = inherited();
      namespace.pullSecret('second');
      const spec = { ...DIRECT.spec, imagePullSecrets: [{ name: 'second' }] };
      namespace.binding('app', { spec });
      const decision = namespace.decideNewScan(scan);
      const volume = { ...VOLUME, secret: { ...VOLUME.secret, secretName: 'second' } };
      assert.deepEqual([decision.result, decision.scan.spec.volumes], ['Bind', [volume]]);
    });
  });

  describe('in an installation that may not write Secrets', () => {
    beforeEach(() => {
      namespace.settings.delivery = 'Direct';
      namespace.settings.writesSecrets = false;
    });

    it('is the only one that binds scans: Shared is stalled with a reason', () => {
      namespace.binding('app', { spec: { delivery: 'Shared' } });
      assert.equal(namespace.decide('app').secretWrite.write, 'None');
      assert.equal(condition(namespace.report('app').status, 'Stalled'), 'True SecretsReadOnly');
      namespace.binding('app');
      assert.equal(condition(namespace.settle('app') ?? {}, 'Ready'), 'True Ready');
      assert.deepEqual(mounted(), ['pull']);
    });

    it('needs no Secret for a binding without pull secrets', () => {
      namespace.binding('app', { spec: { delivery: 'Shared', imagePullSecrets: [] } });
      assert.equal(condition(namespace.settle('app') ?? {}, 'Ready'), 'True Ready');
    });
  });
});
