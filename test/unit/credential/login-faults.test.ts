import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Credential } from '../../../src/credential/credential.ts';
import { loginFaults } from '../../../src/credential/login-faults.ts';
import { SecretValue } from '../../../src/credential/secret-value.ts';

const CANARY = 'Canary-7f3a';

const basic = (username: string, password: string): Credential => ({
  kind: 'basic',
  username: new SecretValue(username),
  password: new SecretValue(password),
});

const CASES: Readonly<Record<string, readonly [login: Credential, faults: readonly string[]]>> = {
  'a plain login': [basic('user', CANARY), []],
  'a password in any script, with a space inside': [basic('user', `pä ${CANARY} 🔑`), []],
  'a password that ends with LF': [basic('user', `${CANARY}\n`), ['the password ends with a line break']],
  'a password that ends with CRLF': [basic('user', `${CANARY}\r\n`), ['the password ends with a line break']],
  'a password that ends with CR': [basic('user', `${CANARY}\r`), ['the password ends with a line break']],
  'a user name that ends with a line break': [
    basic(`${CANARY}\n`, CANARY),
    ['the user name ends with a line break'],
  ],
  'both with a line break': [
    basic(`${CANARY}\n`, `${CANARY}\n`),
    ['the user name ends with a line break', 'the password ends with a line break'],
  ],
  'a password in several lines': [
    basic('_json_key_base64', `${CANARY}\n${CANARY}`),
    ['the password contains a line break'],
  ],
  'a password with a line break at its beginning': [
    basic('user', `\n${CANARY}`),
    ['the password contains a line break'],
  ],
  'a password with a tab': [basic('user', `${CANARY}\t`), ['the password contains a control character']],
  'a password with DEL': [basic('user', `\u007f${CANARY}`), ['the password contains a control character']],
  'a password with NUL inside': [
    basic('user', `a\0${CANARY}`),
    ['the password contains a control character'],
  ],
  'a password with a space at its end': [
    basic('user', `${CANARY} `),
    ['the password begins or ends with white space'],
  ],
  'a password with a byte order mark': [
    basic('user', `\ufeff${CANARY}`),
    ['the password begins or ends with white space'],
  ],
  'a password with a character of no width': [
    basic('user', `${CANARY}\u200b`),
    ['the password contains an invisible character'],
  ],
  'a key file in several lines, which is JSON': [
    basic('_json_key', `${JSON.stringify({ type: 'service_account' }, undefined, 2)}\n`),
    [],
  ],
  'a key file with a line break inside of a text, which is not JSON': [
    basic('_json_key', '{"private_key": "a\nb"}'),
    ['the password contains a line break'],
  ],
  'a login that was encoded twice': [
    basic(btoa('scanner\n'), btoa(`${CANARY}\n`)),
    ['the user name and the password look as if they were encoded in base64 twice'],
  ],
  'a user name of the alphabet of base64': [basic('robotadm', btoa(CANARY)), []],
  'a login of ECR, whose password is base64': [basic('AWS', btoa('{"payload":"x","expiration":1}')), []],
  'an identity token with a line break': [
    { kind: 'identityToken', username: new SecretValue('u\n'), token: new SecretValue(`${CANARY}\n`) },
    ['the token ends with a line break'],
  ],
};

describe('loginFaults', () => {
  for (const [name, [login, faults]] of Object.entries(CASES)) {
    it(`finds ${faults.length === 0 ? 'nothing' : 'the mistake'} in ${name}, and shows no value`, () => {
      const found = loginFaults(login);
      assert.deepEqual(found, faults);
      assert.ok(!found.join().includes('Canary'));
    });
  }
});
