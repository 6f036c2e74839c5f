import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RegistryAnswer } from '../../../../../src/answer/registry-answer.ts';
import { Namespace } from '../namespace.ts';

const CANARY = 'canary-Qz7';
const DENIED: RegistryAnswer = { result: 'Denied', httpCode: 401, at: 'manifest' };

/** A binding with a scan and one credential, `user:password`, about which the registry gives this answer. */
function answered(auth: string, answer: RegistryAnswer): Namespace {
  const namespace = new Namespace();
  namespace.pullSecret('pull', { 'reg.example': { auth: btoa(auth) } });
  namespace.binding('app', { spec: { verification: 'Required' } });
  namespace.scan('scan');
  namespace.answer(auth, { answer });
  namespace.answer('', { answer: DENIED });
  return namespace;
}

function messageOf(namespace: Namespace, wanted: string): string {
  const { conditions = [] } = namespace.report('app').status;
  return conditions.find(({ type }) => type === wanted)?.message ?? '';
}

describe('the condition CredentialVerified', () => {
  for (const [auth, says] of [
    [
      `user:${CANARY}\n`,
      /entry "reg\.example" of Secret pull \(HTTP 401; the password ends with a line break\)/,
    ],
    [`${CANARY}\r\n:${CANARY}`, /\(HTTP 401; the user name ends with a line break\)/],
    [`user:${CANARY}\t`, /\(HTTP 401; the password contains a control character\)/],
    [`user:${CANARY}`, /\(HTTP 401\);/],
  ] as const) {
    it(`says with Denied what may be wrong with the login ${JSON.stringify(auth)}, and shows no value`, () => {
      const namespace = answered(auth, DENIED);
      const message = messageOf(namespace, 'CredentialVerified');
      assert.match(message, says);
      assert.equal(messageOf(namespace, 'Ready'), message);
      assert.ok(!JSON.stringify(namespace.report('app').status).includes(CANARY));
    });
  }

  const unreachable = (why: 'RealmInsecure' | 'RealmForbidden' | 'Timeout'): RegistryAnswer => ({
    result: 'Unreachable',
    why,
    at: 'token',
  });

  it('names plain HTTP, its usual causes and the setting if a token server has a URL without TLS', () => {
    const namespace = answered('user:pass', unreachable('RealmInsecure'));
    const message = messageOf(namespace, 'CredentialVerified');
    assert.match(message, /the registry's token server has a URL with plain HTTP \(http:\/\/\)/);
    for (const part of ['base URL', 'http.host', 'X-Forwarded-Proto', '--insecure-registries'])
      assert.ok(message.includes(part), part);
    assert.doesNotMatch(JSON.stringify(namespace.report('app').status), /certificate/);
    assert.match(messageOf(namespace, 'ScansBound'), /See the condition CredentialVerified\.$/);
  });

  it('names the deny list if the controller must not contact a token server', () => {
    const message = messageOf(answered('user:pass', unreachable('RealmForbidden')), 'CredentialVerified');
    assert.match(message, /must not send credentials to\. .*--denied-registries/);
    assert.doesNotMatch(message, /certificate/);
  });

  it('keeps the general advice for a registry that does not answer', () => {
    const message = messageOf(answered('user:pass', unreachable('Timeout')), 'CredentialVerified');
    assert.match(message, /did not answer in time\. Check that the controller can reach the registry/);
  });
});
