import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renewalOf } from '../../../src/answer/login-answer.ts';
import { SecretValue } from '../../../src/credential/secret-value.ts';
import { parseImageReference } from '../../../src/image/reference.ts';
import type { Exchange } from '../../../src/platform/exchange.ts';
import type { PlatformCredential } from '../../../src/platform/platform-credential.ts';
import { RegistryChecker } from '../../../src/registry/checker.ts';
import { DEFAULT_REGISTRY_SETTINGS } from '../../../src/registry/settings.ts';

const HOUR = 3_600_000;
const never: Exchange = {
  request: () => assert.fail('a request to the cloud'),
  read: () => assert.fail('an answer from the cloud'),
};
const credential = (check: ReturnType<PlatformCredential['accessTo']>['check']): PlatformCredential => ({
  ...{ result: 'Credential', kind: 'platform', description: 'keys', identity: new SecretValue('id') },
  expires: undefined,
  accessTo: () => ({ delivery: { way: 'Exchange', exchange: never }, check }),
});

describe('logins from clouds', () => {
  it('are renewed after two thirds of their lifetime, or never if they do not expire', () => {
    assert.equal(renewalOf({ since: HOUR, expiresAt: 13 * HOUR }), 9 * HOUR);
    assert.equal(renewalOf({ since: HOUR, expiresAt: undefined }), Number.POSITIVE_INFINITY);
  });

  it('are not requested if the settings forbid the registry', async () => {
    const settings = { ...DEFAULT_REGISTRY_SETTINGS, deny: ['reg.example'] };
    const checker = new RegistryChecker({ settings, onRequest: () => assert.fail('a request') });
    const keys = credential({ way: 'Exchange', exchange: never });
    const known = await checker.obtainLogin(keys, 'reg.example', 'shop');
    assert.deepEqual(known?.answer, { result: 'NotAllowed', by: 'DenyList' });
    assert.deepEqual(checker.login(keys, 'reg.example', 'shop'), known);
    assert.equal(known?.freshUntil, Number.POSITIVE_INFINITY);
  });

  it('are not requested for a credential that only Trivy can use', async () => {
    const checker = new RegistryChecker({
      settings: DEFAULT_REGISTRY_SETTINGS,
      onRequest: () => assert.fail('a request'),
    });
    const user = credential({ way: 'NotCheckable', message: 'of a user' });
    const check = { image: parseImageReference('reg.example/app:1'), credential: user };
    assert.equal(checker.answer(check, 'shop')?.answer.result, 'NotCheckable');
    assert.equal((await checker.check(check, 'shop')).answer.result, 'NotCheckable');
  });
});
