import { SecretValue } from '../../credential/index.ts';
import { isRecord } from '../../text/index.ts';
import type { PlatformCredential } from '../platform-credential.ts';
import { type Malformed, malformed } from '../secret-fields.ts';
import { trivyOnlyCredential } from './credential.ts';
import { type Document, missingFields, texts, unexpectedEndpoint } from './document.ts';

const STS_URL = 'https://sts.googleapis.com/v1/token';
const IMPERSONATION_URL =
  /^https:\/\/iamcredentials\.googleapis\.com\/v1\/projects\/-\/serviceAccounts\/[\w.@-]+:generateAccessToken$/;

/**
 * Reads the key file of a workload identity: google.aip.dev/auth/4117. Accepts only a key file that reads the token of the
 * external identity from a file, because only the scan's pod can have such a file.
 */
export function readExternalAccount(document: Document): PlatformCredential | Malformed {
  if (document['token_url'] !== STS_URL) return unexpectedEndpoint('token_url', STS_URL);
  const impersonated = document['service_account_impersonation_url'];
  if (
    impersonated !== undefined &&
    !(typeof impersonated === 'string' && IMPERSONATION_URL.test(impersonated))
  ) {
    return unexpectedEndpoint(
      'service_account_impersonation_url',
      'https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/…',
    );
  }
  const account = texts(document, ['audience', 'subject_token_type']);
  if (account === undefined) return missingFields('audience and subject_token_type');
  const source = fileSource(document['credential_source']);
  if (source === undefined) {
    return malformed(
      'expected a credential_source with a file (and no url, executable or environment_id) in the Google key file, ' +
        'found something else; configure it to read a projected service account token',
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
  return trivyOnlyCredential('key file of a Google workload identity', content);
}

function fileSource(source: unknown): Document | undefined {
  if (!isRecord(source) || typeof source['file'] !== 'string') return undefined;
  if (['url', 'executable', 'environment_id', 'certificate'].some((name) => source[name] !== undefined))
    return undefined;
  const { file, format } = source;
  if (format === undefined) return { file };
  const form = isRecord(format) ? texts(format, ['type']) : undefined;
  if (form === undefined || !isRecord(format)) return undefined;
  return { file, format: { ...form, ...texts(format, ['subject_token_field_name']) } };
}
