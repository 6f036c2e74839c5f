import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KnownLogin } from '../../../../src/answer/login-answer.ts';
import { SecretValue } from '../../../../src/credential/secret-value.ts';
import { sourceIn } from '../../../../src/state/source-secrets.ts';
import { condition, Namespace, NOW, plans } from './namespace.ts';

const HOUR = 3_600_000;
const ECR = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';
const KEYS = { 'access-key': 'AKIAIOSFODNN7EXAMPLE', 'secret-access-key': 'canary/0123456789abcdef' };
const WITH_REGION = { ...KEYS, region: 'eu-central-1' };
/** Not a hostname of ECR, so that Trivy needs a login, which expires. */
const CUSTOM = 'reg.example';

function withCredentialSecret(texts: Readonly<Record<string, string>>, host = CUSTOM): Namespace {
  const namespace = new Namespace();
  namespace.credentialSecret('keys', texts, host);
  const spec = { image: `${host}/app`, imagePullSecrets: [{ name: 'keys' }], verification: 'Never' } as const;
  namespace.binding('app', { spec });
  namespace.scan('scan', { image: `${host}/app:1` });
  return namespace;
}

function login(hours = 12, since = NOW): KnownLogin {
  const credential = {
    kind: 'basic',
    username: new SecretValue('AWS'),
    password: new SecretValue(`token of ${since}`),
  } as const;
  const expiresAt = since + hours * HOUR;
  const answer = { result: 'Login', credential, expiresAt } as const;
  return { answer, requestedAt: since, freshUntil: since + (hours * HOUR * 2) / 3 };
}

const scansBound = (namespace: Namespace, now = NOW) =>
  condition(namespace.report('app', undefined, now).status, 'ScansBound');

