import { isRecord, quoted, readObject } from '../text/index.ts';
import { REGISTRIES_ANNOTATION } from './registries-annotation.ts';
import { decodedText, exactField, keysByName, type SecretContent } from './secret-fields.ts';

/** Forms in which people keep a credential, but which are not read. */
type Form = 'DockerConfig' | 'GoogleKeyFile' | 'AzurePrincipal' | 'AwsKeys' | 'Login';

/** The types of Secrets for other purposes, whose keys Kubernetes defines. */
const OTHER_TYPES: ReadonlySet<string> = new Set([
  'kubernetes.io/service-account-token',
  'kubernetes.io/ssh-auth',
  'kubernetes.io/tls',
  'bootstrap.kubernetes.io/token',
]);

/** Limit on the keys that are examined. A Secret with a credential has a few keys. */
const MOST_EXAMINED = 16;

/**
 * How to make a Secret usable that has none of the keys that are read, but others in which people keep a credential. Names
 * the keys and no value.
 *
 * @param isAnnotated - whether the Secret has the annotation with its registries
 * @returns undefined: it has no such keys
 */
export function unsupportedHint(secret: SecretContent, isAnnotated: boolean): string | undefined {
  if (OTHER_TYPES.has(secret.type)) return undefined;
  const hint = hintByContent(secret) ?? hintByName(secret);
  if (hint === undefined || isAnnotated || hint.includes(REGISTRIES_ANNOTATION)) return hint;
  return `${hint}, and list its registries in the annotation ${REGISTRIES_ANNOTATION}`;
}

function hintByContent(secret: SecretContent): string | undefined {
  const keys = [...keysByName(secret).values().take(MOST_EXAMINED)].map(([key = '']) => key);
  for (const key of keys) {
    const value = exactField(secret, key);
    const form = value.result === 'Text' ? formOf(value.text) : undefined;
    if (form !== undefined) return HINTS[form](secret, [key]);
  }
  return undefined;
}

/** The form of a credential in a file; undefined: it is none of them. Recognizes a file that was encoded twice, too. */
export function formOf(text: string): Form | undefined {
  const inner = decodedText(text);
  return formIn(text) ?? (inner === undefined ? undefined : formIn(inner));
}

function formIn(text: string): Form | undefined {
  const document = readObject(text);
  return FORMS.find(({ isIn }) => isIn(text, document))?.form;
}

type JsonDocument = ReturnType<typeof readObject>;

const has = (document: JsonDocument, ...names: readonly string[]) =>
  document !== undefined && names.some((name) => typeof document[name] === 'string');

const GOOGLE_TYPES: ReadonlySet<unknown> = new Set([
  'service_account',
  'authorized_user',
  'external_account',
]);

/** In the order in which they are looked for. */
const FORMS: readonly {
  readonly form: Form;
  isIn(text: string, document: JsonDocument): boolean;
}[] = [
  {
    form: 'DockerConfig',
    isIn: (_, document) => ['auths', 'credHelpers'].some((name) => isRecord(document?.[name])),
  },
  { form: 'GoogleKeyFile', isIn: (_, document) => GOOGLE_TYPES.has(document?.['type']) },
  {
    // The output of `az ad sp create-for-rbac`, with and without --json-auth, azure.json of AKS, and files of variables.
    form: 'AzurePrincipal',
    isIn: (text, document) =>
      has(document, 'clientId', 'appId', 'aadClientId', 'AZURE_CLIENT_ID') ||
      /^(?:export )?AZURE_CLIENT_ID=/m.test(text),
  },
  {
    // A credentials file, files of variables, and the output of `aws sts` and `aws iam create-access-key`.
    form: 'AwsKeys',
    isIn: (text, document) =>
      [document, document?.['Credentials'], document?.['AccessKey']].some(
        (each) => isRecord(each) && has(each, 'AccessKeyId', 'aws_access_key_id', 'AWS_ACCESS_KEY_ID'),
      ) || /^(?:export )?aws_access_key_id[ \t]*=/im.test(text),
  },
  {
    form: 'Login',
    isIn: (_, document) => has(document, 'username') && has(document, 'password'),
  },
];

