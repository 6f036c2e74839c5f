import { decodeBase64, SecretValue } from '../credential/index.ts';
import { endOfLogin, seconds } from './ends.ts';
import { type Exchange, type ExchangeStep, isObject, readObject, refusal } from './exchange.ts';
import { handOverFile, off } from './handover.ts';
import type { Malformed, Platform, PlatformCredential, WaysIn } from './platform.ts';
import { field, malformed, type SecretContent } from './secret.ts';
import { type AwsKeys, signV4 } from './signature-v4.ts';

/** By IPv4 alone, and by dual-stack. */
const PUBLIC: ReadonlySet<string> = new Set(['public.ecr.aws', 'ecr-public.aws.com']);
/**
 * Where the API of each of AWS's partitions is, where its registries are by dual-stack, and how its regions begin; the
 * last has all other regions, GovCloud's too: docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
 */
const PARTITIONS = [
  { api: 'amazonaws.com.cn', dualStack: 'on.amazonwebservices.com.cn', regions: 'cn-' },
  { api: 'amazonaws.eu', dualStack: 'on.amazonwebservices.eu', regions: 'eusc-' },
  { api: 'c2s.ic.gov', dualStack: 'on.aws.ic.gov', regions: 'us-iso-' },
  { api: 'sc2s.sgov.gov', dualStack: 'on.aws.scloud', regions: 'us-isob-' },
  { api: 'cloud.adc-e.uk', dualStack: 'on.cloud-aws.adc-e.uk', regions: 'eu-isoe-' },
  { api: 'csp.hci.ic.gov', dualStack: 'on.aws.hci.ic.gov', regions: 'us-isof-' },
  { api: 'amazonaws.com', dualStack: 'on.aws', regions: '' },
] as const;
const DOMAINS = PARTITIONS.flatMap(({ api, dualStack }) => [api, dualStack]).map(RegExp.escape);
/** At least what the ECR credential helper, the kubelet's ecr-credential-provider and Flux take for ECR, also with FIPS. */
const ECR = new RegExp(
  `^[A-Za-z0-9][\\w-]*\\.dkr[.-]ecr(?<fips>-fips)?\\.(?<region>[a-z0-9-]+)\\.(?<domain>${DOMAINS.join('|')})$`,
);
/** For which of them Trivy asks ECR for a token: pkg/fanal/image/registry/ecr in Trivy 0.74.0. */
const TRIVY_KNOWS =
  /^[^.]+\.dkr[.-]ecr(?:-fips)?\.[^.]+\.(?:amazonaws\.com(?:\.cn)?|sc2s\.sgov\.gov|c2s\.ic\.gov|on\.aws)$/;

