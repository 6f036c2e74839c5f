import { SecretValue } from '../../credential/index.ts';
import type { PlatformCredential } from '../platform-credential.ts';
import type { Malformed } from '../secret-fields.ts';
import { trivyOnlyCredential } from './credential.ts';
import { type Document, missingFields, texts, unexpectedEndpoint } from './document.ts';
import { TOKEN_URI } from './exchange.ts';

/** Reads the key file of a user: google.aip.dev/auth/4113. */
export function readAuthorizedUser(document: Document): PlatformCredential | Malformed {
  if ((document['token_uri'] ?? TOKEN_URI) !== TOKEN_URI) return unexpectedEndpoint('token_uri', TOKEN_URI);
  const user = texts(document, ['client_id', 'client_secret', 'refresh_token']);
  if (user === undefined) return missingFields('client_id, client_secret and refresh_token');
  const optional = texts(document, ['quota_project_id']) ?? {};
  const content = new SecretValue(JSON.stringify({ type: 'authorized_user', ...user, ...optional }));
  return trivyOnlyCredential('key file of a Google user', content);
}