describe('a credential Secret', () => {
  it('provides Trivy with the files that it needs for the registries that the annotation lists', () => {
    const namespace = withCredentialSecret(KEYS, ECR);
    const status = namespace.settle('app') ?? {};
    assert.equal(condition(status, 'Ready'), 'True Ready');
    assert.equal(status.credential?.registryKey, ECR);
    const [volume] = namespace.rawScan('scan')?.spec.scanSpec.volumes ?? [];
    assert.ok(volume !== undefined);
    const env = namespace.rawScan('scan')?.spec.scanSpec.env ?? [];
    assert.match(JSON.stringify(env), /"AWS_SHARED_CREDENTIALS_FILE","value":"[^"]+aws-credentials"/);
    assert.equal(namespace.report('app').changed, false);
  });

  it('fits no image of another registry', () => {
    const namespace = withCredentialSecret(KEYS, ECR);
    namespace.binding('app', {
      spec: { image: 'other.example/app', imagePullSecrets: [{ name: 'keys' }], verification: 'Never' },
    });
    assert.equal(condition(namespace.report('app').status, 'Ready'), 'False NoMatch');
  });

  it('without the annotation stalls the binding, and the message names the annotation', () => {
    const namespace = new Namespace();
    namespace.otherSecret('keys');
    namespace.binding('app', { spec: { imagePullSecrets: [{ name: 'keys' }], verification: 'Never' } });
    const { status } = namespace.report('app');
    assert.equal(condition(status, 'Stalled'), 'True NotAnnotated');
    assert.equal(condition(status, 'Ready'), 'False NotAnnotated');
    const [ready] = status.conditions?.filter(({ type }) => type === 'Ready') ?? [];
    assert.match(ready?.message ?? '', /credentials\.securecodebox\.io\/registries/);
  });

  it('without the annotation does not prevent the use of a pull secret that fits', () => {
    const namespace = new Namespace();
    namespace.otherSecret('keys');
    namespace.pullSecret('pull');
    const imagePullSecrets = [{ name: 'keys' }, { name: 'pull' }];
    namespace.binding('app', { spec: { imagePullSecrets, verification: 'Never' } });
    assert.equal(condition(namespace.report('app').status, 'Ready'), 'True Ready');
  });

  it('is chosen by its position in the binding if a pull secret has the same registry key', () => {
    for (const names of [
      ['pull', 'keys'],
      ['keys', 'pull'],
    ]) {
      const namespace = withCredentialSecret({ username: 'user', password: 'other' });
      namespace.pullSecret('pull');
      const imagePullSecrets = names.map((name) => ({ name }));
      namespace.binding('app', { spec: { imagePullSecrets, verification: 'Never' } });
      assert.equal(namespace.settle('app')?.credential?.secret.name, names[0]);
    }
  });

  it('has a different Trivy Secret from a pull secret of the same name', () => {
    const credentialSecret = withCredentialSecret({ username: 'user', password: 'pass' });
    const pullSecret = new Namespace();
    pullSecret.pullSecret('keys');
    pullSecret.binding('app', { spec: { imagePullSecrets: [{ name: 'keys' }], verification: 'Never' } });
    const nameIn = (namespace: Namespace) => namespace.settle('app')?.trivySecret?.name;
    assert.notEqual(nameIn(credentialSecret), nameIn(pullSecret));
  });

  it('is a source Secret only while it has the annotation', () => {
    const { stores } = withCredentialSecret(KEYS);
    assert.equal(sourceIn(stores, 'ns/keys')?.name, 'keys');
    const withdrawn = new Namespace();
    withdrawn.otherSecret('keys');
    assert.equal(sourceIn(withdrawn.stores, 'ns/keys'), undefined);
  });

  it('that cannot be delivered is reported with what is missing', () => {
    const namespace = withCredentialSecret(KEYS);
    assert.equal(scansBound(namespace), 'False Undeliverable');
    const [bound] =
      namespace.report('app').status.conditions?.filter(({ type }) => type === 'ScansBound') ?? [];
    assert.match(bound?.message ?? '', /region/);
    assert.equal(namespace.decide('app').secretWrite.write, 'None');
  });

  it('that only Trivy can use is delivered, but not verified with the registry', () => {
    const host = 'europe-docker.pkg.dev';
    const user = { type: 'authorized_user', client_id: 'c', client_secret: 's', refresh_token: 'r' };
    const namespace = withCredentialSecret({ 'key.json': JSON.stringify(user) }, host);
    const spec = { image: `${host}/app`, imagePullSecrets: [{ name: 'keys' }] };
    namespace.binding('app', { spec: { ...spec, verification: 'Preferred' } });
    const answer = { answer: { result: 'NotCheckable' }, freshUntil: Number.POSITIVE_INFINITY } as const;
    namespace.answer('key file of a Google user', answer, `${host}/app`);
    const status = namespace.settle('app') ?? {};
    assert.equal(condition(status, 'CredentialVerified'), 'Unknown NotCheckable');
    assert.equal(condition(status, 'Ready'), 'True Ready');
    namespace.binding('app', { spec: { ...spec, verification: 'Required' } });
    assert.equal(condition(namespace.report('app').status, 'Ready'), 'False NotCheckable');
  });
});

