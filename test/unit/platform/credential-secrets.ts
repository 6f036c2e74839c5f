import { generateKeyPairSync } from 'node:crypto';
import { type CredentialRead, readCredential } from '../../../src/platform/credential-reader.ts';
import type { PlatformCredential } from '../../../src/platform/platform-credential.ts';
import { REGISTRIES_ANNOTATION } from '../../../src/platform/registries-annotation.ts';

/** Part of every secret value. Tests check that no output contains it. */
export const CANARY = 'canary0123456789';

const keyPair = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const PUBLIC_KEY = keyPair.publicKey;
const PRIVATE_KEY = keyPair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

export const AWS_KEYS = {
  'access-key': 'AKIAIOSFODNN7EXAMPLE',
  'secret-access-key': `${CANARY}/+=abcdefghij`,
};
export const SERVICE_ACCOUNT = {
  type: 'service_account',
  project_id: 'acme',
  private_key_id: 'key-1',
  private_key: PRIVATE_KEY,
  client_email: 'puller@acme.iam.gserviceaccount.com',
  client_id: '1',
  auth_uri: 'https://accounts.google.com/o/oauth2/auth',
  token_uri: 'https://oauth2.googleapis.com/token',
};
export const AUTHORIZED_USER = {
  type: 'authorized_user',
  client_id: 'app',
  client_secret: `${CANARY}-client`,
  refresh_token: `${CANARY}-refresh`,
};
export const EXTERNAL_ACCOUNT = {
  type: 'external_account',
  audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k',
  subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  token_url: 'https://sts.googleapis.com/v1/token',
  credential_source: { file: '/var/run/token' },
};
export const SERVICE_PRINCIPAL = {
  ClientID: '11111111-2222-3333-4444-555555555555',
  ClientSecret: `${CANARY}~secret`,
  TenantID: '99999999-2222-3333-4444-555555555555',
};

/** Reads a Secret with these texts whose annotation lists `hosts`; undefined: it has no annotation. */
export function read(
  texts: Readonly<Record<string, string>>,
  hosts: string | undefined,
  type = 'Opaque',
): CredentialRead {
  const data = Object.fromEntries(
    Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
  );
  return readCredential({ type, data }, hosts === undefined ? {} : { [REGISTRIES_ANNOTATION]: hosts });
}

/** The credential in a valid Secret. */
export function credentialIn(texts: Readonly<Record<string, string>>, type?: string): PlatformCredential {
  const secret = read(texts, 'reg.example', type);
  if (secret.result !== 'Credential')
    throw new Error(`expected a credential, found ${JSON.stringify(secret)}`);
  return secret.credential;
}

export const keyFile = (document: object) => ({ 'key.json': JSON.stringify(document) });
