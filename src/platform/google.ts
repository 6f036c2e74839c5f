import { SecretValue } from '../credential/index.ts';
import { secondsAfter } from './ends.ts';
import { type Exchange, FORM, isObject, readObject, refusal } from './exchange.ts';
import { handOverFile, off } from './handover.ts';
import type { Malformed, Platform, PlatformCredential, WaysIn } from './platform.ts';
import { type RsaKey, readRsaKey } from './rsa-key.ts';
import { field, malformed, type SecretContent } from './secret.ts';

const TOKEN_URI = 'https://oauth2.googleapis.com/token';
/** Older key files name it; it is the same service. */
const OLDER_TOKEN_URI = 'https://accounts.google.com/o/oauth2/token';
const STS_URL = 'https://sts.googleapis.com/v1/token';
const IMPERSONATION_URL =
  /^https:\/\/iamcredentials\.googleapis\.com\/v1\/projects\/-\/serviceAccounts\/[\w.@-]+:generateAccessToken$/;
const UNIVERSE = 'googleapis.com';
const READ_SCOPE =
  'https://www.googleapis.com/auth/devstorage.read_only https://www.googleapis.com/auth/cloud-platform';

const REGIONAL = /^docker\.[a-z0-9-]+\.rep\.pkg\.dev$/;
const NAMES = /^(?:(?:[a-z0-9-]+\.)*gcr\.io|(?:[a-z0-9-]+\.)*[a-z0-9-]+-docker\.pkg\.dev)$/;
const GOOGLE_OFF = off('GOOGLE_APPLICATION_CREDENTIALS');

/** Artifact Registry, also under the names of Container Registry. */
export const google: Platform = {
  name: 'Google',
  owns: (host) => NAMES.test(host) || REGIONAL.test(host),
  off: GOOGLE_OFF,
  readSecret: readKeyFile,
};

/** For which hosts Trivy uses a key file: pkg/fanal/image/registry/google in Trivy 0.74.0. */
function trivyKnows(host: string): boolean {
  return NAMES.test(host) && host !== 'mirror.gcr.io';
}

// As Google's documentation, External Secrets (`secret-access-credentials`) and Flux (`serviceaccount`) name it.
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

type Document = Readonly<Record<string, unknown>>;

function readKeyFile(secret: SecretContent): PlatformCredential | Malformed | undefined {
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

/**
 * By the file's `type`: google.aip.dev/auth/4112, 4113 and 4117. Trivy gets these fields alone, written anew: a field that
 * Go's libraries find and this parser does not (in another letter case, or twice) must not send the key elsewhere.
 */
const READERS: Readonly<Record<string, (document: Document) => PlatformCredential | Malformed>> = {
  service_account: readServiceAccount,
  authorized_user: readAuthorizedUser,
  external_account: readExternalAccount,
};

function readServiceAccount(document: Document): PlatformCredential | Malformed {
  const uri = document['token_uri'] ?? TOKEN_URI;
  if (uri !== TOKEN_URI && uri !== OLDER_TOKEN_URI) return elsewhere('token_uri', TOKEN_URI);
  const account = texts(document, ['client_email', 'private_key', 'private_key_id']);
  if (account === undefined) return lacking('client_email, private_key and private_key_id');
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
    credential: { kind: 'basic', username: new SecretValue('_json_key'), password: content },
  } as const;
  const check = {
    way: 'Exchange',
    exchange: jwtExchange(email, key, keyId),
  } as const;
  return keyFile('key file of a Google service account', content, (host) => ({
    delivery: trivyKnows(host) ? files(content) : login,
    check,
  }));
}

function readAuthorizedUser(document: Document): PlatformCredential | Malformed {
  if ((document['token_uri'] ?? TOKEN_URI) !== TOKEN_URI) return elsewhere('token_uri', TOKEN_URI);
  const user = texts(document, ['client_id', 'client_secret', 'refresh_token']);
  if (user === undefined) return lacking('client_id, client_secret and refresh_token');
  const optional = texts(document, ['quota_project_id']) ?? {};
  const content = new SecretValue(JSON.stringify({ type: 'authorized_user', ...user, ...optional }));
  return keyFile('key file of a Google user', content, (host) => forTrivyAlone(host, content));
}

