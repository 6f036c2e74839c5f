import { quoted } from '../text/index.ts';
import { decodeBase64, isEncoded } from './base64.ts';
import { type DockerConfigEntries, parseAuths } from './docker-config.ts';
import {
  described,
  fields,
  type Json,
  type JsonObject,
  MOST_TOKENS,
  type NotJson,
  readJson,
} from './json.ts';
import { CRED_HELPERS, CREDS_STORE, readTrivyFile, type TrivyFile } from './trivy-file.ts';

/** The content of a pull secret, or why it cannot be read. No message contains a value of the secret. */
export type PullSecretContent =
  | ({ readonly result: 'Entries'; readonly trivyFile: TrivyFile } & DockerConfigEntries)
  | { readonly result: 'Malformed'; readonly message: string };

/**
 * Limit on a decoded Docker configuration. Most have less than 20 KiB. `kubectl apply` rejects an object whose
 * last-applied annotation would be longer than this.
 */
const LARGEST_KIB = 256;
/** Limit for one Secret, so that the 16 Secrets of a binding have at most 4,096 entries. */
const MOST_ENTRIES = 256;

const LONGEST_BASE64 = 4 * Math.ceil((LARGEST_KIB * 1024) / 3);

interface Format {
  /** The key of the Secret's data. */
  readonly key: string;
  readonly read: (config: JsonObject, key: string) => PullSecretContent;
}

/** By the Secret's type: https://kubernetes.io/docs/concepts/configuration/secret/#docker-config-secrets */
const FORMATS = {
  'kubernetes.io/dockerconfigjson': { key: '.dockerconfigjson', read: readDockerConfigJson },
  'kubernetes.io/dockercfg': { key: '.dockercfg', read: readDockercfg },
} as const satisfies Readonly<Record<string, Format>>;

/** The types of Secrets with which the kubelet pulls images. */
export type PullSecretType = keyof typeof FORMATS;

/**
 * Reads the entries of a pull secret as the kubelet does: `secretsToTrackedDockerConfigs` in
 * k8s.io/kubernetes/pkg/credentialprovider/secrets/secrets.go, and config.go.
 *
 * Accepts what the kubelet accepts, and more: skips a byte order mark, reads tokens, and reports a broken entry as a
 * problem but keeps the others. The kubelet, in contrast, rejects all pull secrets of the pod because of a broken entry.
 * Entries are in the order of the file. There may be none.
 *
 * Unlike in the kubelet, time and memory are bounded, because any user who may create a Secret controls its content. A
 * Docker configuration of more than 256 KiB, 256 entries or 16,384 JSON tokens is malformed as a whole. An entry whose
 * user name is longer than 4,096 characters, or whose password or token is longer than 65,536, is a problem.
 *
 * @param type - the Secret's `type`
 * @param data - the Secret's `data`, with values in base64 as in the API
 */
export function parsePullSecret(type: string, data: Readonly<Record<string, string>>): PullSecretContent {
  if (!isPullSecretType(type)) {
    const types = Object.keys(FORMATS).join(' or ');
    return malformed(`expected a Secret of type ${types}, found ${quoted(type)}; create it with that type`);
  }
  const { key, read }: Format = FORMATS[type];
  const value = Object.hasOwn(data, key) ? data[key] : undefined;
  if (value === undefined || value === '') return withoutValue(data, key);
  if (value.length > LONGEST_BASE64) {
    const found = Math.ceil((LARGEST_KIB * value.length) / LONGEST_BASE64);
    return tooLarge(key, `${LARGEST_KIB} KiB`, `${found} KiB`);
  }
  const bytes = decodeBase64(value);
  if (bytes === undefined) {
    return malformed(
      `expected base64 in the key ${key}, found something else; encode the value, or use stringData`,
    );
  }
  const config = readJson(bytes);
  if (config === 'TooManyTokens') return tooLarge(key, `${MOST_TOKENS} JSON tokens`, 'more');
  if (config.kind === 'object') return withoutMark(read(config, key), bytes);
  return isEncoded(bytes, isJsonObject) ? encodedTwice(key) : notAnObject(config, key);
}

/** Unlike this reader, Go's encoding/json accepts no byte order mark. */
function withoutMark(content: PullSecretContent, bytes: Uint8Array): PullSecretContent {
  if (content.result !== 'Entries' || !BYTE_ORDER_MARK.every((byte, index) => bytes[index] === byte))
    return content;
  return {
    ...content,
    trivyFile: { result: 'Rejected', problem: 'the configuration begins with a byte order mark' },
  };
}

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

function withoutValue(data: Readonly<Record<string, string>>, key: string): PullSecretContent {
  const other = Object.entries(FORMATS).find(
    ([, format]) => format.key !== key && Object.hasOwn(data, format.key),
  );
  if (other !== undefined) return inOtherFormat(key, other[1].key, other[0]);
  const [name] = Object.keys(data).filter((each) => each !== key);
  return name === undefined
    ? malformed(`expected a Docker configuration in the key ${key}, found nothing; add it`)
    : malformed(
        `expected a Docker configuration in the key ${key}, found only other keys, such as ${quoted(name)}; ` +
          `store the configuration in the key ${key}`,
      );
}

/** The two keys hold different formats, so the value must not be stored under the other key. */
function inOtherFormat(key: string, found: string, type: string): PullSecretContent {
  return malformed(
    `expected a Docker configuration in the key ${key}, found the key ${found} of a Secret of type ${type}; create the ` +
      'Secret with that type',
  );
}

