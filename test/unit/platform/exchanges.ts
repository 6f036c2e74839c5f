import type { Exchange, ExchangeStep } from '../../../src/platform/exchange.ts';
import { credentialIn } from './credential-secrets.ts';

/** Time of the requests, in milliseconds since 1970. */
export const NOW = Date.parse('2026-11-24T03:30:00.250Z');

/** The exchange that provides a login for the check of a credential in a Secret with these texts. */
export function exchangeOf(texts: Readonly<Record<string, string>>, host: string): Exchange {
  const { check } = credentialIn(texts).accessTo(host);
  if (check.way !== 'Exchange') throw new Error(`expected an exchange, found ${check.way}`);
  return check.exchange;
}

/** The result of an exchange after a response with this body. */
export function answer(exchange: Exchange, body: unknown, status = 200): ExchangeStep {
  return exchange.read({ status, body: typeof body === 'string' ? body : JSON.stringify(body) }, NOW);
}

/** The plain values of a login, only for assertions. */
export function shown(step: ExchangeStep): unknown {
  if (step.result !== 'Login') return step.result;
  const { credential, expiresAt } = step;
  const secret = credential.kind === 'basic' ? credential.password : credential.token;
  return [credential.kind, secret.reveal(), expiresAt];
}