/** Only such as read the token of another identity from a file: that is in the scan's pod or nowhere. */
function readExternalAccount(document: Document): PlatformCredential | Malformed {
  if (document['token_url'] !== STS_URL) return elsewhere('token_url', STS_URL);
  const impersonated = document['service_account_impersonation_url'];
  if (
    impersonated !== undefined &&
    !(typeof impersonated === 'string' && IMPERSONATION_URL.test(impersonated))
  ) {
    return elsewhere(
      'service_account_impersonation_url',
      'https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/…',
    );
  }
  const account = texts(document, ['audience', 'subject_token_type']);
  if (account === undefined) return lacking('audience and subject_token_type');
  const source = fileSource(document['credential_source']);
  if (source === undefined) {
    return malformed(
      'expected a credential_source with a file (and no url, executable or environment_id) in the Google key file, ' +
        'found something else; let it read a projected service account token',
    );
  }
  const impersonation = impersonated === undefined ? {} : { service_account_impersonation_url: impersonated };
  const file = {
    type: 'external_account',
    ...account,
    token_url: STS_URL,
    ...impersonation,
    credential_source: source,
  };
  const content = new SecretValue(JSON.stringify(file));
  return keyFile('key file of a Google workload identity', content, (host) => forTrivyAlone(host, content));
}

function keyFile(
  description: string,
  content: SecretValue,
  waysIn: PlatformCredential['waysIn'],
): PlatformCredential {
  return { result: 'Credential', kind: 'platform', description, identity: content, ends: undefined, waysIn };
}

function files(content: SecretValue) {
  const handover = handOverFile('GOOGLE_APPLICATION_CREDENTIALS', 'google-key.json', content, GOOGLE_OFF);
  return { way: 'Files', handover } as const;
}

function forTrivyAlone(host: string, content: SecretValue): WaysIn {
  const check = {
    way: 'NotCheckable',
    message: 'a Google key file of this type is used by Trivy alone, where the scan runs',
  } as const;
  if (trivyKnows(host)) return { delivery: files(content), check };
  const message =
    "expected the key file of a service account for a host that Trivy does not know as Google's, found one of " +
    'another type; create a service account key, or name the registry by its *-docker.pkg.dev host';
  return { delivery: { way: 'None', message }, check };
}

function fileSource(source: unknown): Document | undefined {
  if (!isObject(source) || typeof source['file'] !== 'string') return undefined;
  if (['url', 'executable', 'environment_id', 'certificate'].some((name) => source[name] !== undefined))
    return undefined;
  const { file, format } = source;
  if (format === undefined) return { file };
  const form = isObject(format) ? texts(format, ['type']) : undefined;
  if (form === undefined || !isObject(format)) return undefined;
  return { file, format: { ...form, ...texts(format, ['subject_token_field_name']) } };
}

function texts<const Name extends string>(
  document: Document,
  names: readonly Name[],
): Record<Name, string> | undefined {
  const found = names.flatMap((name) => {
    const value = document[name];
    return typeof value === 'string' && value !== '' ? [[name, value] as const] : [];
  });
  // One for each of the names.
  return found.length === names.length ? (Object.fromEntries(found) as Record<Name, string>) : undefined;
}

function elsewhere(name: string, expected: string): Malformed {
  return malformed(
    `expected ${expected} in the field ${name} of the Google key file, found another place; ` +
      'the key is shown nowhere else: create a new key file',
  );
}

function lacking(names: string): Malformed {
  return malformed(
    `expected text in the fields ${names} of the Google key file, found less; create a new key file`,
  );
}

/** developers.google.com/identity/protocols/oauth2/service-account#httprest; the key itself stays here. */
function jwtExchange(email: string, key: RsaKey, keyId: string): Exchange {
  return {
    request(now) {
      const issued = Math.floor(now / 1_000);
      const claims = { iss: email, scope: READ_SCOPE, aud: TOKEN_URI, iat: issued, exp: issued + 300 };
      const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const signed = `${encode({ alg: 'RS256', typ: 'JWT', kid: keyId })}.${encode(claims)}`;
      const body = new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
        assertion: `${signed}.${key.sign(signed).toString('base64url')}`,
      });
      return {
        url: new URL(TOKEN_URI),
        headers: { 'content-type': FORM },
        body: new SecretValue(body.toString()),
      };
    },
    read({ status, body }, now) {
      if (status !== 200) return refusal(status);
      const { access_token: token, expires_in: lasts } = readObject(body) ?? {};
      if (typeof token !== 'string' || token === '') return { result: 'BadReply' };
      const ends = secondsAfter(now, lasts);
      if (ends === undefined && typeof lasts === 'number') return { result: 'BadReply' };
      const credential = {
        kind: 'basic',
        username: new SecretValue('oauth2accesstoken'),
        password: new SecretValue(token),
      } as const;
      return { result: 'Login', credential, ends };
    },
  };
}