function isJsonObject(bytes: Uint8Array): boolean {
  const value = readJson(bytes);
  return value !== 'TooManyTokens' && value.kind === 'object';
}

function encodedTwice(key: string): PullSecretContent {
  return malformed(
    `expected base64 of JSON in the key ${key}, found a value that is encoded twice; encode it once, or put the JSON ` +
      'into stringData',
  );
}

function notAnObject(found: Exclude<Json, JsonObject> | NotJson, key: string): PullSecretContent {
  if (found.kind === 'NotJson') {
    const { line, column } = found.at;
    return malformed(
      `expected JSON in the key ${key}, found a syntax error at line ${line}, column ${column}; correct the value`,
    );
  }
  if (found.kind === 'string' && isJsonObject(Buffer.from(found.text))) {
    return malformed(
      `expected an object in the key ${key}, found a string with the text of an object; remove the quotes around it`,
    );
  }
  return malformed(`expected an object in the key ${key}, found ${described(found)}; correct the value`);
}

/** All types of pull secrets. */
export const PULL_SECRET_TYPES = Object.keys(FORMATS) as readonly PullSecretType[];

function isPullSecretType(type: string): type is PullSecretType {
  return Object.hasOwn(FORMATS, type);
}

const AUTHS = /^auths$/iu;

function readDockerConfigJson(config: JsonObject, key: string): PullSecretContent {
  const written = fields(config, AUTHS);
  // As in Go, a later "auths" adds its entries to the previous ones, and null removes all previous ones.
  const auths = written.slice(written.findLastIndex(({ kind }) => kind === 'null') + 1);
  const helpers = usesHelpers(config);
  if (auths.length === 0) {
    return malformed(helpers ? HELPERS : `expected an object "auths", found none; ${ADVICE}`);
  }
  const objects = auths.filter((value) => value.kind === 'object');
  const wrong = auths.find((value) => value.kind !== 'object');
  if (wrong !== undefined) {
    return malformed(`expected an object "auths", found ${described(wrong)}; ${ADVICE}`);
  }
  const content = readEntries(objects, key, (values, { entries }) => readTrivyFile(config, values, entries));
  if (content.result === 'Malformed' || !helpers) return content;
  return { ...content, problems: [...content.problems, HELPERS] };
}

/** @param auths - the objects with the entries. As in Go, a later object adds its entries to those of the previous ones. */
function readEntries(
  auths: readonly JsonObject[],
  key: string,
  trivyFile: (values: ReadonlyMap<string, Json>, read: DockerConfigEntries) => TrivyFile,
): PullSecretContent {
  const values = new Map(auths.flatMap(({ members }) => members));
  if (values.size > MOST_ENTRIES) return tooLarge(key, `${MOST_ENTRIES} entries`, `${values.size}`);
  const read = parseAuths(values);
  return { result: 'Entries', ...read, trivyFile: trivyFile(values, read) };
}

const ADVICE = 'write {"auths": {"registry.example.com": {"auth": "base64 of user:password"}}}';

const HELPERS =
  'expected the credential in "auths", found credsStore or credHelpers, which name programs on the machine that ' +
  'wrote the file and cannot be used here; put the credential into "auths"';

function usesHelpers(config: JsonObject): boolean {
  return (
    fields(config, CREDS_STORE).some((store) => store.kind === 'string' && store.text !== '') ||
    fields(config, CRED_HELPERS).some((helpers) => helpers.kind === 'object' && helpers.members.length > 0)
  );
}

const NO_DOCKER_CONFIG: TrivyFile = {
  result: 'Rejected',
  problem:
    'its type is kubernetes.io/dockercfg, and Trivy reads only the format of kubernetes.io/dockerconfigjson',
};

/** In the older format, the entries are the fields of the top-level object. */
function readDockercfg(config: JsonObject, key: string): PullSecretContent {
  const content = readEntries([config], key, () => NO_DOCKER_CONFIG);
  if (content.result === 'Malformed' || fields(config, AUTHS).length === 0) return content;
  const others = config.members.filter(([name]) => !AUTHS.test(name));
  const keepsEntries =
    content.entries.some(({ registryKey }) => !AUTHS.test(registryKey)) ||
    others.some(([name]) => HOST_LIKE.test(name));
  if (!keepsEntries) return malformed(HOLDS_CONFIG);
  // The kubelet reads "auths" as a host. It uses the entries beside it.
  const problems = content.problems.filter((problem) => !ENTRY_AUTHS.test(problem));
  return { ...content, problems: [HOLDS_CONFIG, ...problems] };
}

/** A name at the top level that no field of a Docker configuration has, so it can only be meant as a registry. */
const HOST_LIKE = /[.:/]/;
const ENTRY_AUTHS = /^entry "auths":/iu;

const HOLDS_CONFIG =
  'expected {"registry.example.com": {"auth": …}} in the key .dockercfg, found "auths" around it, as in the ' +
  'config.json of Docker; create the Secret with the type kubernetes.io/dockerconfigjson and the key .dockerconfigjson';

function tooLarge(key: string, expected: string, found: string): PullSecretContent {
  return malformed(
    `expected at most ${expected} in the key ${key}, found ${found}; ` +
      'keep only the entries that this namespace needs, or split them into several Secrets',
  );
}

function malformed(message: string): PullSecretContent {
  return { result: 'Malformed', message };
}
