import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Files, pullSecret, runExplain } from '../../../support/explain.ts';

const CANARY = 'Canary7f3a';
const HOST = 'reg.example';
const ANNOTATED = { 'credentials.securecodebox.io/registries': HOST };

const base64 = (text: string) => Buffer.from(text).toString('base64');
const entry = (fields: object) => pullSecret('pull', { [HOST]: fields });
const withData = (type: string, data: Readonly<Record<string, string>>, annotations: object = {}) => ({
  ...{ apiVersion: 'v1', kind: 'Secret', type, metadata: { name: 'pull', annotations } },
  data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, base64(text)])),
});
const config = (text: string) => withData('kubernetes.io/dockerconfigjson', { '.dockerconfigjson': text });
const basicAuth = (username: string, password: string) =>
  withData('kubernetes.io/basic-auth', { username, password }, ANNOTATED);

/** Whether an entry fits, and what is said about it. Each value contains the canary. */
const CASES: Readonly<Record<string, readonly [secret: object, fits: boolean, says: RegExp]>> = {
  'a password that ends with a line break': [
    entry({ auth: base64(`user:${CANARY}\n`) }),
    true,
    /Secret "pull": the password ends with a line break in the login for "reg\.example"; correct the Secret/,
  ],
  'a user name with a control character': [
    entry({ username: `${CANARY}\u0007`, password: CANARY }),
    true,
    /Secret "pull": the user name contains a control character/,
  ],
  'basic-auth with a second line break': [
    basicAuth('user', `${CANARY}\n\n`),
    true,
    /the password ends with a line break/,
  ],
  'basic-auth without a password': [basicAuth(CANARY, ''), false, /expected a password, found an empty one/],
  'an unquoted number': [
    entry({ username: CANARY, password: 12_345 }),
    false,
    /"password", found a number; put the value in quotes/,
  ],
  'a token that has expired': [
    entry({
      username: 'user',
      password: `e30.${Buffer.from(`{"exp":1000000000,"sub":"${CANARY}"}`).toString('base64url')}.c2ln`,
    }),
    false,
    /Secret "pull": the credential for "reg\.example" expired at 2001-09-09T01:46:40Z; renew the Secret/,
  ],
  'auth that is encoded twice': [
    entry({ auth: base64(base64(`user:${CANARY}`)) }),
    false,
    /entry "reg\.example": .* encoded twice/,
  ],
  'a configuration that is encoded twice': [
    config(base64(`{"auths":{"${HOST}":{"auth":"${CANARY}"}}}`)),
    false,
    /encoded twice; encode it once/,
  ],
  'a configuration with a syntax error': [
    config(`{\n  "auths": {\n    "${HOST}": {"password": "${CANARY}",}\n  }\n}`),
    false,
    /a syntax error at line 3, column 46; correct the value/,
  ],
  'a configuration in an Opaque Secret': [
    withData('Opaque', { '.dockerconfigjson': `{"auths":{"${HOST}":{"auth":"${CANARY}"}}}` }),
    false,
    /create it again with the type kubernetes\.io\/dockerconfigjson \(the annotation .* does not help\)/,
  ],
  'a login in an Opaque Secret': [
    withData('Opaque', { username: CANARY, password: CANARY }),
    false,
    /a Secret of type kubernetes\.io\/basic-auth.*list its registries in the annotation/,
  ],
};

describe('explain, for a Secret', () => {
  for (const [name, [secret, fits, says]] of Object.entries(CASES)) {
    it(`with ${name} says what is wrong, and shows no value`, () => {
      using files = new Files();
      const { status, stdout, stderr } = runExplain([`${HOST}/app`, ...files.write('secret.json', secret)]);
      assert.match(stderr, says);
      assert.equal(status, fits ? 0 : 1, stderr);
      // Where the entry fits, the line of the candidate names the user, as asked for.
      assert.ok(!stderr.includes(CANARY) && (name.includes('user name') || !stdout.includes(CANARY)), stderr);
    });
  }
});
