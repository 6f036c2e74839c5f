import type { LoginAnswer, RegistryAnswer } from '../../answer/index.ts';
import type { Credential } from '../../credential/index.ts';
import { type Exchange, SigningError } from '../../platform/index.ts';
import {
  type CheckContext,
  Connections,
  INTERNAL_ERROR,
  type Reply,
  retryAt,
  Settled,
  unreachable,
} from '../http/index.ts';
import { MAX_TOKEN } from './token.ts';

/** The longest exchange of any cloud has two steps. More would be a loop. */
const MOST_STEPS = 2;

/**
 * Requests a login from a cloud, bounded in time and size like every check (docs/adr/0007). Follows no redirect. The cloud
 * fixes the endpoints, so they may have private addresses, such as those of AWS within a VPC. Never rejects, because an
 * unexpected error becomes `InternalError`.
 *
 * @param namespace - the namespace whose share of the DNS look-ups it uses
 */
export async function exchangeLogin(
  exchange: Exchange,
  context: CheckContext,
  namespace: string,
): Promise<LoginAnswer> {
  try {
    using connections = new Connections(context, namespace);
    return await converse(exchange, context, connections);
  } catch (error) {
    if (error instanceof Settled && isLoginAnswer(error.answer)) return error.answer;
    if (error instanceof SigningError) return SIGNING_FAILED;
    context.onError(error);
    return INTERNAL_LOGIN_ERROR;
  }
}

/** The result of an exchange after an unexpected error. */
export const INTERNAL_LOGIN_ERROR = { ...INTERNAL_ERROR, at: 'token' } as const satisfies LoginAnswer;
const SIGNING_FAILED = { ...INTERNAL_LOGIN_ERROR, why: 'SigningFailed' } as const satisfies LoginAnswer;

async function converse(
  exchange: Exchange,
  context: CheckContext,
  connections: Connections,
): Promise<LoginAnswer> {
  let next = exchange;
  for (let steps = 0; steps < MOST_STEPS; steps += 1) {
    const reply = await send(next, connections);
    const step = next.read(reply, Date.now());
    switch (step.result) {
      case 'Login':
        return isShort(step.credential) ? step : failure(reply, context);
      case 'Next':
        next = step.exchange;
        break;
      case 'Busy':
        return busy(reply, context);
      case 'Refused':
        return { result: 'Denied', httpCode: reply.status, at: 'token' };
      case 'BadReply':
        return failure(reply, context);
    }
  }
  throw unreachable('BadToken', 'token');
}

async function send(exchange: Exchange, connections: Connections): Promise<Reply> {
  const { url, headers, authorization, body } = exchange.request(Date.now());
  const signed = authorization === undefined ? {} : { authorization: authorization.reveal() };
  return connections.send({
    kind: 'token',
    party: 'registry',
    method: 'POST',
    url,
    headers: { accept: 'application/json', ...headers, ...signed },
    body: body.reveal(),
    reads: () => true,
  });
}

function failure(reply: Reply, context: CheckContext): LoginAnswer {
  const { status, headers } = reply;
  if (status === 429 || (status === 503 && headers['retry-after'] !== undefined)) return busy(reply, context);
  if (status === 200) throw unreachable('BadToken', 'token');
  if (status >= 300 && status < 400) throw unreachable('RedirectRefused', 'token', status);
  throw unreachable(status >= 500 ? 'ServerError' : 'UnexpectedStatus', 'token', status);
}

/** Whether the secret is short enough. No registry accepts a longer one. */
function isShort(credential: Credential): boolean {
  const secret = credential.kind === 'basic' ? credential.password : credential.token;
  return secret.reveal().length <= MAX_TOKEN;
}

function busy({ headers }: Reply, { settings }: CheckContext): LoginAnswer {
  const until = retryAt(headers['retry-after']?.[0], Date.now(), settings);
  return { result: 'RateLimited', until, at: 'token' };
}

function isLoginAnswer(answer: RegistryAnswer): answer is Exclude<LoginAnswer, { readonly result: 'Login' }> {
  return answer.result === 'Denied' || answer.result === 'RateLimited' || answer.result === 'Unreachable';
}
