import { jsonFault, readObject } from '../../text/index.ts';
import type { PlatformCredential } from '../platform-credential.ts';
import {
  ENCODE_ONCE,
  field,
  isEncodedTwice,
  type Malformed,
  malformed,
  type SecretContent,
} from '../secret-fields.ts';
import { formOf } from '../unsupported-secret.ts';
import { readAuthorizedUser } from './authorized-user.ts';
import type { Document } from './document.ts';
import { readExternalAccount } from './external-account.ts';
import { readServiceAccount } from './service-account.ts';

const UNIVERSE = 'googleapis.com';

// The names in Google's documentation, External Secrets (`secret-access-credentials`) and Flux (`serviceaccount`).
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
 * The readers by the file's `type`: google.aip.dev/auth/4112, 4113 and 4117. Trivy gets a new file with only the fields
 * that these readers know. Otherwise, a field that Go's libraries find but this parser does not (in another letter case,
 * or a duplicate) could send the key to another endpoint.
 */
const READERS: Readonly<Record<string, (document: Document) => PlatformCredential | Malformed>> = {
  service_account: readServiceAccount,
  authorized_user: readAuthorizedUser,
  external_account: readExternalAccount,
};

/** Reads the Google key file in a Secret. `undefined`: the Secret has none. */
export function readKeyFile(secret: SecretContent): PlatformCredential | Malformed | undefined {
  const file = field(secret, FILES);
  if (file.result !== 'Text') return file.result === 'Absent' ? undefined : file;
  const document = readObject(file.text);
  if (document === undefined) return notAnObject(file.text);
  if (isOtherForm(file.text)) return undefined;
  const universe = document['universe_domain'] ?? UNIVERSE;
  if (universe !== UNIVERSE) {
    return malformed(
      `expected the universe_domain ${UNIVERSE} in the Google key file, found a different one; use a key of Google Cloud`,
    );
  }
  const type = document['type'];
  const reader = typeof type === 'string' && Object.hasOwn(READERS, type) ? READERS[type] : undefined;
  if (reader !== undefined) return reader(document);
  return malformed(
    `expected a Google key file of type ${Object.keys(READERS).join(', ')}, found another type; create a key of ` +
      'one of these types',
  );
}

/** Whether a file under one of Google's names has another kind of credential, such as a service principal of Azure. */
function isOtherForm(text: string): boolean {
  const form = formOf(text);
  return form !== undefined && form !== 'GoogleKeyFile';
}

function notAnObject(text: string): Malformed {
  const expected = 'expected a Google key file, which is a JSON object, found';
  const isEncoded = isEncodedTwice(text, (inner) => readObject(inner) !== undefined);
  if (isEncoded) return malformed(`${expected} ${ENCODE_ONCE}`);
  const fault = jsonFault(text);
  const found =
    fault === undefined ? 'another value' : `a syntax error at line ${fault.line}, column ${fault.column}`;
  return malformed(`${expected} ${found}; set the key to the content of the file`);
}
