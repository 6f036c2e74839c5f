import { readObject } from '../../text/index.ts';
import type { PlatformCredential } from '../platform-credential.ts';
import { field, type Malformed, malformed, type SecretContent } from '../secret-fields.ts';
import { readAuthorizedUser } from './authorized-user.ts';
import type { Document } from './document.ts';
import { readExternalAccount } from './external-account.ts';
import { readServiceAccount } from './service-account.ts';

const UNIVERSE = 'googleapis.com';

// As in Google's documentation, External Secrets (`secret-access-credentials`) and Flux (`serviceaccount`).
const FILES = new Set([
  'keyjson',
  'gcpjson',
  'credentialsjson',
  'serviceaccountjson',
  'serviceaccount',
  'serviceaccountkeyjson',
  'applicationdefaultcredentialsjson',
  'googleapplicationcredentials',
  'secretaccesscredentials',
]);

/**
 * By the file's `type`: google.aip.dev/auth/4112, 4113 and 4117. Trivy gets only the fields that these readers know,
 * written anew. Otherwise a field that Go's libraries find and this parser does not (in another letter case, or twice)
 * could send the key elsewhere.
 */
const READERS: Readonly<Record<string, (document: Document) => PlatformCredential | Malformed>> = {
  service_account: readServiceAccount,
  authorized_user: readAuthorizedUser,
  external_account: readExternalAccount,
};

/** Reads the Google key file in a Secret. `undefined`: it has none. */
export function readKeyFile(secret: SecretContent): PlatformCredential | Malformed | undefined {
  const file = field(secret, FILES);
  if (file.result !== 'Text') return file.result === 'Absent' ? undefined : file;
  const document = readObject(file.text);
  if (document === undefined) {
    return malformed(
      "expected a Google key file, a JSON object, found something else; put the file's content there",
    );
  }
  const universe = document['universe_domain'] ?? UNIVERSE;
  if (universe !== UNIVERSE) {
    return malformed(
      `expected the universe_domain ${UNIVERSE} in the Google key file, found another; use a key of Google Cloud`,
    );
  }
  const type = document['type'];
  const reader = typeof type === 'string' && Object.hasOwn(READERS, type) ? READERS[type] : undefined;
  if (reader !== undefined) return reader(document);
  return malformed(
    `expected a Google key file of the type ${Object.keys(READERS).join(', ')}, found another; create such a key`,
  );
}
