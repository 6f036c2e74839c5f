import { SecretValue } from '../../credential/index.ts';
import {
  ENCODE_ONCE,
  field,
  isEncodedTwice,
  type Malformed,
  malformed,
  type SecretContent,
} from '../secret-fields.ts';
import { fromSeconds } from '../token-expiration.ts';

/** AWS keys. Temporary ones have a session token. */
export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: SecretValue;
  readonly sessionToken: SecretValue | undefined;
}

/** The AWS keys in a Secret, with the region and expiration if the Secret has them. */
export interface AwsSecret {
  readonly result: 'AwsSecret';
  readonly keys: AwsKeys;
  readonly region: string | undefined;
  /** In milliseconds since 1970. */
  readonly expiration: number | undefined;
}

// The names in the AWS SDK's environment and files, in External Secrets (`access-key`, `secret-access-key`,
// `session-token`), and in its STSSessionToken generator, which adds `expiration`.
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

/** The patterns exclude all characters that could begin a new line or a comment in the AWS SDK's credentials file. */
const SHAPES = {
  accessKeyId: { name: 'an access key ID', names: ACCESS_KEY_ID, form: /^[A-Za-z0-9_]{16,128}$/ },
  secretAccessKey: {
    name: 'a secret access key',
    names: SECRET_ACCESS_KEY,
    form: /^[A-Za-z0-9/+=]{16,128}$/,
  },
  sessionToken: { name: 'a session token', names: SESSION_TOKEN, form: /^[A-Za-z0-9/+=]{16,8192}$/ },
  region: { name: 'a region', names: REGION, form: /^[a-z]{2,8}(?:-[a-z]{2,12}){1,3}-[0-9]{1,2}$/ },
  expiration: { name: 'an expiration in seconds since 1970', names: EXPIRATION, form: /^[0-9]{1,12}$/ },
} as const satisfies Readonly<Record<string, Shape>>;

/** Reads the AWS keys in a Secret. `undefined`: the Secret has neither of the two keys. */
export function readAwsSecret(secret: SecretContent): AwsSecret | Malformed | undefined {
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
  return {
    result: 'AwsSecret',
    keys: {
      accessKeyId,
      secretAccessKey: new SecretValue(secretAccessKey),
      sessionToken: sessionToken === undefined ? undefined : new SecretValue(sessionToken),
    },
    region: found.get(SHAPES.region),
    expiration: fromSeconds(Number(found.get(SHAPES.expiration))),
  };
}

const INCOMPLETE = malformed(
  'expected the keys AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or access-key and secret-access-key, found only ' +
    'one of the two; add the missing key',
);

function read(secret: SecretContent, { name, names, form }: Shape): string | Malformed | undefined {
  const value = field(secret, names);
  if (value.result !== 'Text') return value.result === 'Absent' ? undefined : value;
  // The bytes of a real key are random, so they are no text of this form.
  if (isEncodedTwice(value.text, (inner) => form.test(inner)))
    return malformed(`expected ${name} as the value of its key, found ${ENCODE_ONCE}`);
  if (form.test(value.text)) return value.text;
  return malformed(`expected ${name} as the value of its key, found something else; correct the value`);
}
