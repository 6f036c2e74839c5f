import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { secretWriteError } from '../../../src/controllers/secret-write-error.ts';
import {
  decideTemporarySecret,
  decideTrivySecret,
  type TrivySecretUse,
} from '../../../src/controllers/trivy-secret/decide.ts';
import { SecretValue } from '../../../src/credential/secret-value.ts';
import { KubeError } from '../../../src/kube/errors.ts';
import { authByLogin } from '../../../src/platform/access.ts';
import { REGISTRIES_ANNOTATION } from '../../../src/platform/registries-annotation.ts';
import { desiredTrivySecret } from '../../../src/secret/desired-trivy-secret.ts';
import { readSource, type SourceSecret } from '../../../src/secret/source-secret.ts';
import { temporarySecretName } from '../../../src/secret/temporary-secret.ts';
import { readTrivySecret, replacement } from '../../../src/secret/trivy-secret.ts';
import {
  holdsEntry,
  isTrivySecretName,
  type TrivySecretIdentity,
  trivySecretName,
} from '../../../src/secret/trivy-secret-identity.ts';

const MINUTE = 60_000;
const UNUSED: TrivySecretUse = {
  now: 100 * MINUTE,
  unusedSince: undefined,
  graceMs: 10 * MINUTE,
  sourceHolds: true,
  selected: false,
  mounted: false,
  running: false,
};

describe('an existing Trivy Secret', () => {
  const cases: readonly {
    name: string;
    use: Partial<TrivySecretUse>;
    decision: ReturnType<typeof decideTrivySecret>;
  }[] = [
    { name: 'is kept while a binding selects it', use: { selected: true }, decision: { action: 'Keep' } },
    {
      name: 'is kept while scans mount it and its source exists',
      use: { mounted: true },
      decision: { action: 'Keep' },
    },
    {
      name: 'is marked as unused if no binding selects it and no scan mounts it',
      use: {},
      decision: { action: 'MarkUnused', requeueAfterMs: 10 * MINUTE },
    },
    {
      name: 'is unchanged while it is not known whether a binding selects it',
      use: { selected: undefined, unusedSince: 0 },
      decision: { action: 'Keep' },
    },
    {
      name: 'is marked as unused again if its mark has a time in the future',
      use: { unusedSince: 1_000_000 * MINUTE },
      decision: { action: 'MarkUnused', requeueAfterMs: 10 * MINUTE },
    },
    {
      name: 'is marked as unused if its source no longer has the credential, even if scans mount it',
      use: { mounted: true, sourceHolds: false },
      decision: { action: 'MarkUnused', requeueAfterMs: 10 * MINUTE },
    },
    {
      name: 'is kept until the grace period has passed',
      use: { unusedSince: 93 * MINUTE },
      decision: { action: 'Keep', requeueAfterMs: 3 * MINUTE },
    },
    {
      name: 'is deleted after the grace period',
      use: { unusedSince: 90 * MINUTE },
      decision: { action: 'Delete' },
    },
    {
      name: 'is kept until the last run that mounts it has ended',
      use: { unusedSince: 0, running: true },
      decision: { action: 'Keep' },
    },
    {
      name: 'loses its mark once a binding selects it again',
      use: { unusedSince: 99 * MINUTE, selected: true },
      decision: { action: 'MarkUsed' },
    },
  ];
  for (const { name, use, decision } of cases) {
    it(name, () => assert.deepEqual(decideTrivySecret({ ...UNUSED, ...use }), decision));
  }
});

describe('the source of a Trivy Secret', () => {
  const meta = { namespace: 'ns', name: 'pull', uid: 'uid', resourceVersion: '1' };
  const entry = { source: 'pull', registryKey: 'reg.example', host: 'reg.example' };
  const annotated = { ...entry, registryKey: `${REGISTRIES_ANNOTATION}: reg.example` };
  const pullSecret = (auths: object) =>
    readSource({
      metadata: meta,
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': btoa(JSON.stringify({ auths })) },
    });
  const credentialSecret = (annotations: Readonly<Record<string, string>>) =>
    readSource({
      metadata: { ...meta, annotations },
      type: 'kubernetes.io/basic-auth',
      data: { username: btoa('user'), password: btoa('pass') },
    });
  const auth = btoa('user:pass');
  const cases: readonly {
    name: string;
    holds: boolean;
    source: SourceSecret;
    identity: TrivySecretIdentity;
  }[] = [
    { name: 'an entry', holds: true, source: pullSecret({ 'reg.example': { auth } }), identity: entry },
    {
      name: 'an entry that its owner removed',
      holds: false,
      source: pullSecret({ 'another.example': { auth } }),
      identity: entry,
    },
    {
      name: 'a Secret that is temporarily unreadable',
      holds: true,
      source: { ...meta, content: { result: 'Unreadable', message: 'for now' } },
      identity: entry,
    },
    {
      name: 'a host in the annotation',
      holds: true,
      source: credentialSecret({ [REGISTRIES_ANNOTATION]: 'other.example,reg.example' }),
      identity: annotated,
    },
    {
      name: 'a host that the owner removed from the annotation',
      holds: false,
      source: credentialSecret({ [REGISTRIES_ANNOTATION]: 'other.example' }),
      identity: annotated,
    },
    {
      name: 'a Secret without the annotation',
      holds: false,
      source: credentialSecret({}),
      identity: annotated,
    },
  ];
  for (const { name, holds, source, identity } of cases)
    it(`${holds ? 'still has the credential' : 'no longer has the credential'} with ${name}`, () =>
      assert.equal(holdsEntry(source, identity), holds));
});

