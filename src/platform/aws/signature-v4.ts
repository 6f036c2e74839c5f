import { createHash, createHmac } from 'node:crypto';
import { SecretValue } from '../../credential/index.ts';
import type { AwsKeys } from './keys.ts';

/** A POST to the root of a service's endpoint. */
export interface SignableRequest {
  readonly host: string;
  readonly region: string;
  readonly service: string;
  /** By name in lower case. Without `host`, which is signed, too. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * The headers that sign a request: docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.
 * The session token is one of the signed headers. The result does not contain it, because it is a secret.
 *
 * @param now - milliseconds since 1970; AWS tolerates a difference of five minutes
 * @returns the value of `x-amz-date`, and that of `authorization`
 */
export function signV4(
  request: SignableRequest,
  keys: AwsKeys,
  now: number,
): { readonly date: string; readonly authorization: SecretValue } {
  const date = new Date(now).toISOString().replace(/[-:]|\.\d+/g, '');
  const token = keys.sessionToken && { 'x-amz-security-token': keys.sessionToken.reveal() };
  const headers = { ...request.headers, host: request.host, 'x-amz-date': date, ...token };
  const names = Object.keys(headers).sort();
  const lines = Object.entries(headers)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}:${value}\n`);
  const canonical = ['POST', '/', '', lines.join(''), names.join(';'), sha256(request.body)].join('\n');
  const scope = [date.slice(0, 8), request.region, request.service, 'aws4_request'];
  const signed = ['AWS4-HMAC-SHA256', date, scope.join('/'), sha256(canonical)].join('\n');
  const key = scope.reduce<string | Buffer>(hmac, `AWS4${keys.secretAccessKey.reveal()}`);
  const authorization =
    `AWS4-HMAC-SHA256 Credential=${keys.accessKeyId}/${scope.join('/')}, ` +
    `SignedHeaders=${names.join(';')}, Signature=${hmac(key, signed).toString('hex')}`;
  return { date, authorization: new SecretValue(authorization) };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