/** Patterns of names in lower case, without separators. A Secret matches a row if it has a key for each pattern. */
const ROWS: readonly (readonly [form: keyof typeof HINTS, ...names: RegExp[]])[] = [
  ['DockerConfig', /^(?:dockerconfigjson|configjson|dockerconfig|authjson)$/],
  ['DockerCfg', /^dockercfg$/],
  // The names of Terraform, AKS and Azure DevOps.
  [
    'AzurePrincipal',
    /^(?:(?:arm|aad)clientid|serviceprincipalid)$/,
    /^(?:(?:arm|aad)clientsecret|serviceprincipal(?:key|secret))$/,
  ],
  ['AzurePrincipal', /^(?:(?:azure|sp|principal|serviceprincipal)json|azurecredentials(?:json)?)$/],
  ['Login', /(?:username|user|login)$/, /(?:password|passwd|pass|token|^pat)$/],
  ['Login', /^(?:netrc|gitcredentials|auth|dockerauth|registryauth)$/],
  ['AwsKeys', /^(?:credentials|config|awscredentials|awsconfig|awssharedcredentialsfile|cloud)$/],
  ['Role', /rolearn$/],
  ['Token', /(?:password|token|apikey|^pat)$/],
];

/** The keys that say where a login belongs. They are not read, because the annotation says that. */
const SERVERS = ['proxyendpoint', 'registry', 'server', 'dockerserver', 'host', 'url'];

function hintByName(secret: SecretContent): string | undefined {
  const names = [...keysByName(secret).entries().take(MOST_EXAMINED)];
  for (const [form, ...patterns] of ROWS) {
    const keys = patterns.flatMap((pattern) => names.find(([name]) => pattern.test(name))?.[1][0] ?? []);
    if (keys.length === patterns.length) return HINTS[form](secret, keys);
  }
  return undefined;
}

type Hint = (secret: SecretContent, keys: readonly string[]) => string;

const HINTS: Readonly<Record<Form | 'DockerCfg' | 'Token' | 'Role', Hint>> = {
  DockerConfig: (secret, keys) =>
    wrongType(secret, keys, 'kubernetes.io/dockerconfigjson', '.dockerconfigjson'),
  DockerCfg: (secret, keys) => wrongType(secret, keys, 'kubernetes.io/dockercfg', '.dockercfg'),
  GoogleKeyFile: (_, keys) =>
    `expected the Google key file in the key key.json, found it in ${listed(keys)}; rename the key to key.json`,
  AzurePrincipal: (_, keys) =>
    'expected the service principal in the keys AZURE_CLIENT_ID, AZURE_CLIENT_SECRET and AZURE_TENANT_ID, found ' +
    `${listed(keys)} instead; store each value in its own key`,
  AwsKeys: (_, keys) =>
    'expected the keys AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for temporary credentials, AWS_SESSION_TOKEN, ' +
    `found ${listed(keys)} instead; store each value in its own key`,
  Role: (_, keys) =>
    `expected the keys AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, found only ${listed(keys)}; add the keys of a ` +
    'user that may pull, because the controller cannot assume an IAM role that a Secret names',
  Login: (secret, keys) =>
    'expected the keys username and password in a Secret of type kubernetes.io/basic-auth, found ' +
    `${listed(keys)} in a Secret of type ${quoted(secret.type)}${serverNote(secret)}; create it again with that type ` +
    'and those keys, or as a pull secret of type kubernetes.io/dockerconfigjson (in External Secrets, use a template)',
  Token: (_, keys) =>
    `expected a user name and a password, found only ${listed(keys)}; create a Secret of type ` +
    'kubernetes.io/basic-auth with the keys username and password (many registries accept any user name with a ' +
    'token), or a pull secret',
};

function wrongType(secret: SecretContent, keys: readonly string[], type: string, key: string): string {
  return (
    `expected the key ${key} in a Secret of type ${type}, found ${listed(keys)} in a Secret of type ` +
    `${quoted(secret.type)}; create it again with the type ${type} (the annotation ${REGISTRIES_ANNOTATION} does not ` +
    'help)'
  );
}

function serverNote(secret: SecretContent): string {
  const names = keysByName(secret);
  const [key] = SERVERS.flatMap((name) => names.get(name)?.[0] ?? []);
  return key === undefined ? '' : ` (the key ${quoted(key)} is not read)`;
}

function listed(keys: readonly string[]): string {
  return keys.length === 1
    ? `the key ${quoted(keys[0] ?? '')}`
    : `the keys ${keys.map(quoted).join(' and ')}`;
}
