/**
 * The clouds' registries and services, as far as a pull needs them, on loopback. `hack/testenv/cloud.ts` serves them
 * under their real names. They are stand-ins, because tests cannot reach the real ones. They verify signatures and
 * assertions as the real ones do.
 */
import { generateKeyPairSync, verify } from 'node:crypto';
import type { CloudAnswer, CloudRequest, Site } from '../../hack/testenv/cloud.ts';
import { SecretValue } from '../../src/credential/secret-value.ts';
import { signV4 } from '../../src/platform/aws/signature-v4.ts';

export const ECR = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';
export const ECR_API = 'api.ecr.eu-central-1.amazonaws.com';
export const ECR_PUBLIC = 'public.ecr.aws';
export const ECR_PUBLIC_API = 'api.ecr-public.us-east-1.amazonaws.com';
export const GAR = 'europe-docker.pkg.dev';
export const GAR_REGIONAL = 'docker.europe-west3.rep.pkg.dev';
export const ACR = 'acme.azurecr.io';
export const ACR_US = 'acme.azurecr.us';
export const HUB = 'index.docker.io';
export const OTHER = 'registry.acme.example';
/** The dual-stack host of ECR Public. */
export const ECR_PUBLIC_DUAL = 'ecr-public.aws.com';
/** Registries of clouds under custom host names. */
export const OWN = { ecr: 'ecr.acme.example', gar: 'gar.acme.example', acr: 'acr.acme.example' };
/** The registry of Trivy's database, which must never receive a credential. */
export const DB = 'db.acme.example';

export const KEYS = {
  AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'canary/SecretAccessKey+0123456789abcdef',
};
export const SESSION = { ...KEYS, AWS_SESSION_TOKEN: 'canarySessionToken/0123456789abcdef==' };
export const ECR_PASSWORD = Buffer.from('{"payload":"canary","expiration":4102444800}').toString('base64');
export const PASSWORD = 'canary: "password", pässword';
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const SERVICE_ACCOUNT = {
  type: 'service_account',
  project_id: 'acme',
  private_key_id: 'canary-key-id',
  private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  client_email: 'puller@acme.iam.gserviceaccount.com',
  token_uri: 'https://oauth2.googleapis.com/token',
};
export const AUTHORIZED_USER = {
  type: 'authorized_user',
  client_id: 'app',
  client_secret: 'canary-app',
  refresh_token: 'canary-refresh',
};
export const GOOGLE_TOKEN = 'canary-google-access-token';
export const SUBJECT_TOKEN = 'canary-subject-token';
export const PRINCIPAL = {
  AZURE_TENANT_ID: '99999999-2222-3333-4444-555555555555',
  AZURE_CLIENT_ID: '11111111-2222-3333-4444-555555555555',
  AZURE_CLIENT_SECRET: 'canary~client~secret',
};
export const NO_USER = '00000000-0000-0000-0000-000000000000';
export const ACR_REFRESH_TOKEN = 'canary-acr-refresh-token';
const ACR_ACCESS_TOKEN = 'canary-acr-access-token';
const ENTRA_TOKEN = 'canary-entra-token';

/** A registry that accepts some logins with Basic authentication, as ECR, Artifact Registry and others do. */
function registryFor(accepts: (username: string, password: string) => boolean): Site {
  const challenge = { status: 401, headers: { 'www-authenticate': 'Basic realm="test"' } };
  return ({ login }) =>
    login !== undefined && accepts(login.username, login.password)
      ? 'Registry'
      : { ...challenge, body: REFUSED };
}
const REFUSED = { errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] };

/** The stand-in for GetAuthorizationToken. */
function ecrApi(host: string, region: string, service: string): Site {
  return (request) => {
    const token = request.headers['x-amz-security-token'];
    const known = token === undefined || token === SESSION.AWS_SESSION_TOKEN;
    if (!known || request.headers['authorization'] !== signatureOf(request, { host, region, service })) {
      return { status: 400, body: { __type: 'InvalidSignatureException' } };
    }
    const authorizationToken = Buffer.from(`AWS:${ECR_PASSWORD}`).toString('base64');
    const data = { authorizationToken, expiresAt: 4_102_444_800, proxyEndpoint: `https://${ECR}` };
    return { status: 200, body: { authorizationData: service === 'ecr' ? [data] : data } };
  };
}

const SIGNED_APART: readonly string[] = ['host', 'x-amz-date', 'x-amz-security-token'];

/** The expected `authorization`: the same request, signed with the known keys. */
function signatureOf(
  { headers, body }: CloudRequest,
  place: { readonly host: string; readonly region: string; readonly service: string },
): string {
  const { authorization = '', 'x-amz-date': date = '', 'x-amz-security-token': token } = headers;
  const names = /SignedHeaders=([^,]+)/.exec(authorization)?.[1]?.split(';') ?? [];
  const others = names.filter((name) => !SIGNED_APART.includes(name));
  const signed = Object.fromEntries(others.map((name) => [name, headers[name] ?? '']));
  const keys = {
    accessKeyId: KEYS.AWS_ACCESS_KEY_ID,
    secretAccessKey: new SecretValue(KEYS.AWS_SECRET_ACCESS_KEY),
    sessionToken: token === undefined ? undefined : new SecretValue(token),
  };
  const now = Date.parse(date.replace(/^(....)(..)(..T..)(..)/, '$1-$2-$3:$4:'));
  return signV4({ ...place, headers: signed, body }, keys, now).authorization.reveal();
}

