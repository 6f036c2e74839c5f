import { SecretValue } from '../../credential/index.ts';
import type { PlatformCredential } from '../platform-credential.ts';
import {
  ENCODE_ONCE,
  field,
  isEncodedTwice,
  type Malformed,
  malformed,
  type SecretContent,
  textIn,
} from '../secret-fields.ts';
import { entraExchange } from './exchange.ts';
import { loginHostOf } from './hosts.ts';

// The names in the Azure SDK's environment, External Secrets (`ClientID`, `ClientSecret`), Flux (`clientId`), and the
// output of `az ad sp create-for-rbac`.
const APP_ID = new Set(['appid']);
const CLIENT_ID = new Set(['azureclientid', 'clientid', ...APP_ID]);
const CLIENT_SECRET = new Set(['azureclientsecret', 'clientsecret']);
/** Used only if the Secret has `appId`, because otherwise `password` means something else. */
const APP_SECRET = new Set([...CLIENT_SECRET, 'password']);
const TENANT_ID = new Set(['azuretenantid', 'tenantid', 'tenant']);

const GUID = /^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/;
const TENANT = /^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$/;

interface ServicePrincipal {
  readonly tenant: string | undefined;
  readonly clientId: string;
  readonly clientSecret: string;
}

/** Reads the service principal in a Secret. `undefined`: the Secret has neither a client ID nor a client secret. */
export function readServicePrincipal(secret: SecretContent): PlatformCredential | Malformed | undefined {
  const clientId = field(secret, CLIENT_ID);
  const isApp = field(secret, APP_ID).result !== 'Absent';
  const clientSecret = field(secret, isApp ? APP_SECRET : CLIENT_SECRET);
  const tenant = field(secret, TENANT_ID);
  if (clientId.result === 'Absent' && clientSecret.result === 'Absent') return undefined;
  const wrong = [clientId, clientSecret, tenant].find((each) => each.result === 'Malformed');
  if (wrong?.result === 'Malformed') return wrong;
  if (clientId.result !== 'Text' || clientSecret.result !== 'Text') return INCOMPLETE;
  const principal = { clientId: clientId.text, clientSecret: clientSecret.text, tenant: textIn(tenant) };
  return problemOf(principal) ?? credentialOf(principal);
}

function problemOf({ clientId, clientSecret, tenant }: ServicePrincipal): Malformed | undefined {
  if (!GUID.test(clientId)) {
    if (isEncodedTwice(clientId, (inner) => GUID.test(inner)))
      return malformed(`expected the GUID of an application as client ID, found ${ENCODE_ONCE}`);
    return malformed(
      'expected the GUID of an application as client ID, found something else; correct the client ID',
    );
  }
  if (clientSecret === '')
    return malformed('expected a client secret, found an empty one; correct the client secret');
  if (tenant === undefined || TENANT.test(tenant)) return undefined;
  return malformed('expected a GUID or a domain as tenant, found something else; correct the tenant');
}

const INCOMPLETE = malformed(
  'expected the keys AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or ClientID and ClientSecret, found only one of the ' +
    'two; add the missing key',
);

/**
 * Trivy gets the service principal as user name and password, because every ACR host accepts that, even one that Trivy
 * does not know.
 */
function credentialOf(principal: ServicePrincipal): PlatformCredential {
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
    expires: undefined,
    login: login.credential,
    accessTo(host) {
      const loginHost = loginHostOf(host);
      if (loginHost === undefined || tenant === undefined) return { delivery: login, check: login };
      // The registry's own name is in lower case, and letter case does not matter in DNS.
      const exchange = entraExchange(loginHost, { ...principal, tenant }, host.toLowerCase());
      return { delivery: login, check: { way: 'Exchange', exchange } };
    },
  };
}