describe('the annotations of a Trivy Secret', () => {
  it('are ignored if they are longer than what the controller writes, even if the name fits', () => {
    const long = 'x'.repeat(10_000);
    const usual = { source: 'pull', registryKey: 'reg.example', host: 'reg.example' };
    for (const identity of [
      { ...usual, registryKey: long },
      { ...usual, host: long },
      { ...usual, source: long },
    ]) {
      const secret = readTrivySecret({
        metadata: {
          ...{ namespace: 'ns', name: trivySecretName(identity) },
          annotations: {
            'credentials.securecodebox.io/source-secret': identity.source,
            'credentials.securecodebox.io/registry-key': identity.registryKey,
            'credentials.securecodebox.io/host': identity.host,
          },
        },
      });
      assert.equal(secret.identity, undefined);
    }
  });
});

describe('an error in writing a Secret', () => {
  const refused = (status: number, reason: string) =>
    new KubeError('Secret "pull" is invalid: data: "Canary"', { status, reason, retryAfterSeconds: 2 });

  it('contains no text of the API server, because it may quote the Secret', () => {
    for (const error of [refused(409, 'Conflict'), refused(429, 'TooManyRequests'), refused(0, 'Timeout')]) {
      const safe = secretWriteError(error, 'ns/trivy-pull');
      assert.ok(safe instanceof Error);
      assert.doesNotMatch(safe.message, /Canary/);
      assert.equal(safe.cause, undefined);
    }
  });

  it('keeps the wait that the API server requested', () => {
    const safe = secretWriteError(refused(429, 'TooManyRequests'), 'ns/trivy-pull');
    assert.ok(safe instanceof KubeError);
    assert.equal(safe.retryAfterSeconds, 2);
  });
});