describe('a login from a cloud', () => {
  it('is requested, and no scan is bound before it arrives', () => {
    const namespace = withCredentialSecret(WITH_REGION);
    assert.equal(scansBound(namespace), 'False Exchanging');
    const { requests, secretWrite } = namespace.decide('app');
    assert.equal(requests.login?.host, CUSTOM);
    assert.equal(secretWrite.write, 'None');
    assert.deepEqual(plans(namespace.decide('app')), { scan: 'Unbound' });
    namespace.login(CUSTOM, login());
    assert.equal(namespace.decide('app').secretWrite.write, 'Create');
    assert.equal(condition(namespace.settle('app') ?? {}, 'Ready'), 'True Ready');
  });

  it('is not requested if the mode of the binding is Observe', () => {
    const namespace = withCredentialSecret(WITH_REGION);
    const spec = { imagePullSecrets: [{ name: 'keys' }], verification: 'Never' } as const;
    namespace.binding('app', { spec: { ...spec, mode: 'Observe' } });
    assert.equal(namespace.decide('app').requests.login, undefined);
  });

  it('is not requested again after a restart until two thirds of its lifetime have passed', () => {
    const namespace = withCredentialSecret(WITH_REGION);
    namespace.login(CUSTOM, login());
    namespace.settle('app');
    namespace.settle('app');
    namespace.login(CUSTOM, { ...login(0), freshUntil: 0 });
    const later = namespace.decide('app', NOW + 7 * HOUR);
    assert.equal(later.requests.login, undefined);
    assert.equal(later.requests.nextAt, NOW + 8 * HOUR);
    assert.equal(later.secretWrite.write, 'None');
    assert.equal(namespace.report('app', undefined, NOW + 7 * HOUR).changed, false);
    assert.equal(namespace.decide('app', NOW + 8 * HOUR).requests.login?.host, CUSTOM);
    assert.equal(namespace.report('app', undefined, NOW + 8 * HOUR).changed, false);
  });

  it('is renewed with one write that does not count as a rotation, and no scan is written', () => {
    const namespace = withCredentialSecret(WITH_REGION);
    namespace.login(CUSTOM, login());
    namespace.settle('app');
    const [before] = [...namespace.stores.trivySecrets.values()];
    const now = NOW + 8 * HOUR;
    namespace.login(CUSTOM, login(12, now));
    const decision = namespace.decide('app', now);
    assert.equal(decision.secretWrite.write, 'Replace');
    assert.ok(decision.scans.every(({ plan }) => plan === 'Keep'));
    namespace.settle('app', now);
    const [after] = [...namespace.stores.trivySecrets.values()];
    assert.notEqual(after?.fingerprint, before?.fingerprint);
    assert.equal(after?.rotatedAt, before?.rotatedAt);
    assert.equal(after?.login?.expiresAt, now + 12 * HOUR);
  });

  it('is requested again when the keys change', () => {
    const namespace = withCredentialSecret(WITH_REGION);
    namespace.login(CUSTOM, login());
    namespace.settle('app');
    namespace.credentialSecret('keys', { ...WITH_REGION, 'secret-access-key': 'another/0123456789abcd' });
    namespace.login(CUSTOM, { ...login(), freshUntil: 0 });
    assert.equal(namespace.decide('app').requests.login?.host, CUSTOM);
    const now = NOW + HOUR;
    namespace.login(CUSTOM, login(12, now));
    namespace.settle('app', now);
    const [after] = [...namespace.stores.trivySecrets.values()];
    assert.equal(after?.rotatedAt, now);
  });

  it('is written again if another client changed the Trivy Secret', () => {
    const namespace = withCredentialSecret(WITH_REGION);
    namespace.login(CUSTOM, login());
    const { secretWrite } = namespace.decide('app');
    assert.ok(secretWrite.write === 'Create');
    const { object } = secretWrite.desired.content;
    namespace.trivySecret({ ...object, data: { 'config.json': btoa('{}') } });
    assert.equal(namespace.decide('app').secretWrite.write, 'Replace');
  });

  it('that cannot be renewed stays in use until it expires, with a warning, and failures are in ScansBound', () => {
    const namespace = withCredentialSecret(WITH_REGION);
    const refused = { result: 'Denied', httpCode: 400, at: 'token' } as const;
    namespace.login(CUSTOM, { answer: refused, requestedAt: NOW, freshUntil: NOW + HOUR });
    assert.equal(scansBound(namespace), 'False ExchangeFailed');
    assert.equal(namespace.decide('app').requests.login, undefined);
    assert.equal(namespace.decide('app').requests.nextAt, NOW + HOUR);

    namespace.login(CUSTOM, login());
    namespace.settle('app');
    namespace.login(CUSTOM, { answer: refused, requestedAt: NOW, freshUntil: NOW + 48 * HOUR });
    const ready = (hours: number) =>
      condition(namespace.report('app', undefined, NOW + hours * HOUR).status, 'Ready');
    assert.equal(ready(9), 'True Ready');
    assert.equal(ready(11.5), 'True ExpiresSoon');
    assert.equal(ready(12), 'False ExchangeFailed');
  });

  it('has its expiration time in status', () => {
    const namespace = withCredentialSecret(WITH_REGION);
    namespace.login(CUSTOM, login());
    namespace.settle('app');
    const { credential } = namespace.settle('app') ?? {};
    assert.equal(Date.parse(credential?.expirationTime ?? ''), NOW + 12 * HOUR);
  });
});
