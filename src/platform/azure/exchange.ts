import { SecretValue } from '../../credential/index.ts';
import { readObject } from '../../text/index.ts';
import { type Exchange, type ExchangeReply, type ExchangeStep, FORM, refusal } from '../exchange.ts';
import { jwtExpiration } from '../token-expiration.ts';

/** A token for registries only, not for the management of Azure: learn.microsoft.com/azure/container-registry. */
const SCOPE = 'https://containerregistry.azure.net/.default';

/** The user name that is used with a token: learn.microsoft.com/azure/container-registry/container-registry-authentication. */
export const ACR_TOKEN_USER = '00000000-0000-0000-0000-000000000000';

/** What Microsoft Entra ID needs to issue a token for an application. */
interface Application {
  readonly tenant: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

/**
 * Exchanges a service principal for a login of one registry:
 * learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow.
 *
 * @param loginHost - the host of Microsoft Entra ID in the registry's cloud
 */
export function entraExchange(
  loginHost: string,
  { tenant, clientId, clientSecret }: Application,
  registry: string,
): Exchange {
  return {
    request: () =>
      form(`https://${loginHost}/${tenant}/oauth2/v2.0/token`, {
        grant_type: 'client_credentials',
        client_id: clientId,
        client_secret: clientSecret,
        scope: SCOPE,
      }),
    read: (reply) =>
      tokenIn(reply, 'access_token', (token) => ({
        result: 'Next',
        exchange: acrExchange(registry, tenant, token),
      })),
  };
}

/** Returns a refresh token: learn.microsoft.com/azure/container-registry/container-registry-authentication. */
function acrExchange(registry: string, tenant: string, accessToken: string): Exchange {
  return {
    request: () =>
      form(`https://${registry}/oauth2/exchange`, {
        grant_type: 'access_token',
        service: registry,
        tenant,
        access_token: accessToken,
      }),
    read: (reply) =>
      tokenIn(reply, 'refresh_token', (token) => ({
        result: 'Login',
        credential: {
          kind: 'identityToken',
          username: new SecretValue(ACR_TOKEN_USER),
          token: new SecretValue(token),
        },
        expiresAt: jwtExpiration(token),
      })),
  };
}

function form(url: string, fields: Readonly<Record<string, string>>) {
  const body = new SecretValue(new URLSearchParams(fields).toString());
  return { url: new URL(url), headers: { 'content-type': FORM }, body };
}

function tokenIn(
  { status, body }: ExchangeReply,
  name: string,
  use: (token: string) => ExchangeStep,
): ExchangeStep {
  if (status !== 200) return refusal(status);
  const token = readObject(body)?.[name];
  return typeof token === 'string' && token !== '' ? use(token) : { result: 'BadReply' };
}