/** Trivy would ask the AWS SDK's chain before the Docker config file. The empty ones are unset to the SDK. */
const SDK_OFF = [
  ...off(
    'AWS_ACCESS_KEY_ID',
    'AWS_ACCESS_KEY',
    'AWS_SECRET_ACCESS_KEY',
    'AWS_SECRET_KEY',
    'AWS_SESSION_TOKEN',
    'AWS_PROFILE',
    'AWS_DEFAULT_PROFILE',
    'AWS_CONFIG_FILE',
    'AWS_SHARED_CREDENTIALS_FILE',
    'AWS_ROLE_ARN',
    'AWS_WEB_IDENTITY_TOKEN_FILE',
    'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
    'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  ),
  { name: 'AWS_EC2_METADATA_DISABLED', value: 'true' },
];

/** Amazon ECR, private and public. */
export const aws: Platform = {
  name: 'AWS',
  owns: (host) => PUBLIC.has(host) || ECR.test(host),
  off: SDK_OFF,
  readSecret: readKeys,
};

// As in the AWS SDK's environment and files, in External Secrets (`access-key`, `secret-access-key`, `session-token`),
// and what its STSSessionToken generator writes, which adds `expiration`.
const ACCESS_KEY_ID = new Set(['awsaccesskeyid', 'accesskeyid', 'accesskey']);
const SECRET_ACCESS_KEY = new Set(['awssecretaccesskey', 'secretaccesskey', 'secretkey']);
const SESSION_TOKEN = new Set(['awssessiontoken', 'sessiontoken']);
const REGION = new Set(['awsregion', 'awsdefaultregion', 'region']);
const EXPIRATION = new Set(['expiration']);

interface Shape {
  readonly name: string;
  readonly names: ReadonlySet<string>;
  readonly form: RegExp;
}

/** Nothing that could begin another line, or a comment, in the SDK's file. */
const SHAPES = {
  accessKeyId: { name: 'an access key ID', names: ACCESS_KEY_ID, form: /^[A-Za-z0-9_]{16,128}$/ },
  secretAccessKey: {
    name: 'a secret access key',
    names: SECRET_ACCESS_KEY,
    form: /^[A-Za-z0-9/+=]{16,128}$/,
  },
  sessionToken: { name: 'a session token', names: SESSION_TOKEN, form: /^[A-Za-z0-9/+=]{16,8192}$/ },
  region: { name: 'a region', names: REGION, form: /^[a-z]{2,8}(?:-[a-z]{2,12}){1,3}-[0-9]{1,2}$/ },
  expiration: { name: 'seconds since 1970', names: EXPIRATION, form: /^[0-9]{1,12}$/ },
} as const satisfies Readonly<Record<string, Shape>>;

function readKeys(secret: SecretContent): PlatformCredential | Malformed | undefined {
  const both = [ACCESS_KEY_ID, SECRET_ACCESS_KEY].map((names) => field(secret, names).result);
  if (both.every((result) => result === 'Absent')) return undefined;
  const found = new Map<Shape, string>();
  for (const shape of Object.values(SHAPES)) {
    const value = read(secret, shape);
    if (typeof value === 'object') return value;
    if (value !== undefined) found.set(shape, value);
  }
  const [accessKeyId, secretAccessKey] = [found.get(SHAPES.accessKeyId), found.get(SHAPES.secretAccessKey)];
  if (accessKeyId === undefined || secretAccessKey === undefined) return INCOMPLETE;
  const sessionToken = found.get(SHAPES.sessionToken);
  const keys: AwsKeys = {
    accessKeyId,
    secretAccessKey: new SecretValue(secretAccessKey),
    sessionToken: sessionToken === undefined ? undefined : new SecretValue(sessionToken),
  };
  const region = found.get(SHAPES.region);
  return {
    result: 'Credential',
    kind: 'platform',
    description: keys.sessionToken === undefined ? 'AWS keys' : 'temporary AWS keys',
    identity: new SecretValue(JSON.stringify(['AWS', accessKeyId, secretAccessKey, sessionToken, region])),
    ends: seconds(Number(found.get(SHAPES.expiration))),
    waysIn: (host) => waysIn(host, keys, region),
  };
}

const INCOMPLETE = malformed(
  'expected the keys AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or access-key and secret-access-key, found only ' +
    'one of the two; add the other',
);

function read(secret: SecretContent, { name, names, form }: Shape): string | Malformed | undefined {
  const value = field(secret, names);
  if (value.result !== 'Text') return value.result === 'Absent' ? undefined : value;
  if (form.test(value.text)) return value.text;
  return malformed(`expected ${name} in the key of that name, found something else; copy it anew`);
}

function waysIn(host: string, keys: AwsKeys, region: string | undefined): WaysIn {
  const endpoint = endpointOf(host, region);
  if (endpoint === undefined) {
    const message =
      "expected to know the AWS region of a registry that is not under one of ECR's own names, found no key " +
      '"region" beside the AWS keys; add it';
    return { delivery: { way: 'None', message }, check: { way: 'NotCheckable', message } };
  }
  const check = { way: 'Exchange', exchange: tokenExchange(endpoint, keys) } as const;
  return {
    check,
    delivery: TRIVY_KNOWS.test(host) ? { way: 'Files', handover: credentialsFile(keys) } : check,
  };
}

/** docs.aws.amazon.com/sdkref/latest/guide/file-format.html */
function credentialsFile({ accessKeyId, secretAccessKey, sessionToken }: AwsKeys) {
  const lines = [
    '[default]',
    `aws_access_key_id = ${accessKeyId}`,
    `aws_secret_access_key = ${secretAccessKey.reveal()}`,
    ...(sessionToken === undefined ? [] : [`aws_session_token = ${sessionToken.reveal()}`]),
  ];
  const content = new SecretValue(`${lines.join('\n')}\n`);
  return handOverFile('AWS_SHARED_CREDENTIALS_FILE', 'aws-credentials', content, SDK_OFF);
}

interface Endpoint {
  readonly host: string;
  readonly region: string;
  readonly service: 'ecr' | 'ecr-public';
  readonly target: string;
}

const ECR_TARGET = 'AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken';

/** docs.aws.amazon.com/general/latest/gr/ecr.html, /ecr-public.html: the latter is in one region alone. */
function endpointOf(host: string, region: string | undefined): Endpoint | undefined {
  if (PUBLIC.has(host)) {
    const target = 'SpencerFrontendService.GetAuthorizationToken';
    return {
      host: 'api.ecr-public.us-east-1.amazonaws.com',
      region: 'us-east-1',
      service: 'ecr-public',
      target,
    };
  }
  const parts = ECR.exec(host)?.groups;
  const place = parts?.['region'] ?? region;
  if (place === undefined) return undefined;
  const service = parts?.['fips'] === undefined ? 'api.ecr' : 'ecr-fips';
  const api = `${service}.${place}.${apiDomain(place, parts?.['domain'])}`;
  return { host: api, region: place, service: 'ecr', target: ECR_TARGET };
}

/** Of the partition that a registry's domain belongs to; where the registry has a name of its own, of that of the region. */
function apiDomain(region: string, domain: string | undefined): string {
  const partition = PARTITIONS.find(({ api, dualStack, regions }) =>
    domain === undefined ? region.startsWith(regions) : domain === api || domain === dualStack,
  );
  return partition?.api ?? 'amazonaws.com';
}

/** docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html */
function tokenExchange({ host, region, service, target }: Endpoint, keys: AwsKeys): Exchange {
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

/** ECR gives a list, ECR Public one. */
function readToken(body: string): ExchangeStep {
  const found = readObject(body)?.['authorizationData'];
  const [data]: readonly unknown[] = Array.isArray(found) ? found : [found];
  const token = isObject(data) ? data['authorizationToken'] : undefined;
  const pair = typeof token === 'string' ? decodeBase64(token)?.toString() : undefined;
  const colon = pair?.indexOf(':') ?? -1;
  if (!isObject(data) || pair === undefined || colon < 1) return { result: 'BadReply' };
  const ends = seconds(data['expiresAt']);
  if (ends === undefined && typeof data['expiresAt'] === 'number') return { result: 'BadReply' };
  const credential = {
    kind: 'basic',
    username: new SecretValue(pair.slice(0, colon)),
    password: new SecretValue(pair.slice(colon + 1)),
  } as const;
  return { result: 'Login', credential, ends: ends ?? endOfLogin(credential) };
}

function readError(status: number, body: string): ExchangeStep {
  const type = readObject(body)?.['__type'];
  return typeof type === 'string' && /(?:^|#)Throttling/.test(type) ? { result: 'Busy' } : refusal(status);
}
