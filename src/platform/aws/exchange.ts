import { decodeBase64, SecretValue } from '../../credential/index.ts';
import { isRecord, readObject } from '../../text/index.ts';
import { type Exchange, type ExchangeStep, refusal } from '../exchange.ts';
import { fromSeconds, jwtExpirationOf } from '../token-expiration.ts';
import type { Endpoint } from './ecr.ts';
import { expirationOfEcrLogin } from './ecr-login.ts';
import type { AwsKeys } from './keys.ts';
import { signV4 } from './signature-v4.ts';

/**
 * Exchanges AWS keys for a login of ECR:
 * docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html.
 */
export function tokenExchange({ host, region, service, target }: Endpoint, keys: AwsKeys): Exchange {
  return {
    request(now) {
      const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': target };
      const { date, authorization } = signV4({ host, region, service, headers, body: '{}' }, keys, now);
      const token = keys.sessionToken && { 'x-amz-security-token': keys.sessionToken.reveal() };
      return {
        url: new URL(`https://${host}/`),
        headers: { ...headers, 'x-amz-date': date, ...token },
        authorization,
        body: new SecretValue('{}'),
      };
    },
    read: ({ status, body }) => (status === 200 ? readToken(body) : readError(status, body)),
  };
}

/** ECR returns a list of authorization data, and ECR Public a single object. */
function readToken(body: string): ExchangeStep {
  const found = readObject(body)?.['authorizationData'];
  const [data]: readonly unknown[] = Array.isArray(found) ? found : [found];
  const token = isRecord(data) ? data['authorizationToken'] : undefined;
  const pair = typeof token === 'string' ? decodeBase64(token)?.toString() : undefined;
  const colon = pair?.indexOf(':') ?? -1;
  if (!isRecord(data) || pair === undefined || colon < 1) return { result: 'BadReply' };
  const expiration = fromSeconds(data['expiresAt']);
  if (expiration === undefined && typeof data['expiresAt'] === 'number') return { result: 'BadReply' };
  const credential = {
    kind: 'basic',
    username: new SecretValue(pair.slice(0, colon)),
    password: new SecretValue(pair.slice(colon + 1)),
  } as const;
  const expiresAt = expiration ?? expirationOfEcrLogin(credential) ?? jwtExpirationOf(credential);
  return { result: 'Login', credential, expiresAt };
}

function readError(status: number, body: string): ExchangeStep {
  const type = readObject(body)?.['__type'];
  return typeof type === 'string' && /(?:^|#)Throttling/.test(type) ? { result: 'Busy' } : refusal(status);
}
