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
  request: () => assert.fail('the cloud is asked'),
  read: () => assert.fail('the cloud has answered'),
};
const credential = (check: ReturnType<PlatformCredential['accessTo']>['check']): PlatformCredential => ({
  ...{ result: 'Credential', kind: 'platform', description: 'keys', identity: new SecretValue('id') },
  expires: undefined,
  accessTo: () => ({ delivery: { way: 'Exchange', exchange: never }, check }),
});

describe('logins that clouds give', () => {
  it('are renewed when two thirds of their time are over, and never where they do not end', () => {
    assert.equal(renewalOf({ since: HOUR, expiresAt: 13 * HOUR }), 9 * HOUR);
    assert.equal(renewalOf({ since: HOUR, expiresAt: undefined }), Number.POSITIVE_INFINITY);
  });

  it('are not asked for where the settings forbid the registry, and that is known at once', async () => {
    const settings = { ...DEFAULT_REGISTRY_SETTINGS, deny: ['reg.example'] };
    const checker = new RegistryChecker({ settings, onRequest: () => assert.fail('a request') });
    const keys = credential({ way: 'Exchange', exchange: never });
    const known = await checker.obtainLogin(keys, 'reg.example', 'shop');
    assert.deepEqual(known?.answer, { result: 'NotAllowed', by: 'DenyList' });
    assert.deepEqual(checker.login(keys, 'reg.example', 'shop'), known);
    assert.equal(known?.askAgainAt, Number.POSITIVE_INFINITY);
  });

  it('are not needed to know that nobody but Trivy can use a credential', async () => {
    const checker = new RegistryChecker({
      settings: DEFAULT_REGISTRY_SETTINGS,
      onRequest: () => assert.fail('a request'),
    });
    const user = credential({ way: 'NotCheckable', message: 'of a user' });
    const question = { image: parseImageReference('reg.example/app:1'), credential: user };
    assert.equal(checker.answer(question, 'shop')?.answer.result, 'NotCheckable');
    assert.equal((await checker.check(question, 'shop')).answer.result, 'NotCheckable');
  });
});