describe('a Trivy Secret', () => {
  it('has a name that the API server accepts, however long the name of its source is', () => {
    const identity = { source: `${'a'.repeat(239)}.b`, registryKey: 'reg.example', host: 'reg.example' };
    const name = trivySecretName(identity);
    assert.ok(name.length <= 253, `${name.length}`);
    assert.match(name, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
    assert.notEqual(name, trivySecretName({ ...identity, source: `${'a'.repeat(239)}.c` }));
  });

  it('has a different name for a different source, entry or host', () => {
    const identity = { source: 'pull', registryKey: 'reg.example', host: 'reg.example' };
    const others = [
      { ...identity, source: 'pull2' },
      { ...identity, registryKey: 'reg.example/app' },
      { ...identity, host: 'reg.example:5000' },
    ];
    const names = [identity, ...others].map(trivySecretName);
    assert.equal(new Set(names).size, 4);
    assert.ok(names.every(isTrivySecretName));
    assert.ok(!['trivy-db', 'pull', 'trivy--0123456789', 'my-trivy-pull-0123456789'].some(isTrivySecretName));
  });

  it('has the time of its last rotation, and replaces only the observed version', () => {
    const credential = { kind: 'registryToken', token: new SecretValue('t') } as const;
    const identity = { source: 'pull', registryKey: 'reg.example', host: 'reg.example' };
    const trivyAuth = authByLogin(credential, 'reg.example');
    const { content } = desiredTrivySecret({ namespace: 'ns', binding: 'app', scan: undefined }, identity, {
      result: 'TrivyAuth',
      trivyAuth,
    });
    assert.ok(content.state === 'Known');
    const { object, fingerprint } = content;
    const { resourceVersion: _, ...meta } = object.metadata;
    const seen = readTrivySecret({ ...object, metadata: { ...meta, resourceVersion: '42' } });
    const { metadata } = replacement(object, seen, Date.UTC(2026, 0, 2));
    assert.equal(metadata.resourceVersion, '42');
    assert.equal(metadata.annotations?.['credentials.securecodebox.io/rotated'], '2026-01-02T00:00:00.000Z');
    assert.equal(readTrivySecret(replacement(object, seen, 0)).fingerprint, fingerprint);
  });

  it('is only recognized with annotations that match its name', () => {
    const identity = { source: 'pull', registryKey: 'reg.example', host: 'reg.example' };
    const annotations = {
      'credentials.securecodebox.io/source-secret': 'pull',
      'credentials.securecodebox.io/registry-key': 'reg.example',
      'credentials.securecodebox.io/host': 'reg.example',
    };
    const name = trivySecretName(identity);
    const read = (metadata: { name: string; annotations?: Record<string, string> }) =>
      readTrivySecret({ metadata }).identity;
    assert.deepEqual(read({ name, annotations }), identity);
    assert.equal(read({ name }), undefined);
    assert.equal(read({ name: 'precious', annotations }), undefined);
  });
});

describe('the temporary Secret of a Scan', () => {
  const running = { hold: 'None', isScanned: false, secretName: 'own' } as const;
  const cases: readonly (readonly [string, Parameters<typeof decideTemporarySecret>[0], string])[] = [
    ['is deleted if the Scan is gone', undefined, 'Delete'],
    ['is kept while the Scan is held', { ...running, hold: 'AwaitsSecret', secretName: undefined }, 'Keep'],
    ['is kept while the scanner runs', running, 'Keep'],
    ['is deleted after the scanner', { ...running, isScanned: true }, 'Delete'],
    ['is deleted if the Scan started without it', { ...running, secretName: undefined }, 'Delete'],
    ['is deleted if the Scan started with another one', { ...running, secretName: 'other' }, 'Delete'],
  ];
  for (const [title, scan, decision] of cases)
    it(title, () => assert.equal(decideTemporarySecret(scan, 'own'), decision));
});

describe('a Secret with the label of temporary ones', () => {
  const scan = { name: 'daily-1', uid: 'uid' };
  const metadata = {
    name: temporarySecretName(scan),
    labels: { 'credentials.securecodebox.io/temporary': 'true' },
    ownerReferences: [{ apiVersion: 'execution.securecodebox.io/v1', kind: 'Scan', ...scan }],
  };

  it('is that of its owner only if its name is derived from the UID of the owner', () => {
    assert.deepEqual(readTrivySecret({ metadata }).temporary?.scan, scan);
    for (const other of [
      { ...metadata, name: 'trivy-daily-1-0123456789' },
      { ...metadata, labels: {} },
      { ...metadata, ownerReferences: [] },
      { ...metadata, ownerReferences: metadata.ownerReferences.map((one) => ({ ...one, uid: 'other' })) },
      { ...metadata, ownerReferences: metadata.ownerReferences.map((one) => ({ ...one, kind: 'Pod' })) },
    ])
      assert.equal(readTrivySecret({ metadata: other }).temporary, undefined);
  });

  it('has no owner whose name or UID is not that of an object, although its name is derived from both', () => {
    const ownerOf = (owner: typeof scan) => {
      const name = temporarySecretName(owner);
      const ownerReferences = metadata.ownerReferences.map((one) => ({ ...one, ...owner }));
      return readTrivySecret({ metadata: { ...metadata, name, ownerReferences } }).temporary?.scan;
    };
    const longest = { name: 'a'.repeat(253), uid: 'u'.repeat(128) };
    assert.deepEqual(ownerOf(longest), longest);
    for (const owner of [
      { ...scan, name: 'a'.repeat(254) },
      { ...scan, name: 'a,metadata.namespace=other' },
      { ...scan, name: 'a\nb' },
      { ...scan, uid: 'u'.repeat(129) },
    ])
      assert.equal(ownerOf(owner), undefined);
  });

  it('names no binding if the annotation is not the name of an object', () => {
    const named = (binding: string) =>
      readTrivySecret({
        metadata: { ...metadata, annotations: { 'credentials.securecodebox.io/binding': binding } },
      }).temporary?.binding;
    assert.equal(named('app'), 'app');
    for (const binding of ['', 'a'.repeat(254), 'a/b', 'a b']) assert.equal(named(binding), undefined);
  });

  it('has a name of a valid length, whatever the name of the Scan', () => {
    const name = temporarySecretName({ name: `${'a'.repeat(229)}.${'-'.repeat(23)}`, uid: 'uid' });
    assert.match(name, /^trivy-a+-[0-9a-f]{10}$/);
    assert.ok(name.length <= 253);
  });
});