function isSigned(token: string): boolean {
  const [head = '', claims = '', signature = ''] = token.split('.');
  return verify('sha256', Buffer.from(`${head}.${claims}`), publicKey, Buffer.from(signature, 'base64url'));
}

function acceptsGoogle(username: string, password: string): boolean {
  if (username === '_json_key') return JSON.parse(password).private_key === SERVICE_ACCOUNT.private_key;
  if (password === GOOGLE_TOKEN)
    return username === 'oauth2accesstoken' || /^_dcgcr_.*_token$/.test(username);
  return /^_dcgcr_.*_token$/.test(username) && isSigned(password);
}

const googleTokens: Site = ({ body }) => {
  const form = new URLSearchParams(body);
  const signed = isSigned(form.get('assertion') ?? '');
  const user = form.get('refresh_token') === AUTHORIZED_USER.refresh_token;
  return signed || user ? googleToken() : { status: 400, body: { error: 'invalid_grant' } };
};
const sts: Site = ({ body }) =>
  new URLSearchParams(body).get('subject_token') === SUBJECT_TOKEN ? googleToken() : { status: 400 };

function googleToken(): CloudAnswer {
  const issued = { issued_token_type: 'urn:ietf:params:oauth:token-type:access_token', token_type: 'Bearer' };
  return { status: 200, body: { access_token: GOOGLE_TOKEN, expires_in: 3_599, ...issued } };
}

const entra: Site = ({ body, url }) => {
  const form = new URLSearchParams(body);
  const known =
    url.pathname === `/${PRINCIPAL.AZURE_TENANT_ID}/oauth2/v2.0/token` &&
    form.get('client_secret') === PRINCIPAL.AZURE_CLIENT_SECRET;
  return known ? { status: 200, body: { access_token: ENTRA_TOKEN } } : { status: 401 };
};

/** As ACR does: a Bearer challenge, and tokens for a login, for a refresh token, and for a token of Entra. */
const acr: Site = (request) => {
  const { url, headers, host } = request;
  if (url.pathname === '/oauth2/exchange') {
    const known = new URLSearchParams(request.body).get('access_token') === ENTRA_TOKEN;
    return known ? { status: 200, body: { refresh_token: ACR_REFRESH_TOKEN } } : { status: 401 };
  }
  if (url.pathname === '/oauth2/token') {
    return mayHaveToken(request)
      ? { status: 200, body: { access_token: ACR_ACCESS_TOKEN } }
      : { status: 401 };
  }
  if (headers['authorization'] === `Bearer ${ACR_ACCESS_TOKEN}`) return 'Registry';
  const challenge = `Bearer realm="https://${host}/oauth2/token",service="${host}"`;
  return { status: 401, headers: { 'www-authenticate': challenge }, body: REFUSED };
};

function mayHaveToken({ login, body }: CloudRequest): boolean {
  const { username, password } = login ?? {};
  return (
    (username === PRINCIPAL.AZURE_CLIENT_ID && password === PRINCIPAL.AZURE_CLIENT_SECRET) ||
    (username === NO_USER && password === ACR_REFRESH_TOKEN) ||
    new URLSearchParams(body).get('refresh_token') === ACR_REFRESH_TOKEN
  );
}

const login = registryFor((username, password) => username === 'puller' && password === PASSWORD);
const ecr = registryFor((username, password) => username === 'AWS' && password === ECR_PASSWORD);
export const SITES: Readonly<Record<string, Site>> = {
  [HUB]: login,
  // The host from which all clients but Trivy pull the images of Docker Hub.
  'registry-1.docker.io': login,
  [OTHER]: login,
  [ECR]: ecr,
  [ECR_PUBLIC]: ecr,
  [ECR_PUBLIC_DUAL]: ecr,
  [OWN.ecr]: ecr,
  [ECR_API]: ecrApi(ECR_API, 'eu-central-1', 'ecr'),
  [ECR_PUBLIC_API]: ecrApi(ECR_PUBLIC_API, 'us-east-1', 'ecr-public'),
  [GAR]: registryFor(acceptsGoogle),
  [GAR_REGIONAL]: registryFor(acceptsGoogle),
  [OWN.gar]: registryFor(acceptsGoogle),
  'oauth2.googleapis.com': googleTokens,
  'sts.googleapis.com': sts,
  [ACR]: acr,
  [ACR_US]: acr,
  [OWN.acr]: acr,
  'login.microsoftonline.com': entra,
  'login.microsoftonline.us': entra,
  [DB]: () => ({ status: 401, headers: { 'www-authenticate': 'Basic realm="test"' }, body: REFUSED }),
};
