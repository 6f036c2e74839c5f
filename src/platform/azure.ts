import { SecretValue } from '../credential/index.ts';
import { jwtEnd } from './ends.ts';
import {
  type Exchange,
  type ExchangeReply,
  type ExchangeStep,
  FORM,
  readObject,
  refusal,
} from './exchange.ts';
import { off } from './handover.ts';
import type { Malformed, Platform, PlatformCredential } from './platform.ts';
import { field, malformed, type SecretContent, textIn } from './secret.ts';

const ACR = /^(?:[a-z0-9-]+\.)+azurecr\.(?<cloud>io|cn|us|de)$/;
/** learn.microsoft.com/entra/identity-platform/authentication-national-cloud. Germany's cloud has closed. */
const LOGIN_HOSTS: Readonly<Record<string, string>> = {
  io: 'login.microsoftonline.com',
  cn: 'login.partner.microsoftonline.cn',
  us: 'login.microsoftonline.us',
};
/** For registries and nothing else, unlike a token for Azure's management: learn.microsoft.com/azure/container-registry. */
const SCOPE = 'https://containerregistry.azure.net/.default';
const NO_USER = '00000000-0000-0000-0000-000000000000';
/** Without a tenant Trivy has no cloud identity to prefer. */
const AZURE_OFF = off('AZURE_TENANT_ID');

/** Azure Container Registry. */
export const azure: Platform = {
  name: 'Azure',
  owns: (host) => ACR.test(host),
  off: AZURE_OFF,
  readSecret: readServicePrincipal,
};

// As in the Azure SDK's environment, External Secrets (`ClientID`, `ClientSecret`), Flux (`clientId`), and what
// `az ad sp create-for-rbac` prints.
const APP_ID = new Set(['appid']);
const CLIENT_ID = new Set(['azureclientid', 'clientid', ...APP_ID]);
const CLIENT_SECRET = new Set(['azureclientsecret', 'clientsecret']);
/** Beside `appId` alone: elsewhere `password` means something else. */
const APP_SECRET = new Set([...CLIENT_SECRET, 'password']);
const TENANT_ID = new Set(['azuretenantid', 'tenantid', 'tenant']);

const GUID = /^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/;
const TENANT = /^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$/;

interface ServicePrincipal {
  readonly tenant: string | undefined;
  readonly clientId: string;
  readonly clientSecret: string;
}

function readServicePrincipal(secret: SecretContent): PlatformCredential | Malformed | undefined {
  const clientId = field(secret, CLIENT_ID);
  const isApp = field(secret, APP_ID).result !== 'Absent';
  const clientSecret = field(secret, isApp ? APP_SECRET : CLIENT_SECRET);
  const tenant = field(secret, TENANT_ID);
  if (clientId.result === 'Absent' && clientSecret.result === 'Absent') return undefined;
  const wrong = [clientId, clientSecret, tenant].find((each) => each.result === 'Malformed');
  if (wrong?.result === 'Malformed') return wrong;
  if (clientId.result !== 'Text' || clientSecret.result !== 'Text') return INCOMPLETE;
  const principal = { clientId: clientId.text, clientSecret: clientSecret.text, tenant: textIn(tenant) };
  return problemOf(principal) ?? servicePrincipal(principal);
}

function problemOf({ clientId, clientSecret, tenant }: ServicePrincipal): Malformed | undefined {
  if (!GUID.test(clientId)) {
    return malformed('expected the GUID of an application as client ID, found something else; copy it anew');
  }
  if (clientSecret === '') return malformed('expected a client secret, found an empty one; copy it anew');
  if (tenant === undefined || TENANT.test(tenant)) return undefined;
  return malformed('expected a GUID or a domain as tenant, found something else; copy it anew');
}

const INCOMPLETE = malformed(
  'expected the keys AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or ClientID and ClientSecret, found only one of the ' +
    'two; add the other',
);

/** Every ACR host takes it as user name and password, so Trivy is let in by that, also where it knows no ACR. */
function servicePrincipal(principal: ServicePrincipal): PlatformCredential {
  const { clientId, clientSecret, tenant } = principal;
  const login = {
    way: 'Login',
    credential: {
      kind: 'basic',
      username: new SecretValue(clientId),
      password: new SecretValue(clientSecret),
    },
  } as const;
  return {
    result: 'Credential',
    kind: 'platform',
    description: 'Azure service principal',
    identity: new SecretValue(JSON.stringify(['Azure', clientId, clientSecret, tenant])),
    ends: undefined,
    waysIn(host) {
      const loginHost = LOGIN_HOSTS[ACR.exec(host)?.groups?.['cloud'] ?? ''];
      if (loginHost === undefined || tenant === undefined) return { delivery: login, check: login };
      const exchange = entraExchange(loginHost, { ...principal, tenant }, host);
      return { delivery: login, check: { way: 'Exchange', exchange } };
    },
  };
}

/** learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow */
function entraExchange(
  loginHost: string,
  { tenant, clientId, clientSecret }: ServicePrincipal & { readonly tenant: string },
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
      tokenOf(reply, 'access_token', (token) => ({
        result: 'Next',
        exchange: acrExchange(registry, tenant, token),
      })),
  };
}

/** learn.microsoft.com/azure/container-registry/container-registry-authentication: gives a refresh token. */
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
      tokenOf(reply, 'refresh_token', (token) => ({
        result: 'Login',
        credential: {
          kind: 'identityToken',
          username: new SecretValue(NO_USER),
          token: new SecretValue(token),
        },
        ends: jwtEnd(token),
      })),
  };
}

function form(url: string, fields: Readonly<Record<string, string>>) {
  const body = new SecretValue(new URLSearchParams(fields).toString());
  return { url: new URL(url), headers: { 'content-type': FORM }, body };
}

function tokenOf(
  { status, body }: ExchangeReply,
  name: string,
  use: (token: string) => ExchangeStep,
): ExchangeStep {
  if (status !== 200) return refusal(status);
  const token = readObject(body)?.[name];
  return typeof token === 'string' && token !== '' ? use(token) : { result: 'BadReply' };
}
