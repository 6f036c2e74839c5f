import { SecretValue } from '../../credential/index.ts';
import type { PlatformCredential } from '../platform-credential.ts';
import { type Malformed, malformed } from '../secret-fields.ts';
import { byKeyFile, keyFileCredential } from './credential.ts';
import { type Document, missingFields, texts, unexpectedEndpoint } from './document.ts';
import { jwtExchange, TOKEN_URI } from './exchange.ts';
import { trivyKnows } from './hosts.ts';
import { readRsaKey } from './rsa-key.ts';

/** Older key files have this address of the same service. */
const OLDER_TOKEN_URI = 'https://accounts.google.com/o/oauth2/token';

/** The user name that is used with a key file as the password. */
export const KEY_FILE_USER = '_json_key';

/** Reads the key file of a service account: google.aip.dev/auth/4112. */
export function readServiceAccount(document: Document): PlatformCredential | Malformed {
  const uri = document['token_uri'] ?? TOKEN_URI;
  if (uri !== TOKEN_URI && uri !== OLDER_TOKEN_URI) return unexpectedEndpoint('token_uri', TOKEN_URI);
  const account = texts(document, ['client_email', 'private_key', 'private_key_id']);
  if (account === undefined) return missingFields('client_email, private_key and private_key_id');
  const { client_email: email, private_key: privateKey, private_key_id: keyId } = account;
  const key = readRsaKey(privateKey);
  if (key.result === 'Unusable') {
    return malformed(
      `expected ${key.expected} in the field private_key of the Google key file, found ${key.found}; ` +
        'create a new key for the service account',
    );
  }
  const optional = texts(document, ['project_id']) ?? {};
  const file = { type: 'service_account', ...optional, ...account, token_uri: TOKEN_URI };
  const content = new SecretValue(JSON.stringify(file));
  const login = {
    way: 'Login',
    credential: { kind: 'basic', username: new SecretValue(KEY_FILE_USER), password: content },
  } as const;
  const check = { way: 'Exchange', exchange: jwtExchange(email, key, keyId) } as const;
  return keyFileCredential('key file of a Google service account', content, (host) => ({
    delivery: trivyKnows(host) ? byKeyFile(content) : login,
    check,
  }));
}
