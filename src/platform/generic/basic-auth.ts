import { type Credential, SecretValue, sendingProblem } from '../../credential/index.ts';
import type { PlatformCredential } from '../platform-credential.ts';
import { exactField, type Malformed, malformed, type SecretContent, textIn } from '../secret-fields.ts';

/** Reads a Secret of this type: https://kubernetes.io/docs/concepts/configuration/secret/#basic-authentication-secret */
export function readBasicAuth(secret: SecretContent): PlatformCredential | Malformed {
  const fields = [exactField(secret, 'username'), exactField(secret, 'password')] as const;
  const wrong = fields.find((each) => each.result === 'Malformed');
  if (wrong?.result === 'Malformed') return wrong;
  const [username = '', password] = fields.map(textIn);
  if (password === undefined || username === '' || username.includes(':')) {
    return malformed(
      'expected a user name without a colon in the key username, and text in the key password, found something else; ' +
        'correct these keys (many registries accept any user name with a token)',
    );
  }
  const credential: Credential = {
    kind: 'basic',
    username: new SecretValue(username),
    password: new SecretValue(password),
  };
  const problem = sendingProblem(credential);
  if (problem !== undefined) return malformed(problem);
  return {
    result: 'Credential',
    kind: 'platform',
    description: 'user name and password',
    identity: new SecretValue(JSON.stringify(['basic', username, password])),
    expires: credential,
    login: credential,
    accessTo: () => ({ delivery: { way: 'Login', credential }, check: { way: 'Login', credential } }),
  };
}
