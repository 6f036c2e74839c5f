import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ImageCredentialBindingStatus } from '../../../../../src/api/index.ts';
import { type Binding, readBinding } from '../../../../../src/binding/binding.ts';
import {
  countByReadiness,
  countOwn,
  credentialExpirations,
  notReady,
} from '../../../../../src/controllers/binding/status/readiness.ts';
import { readTrivySecret } from '../../../../../src/secret/trivy-secret.ts';

function binding(key: string, status?: ImageCredentialBindingStatus): Binding {
  const [namespace = '', name = ''] = key.split('/');
  return readBinding({
    metadata: { namespace, name, uid: key, resourceVersion: '1', generation: 2 },
    spec: { image: 'reg.example/app', imagePullSecrets: [] },
    ...(status === undefined ? {} : { status }),
  });
}

function ready(status: 'True' | 'False', reason: string, observedGeneration = 2) {
  const lastTransitionTime = '2026-01-01T00:00:00Z';
  return {
    conditions: [{ type: 'Ready', status, reason, message: '', observedGeneration, lastTransitionTime }],
  };
}

function chosen(secret: string, expirationTime?: string): ImageCredentialBindingStatus {
  const credential = { secret: { name: secret, uid: secret }, registryKey: 'reg.example' };
  return { credential: { ...credential, ...(expirationTime === undefined ? {} : { expirationTime }) } };
}

/** 25 keys of a namespace, unsorted. */
function keys(namespace: string): readonly string[] {
  return Array.from(
    { length: 25 },
    (_, index) => `${namespace}/b-${String((index * 7) % 25).padStart(2, '0')}`,
  );
}

const SOME = [
  binding('a/well', ready('True', 'Ready')),
  binding('a/fine', ready('True', 'Ready')),
  binding('a/expiring', ready('True', 'ExpiresSoon')),
  binding('b/refused', ready('False', 'Denied')),
  binding('a/changed', ready('True', 'Ready', 1)),
  binding('a/new'),
];

describe('the readiness metrics', () => {
  it('count bindings by readiness and reason, and treat conditions of an older spec as out of date', () => {
    assert.deepEqual(countByReadiness(SOME), [
      { ready: 'True', reason: 'Ready', count: 2 },
      { ready: 'True', reason: 'ExpiresSoon', count: 1 },
      { ready: 'False', reason: 'Denied', count: 1 },
      { ready: 'Unknown', reason: 'OutOfDate', count: 1 },
      { ready: 'Unknown', reason: 'NotReconciled', count: 1 },
    ]);
  });

  it('count the Secrets with the name of a Trivy Secret, because users may put its label on others', () => {
    const names = ['trivy-pull-0123456789', 'trivy-db', 'pull', 'trivy-daily-1-abcdef0123'];
    const secrets = names.map((name) => readTrivySecret({ metadata: { namespace: 'a', name } }));
    assert.equal(countOwn(secrets), 2);
  });

  it('name the bindings that are not ready', () => {
    const found = notReady(SOME).map(({ namespace, name, reason }) => `${namespace}/${name} ${reason}`);
    assert.deepEqual(found, ['b/refused Denied', 'a/changed OutOfDate', 'a/new NotReconciled']);
  });

  it('name at most 20 bindings per namespace, sorted by name, without omitting other namespaces', () => {
    const bindings = [...keys('many'), 'one/z'].map((key) => binding(key, ready('False', 'Denied')));
    const found = notReady(bindings).map(({ namespace, name }) => `${namespace}/${name}`);
    assert.deepEqual(found, [...keys('many').toSorted().slice(0, 20), 'one/z']);
  });

  it('name each Secret with an expiring credential once, with its earliest expiration', () => {
    const expirations = credentialExpirations([
      binding('a/one', chosen('pull', '2026-01-02T00:00:00Z')),
      binding('a/two', chosen('pull', '2026-01-01T00:00:00Z')),
      binding('a/three', chosen('other')),
      binding('b/four', chosen('pull', '2026-01-03T00:00:00Z')),
      binding('b/five'),
    ]);
    assert.deepEqual(expirations, [
      { namespace: 'a', secret: 'pull', expiresAt: Date.UTC(2026, 0, 1) },
      { namespace: 'b', secret: 'pull', expiresAt: Date.UTC(2026, 0, 3) },
    ]);
  });

  it('name at most 20 credentials per namespace, those that expire first', () => {
    const all = keys('many').map((key, index) =>
      binding(key, chosen(`secret-${index}`, new Date(Date.UTC(2026, 0, 25 - index)).toISOString())),
    );
    const expirations = credentialExpirations(all).map(({ expiresAt }) => new Date(expiresAt).getUTCDate());
    assert.deepEqual(
      expirations,
      Array.from({ length: 20 }, (_, index) => index + 1),
    );
  });
});
