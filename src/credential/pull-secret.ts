import { quoted } from '../image/index.ts';
import { decodeBase64 } from './base64.ts';
import { type DockerConfigEntries, parseAuths } from './docker-config.ts';
import { field, isJsonObject, type JsonObject, kindOf } from './json-object.ts';

/** What a pull secret holds, or why it can hold nothing. No text in it has a value from the secret. */
export type PullSecretContent =
  | ({ readonly result: 'Entries' } & DockerConfigEntries)
  | { readonly result: 'Malformed'; readonly message: string };

const TYPE = 'kubernetes.io/dockerconfigjson';
const KEY = '.dockerconfigjson';

/**
 * Reads the entries of a pull secret of type `kubernetes.io/dockerconfigjson`.
 *
 * What the kubelet takes is taken, and more: a byte order mark is passed over, tokens are read, and a broken entry
 * becomes a problem while the good ones stay (the kubelet then refuses every secret of the pod). Entries are in
 * the order of the file; there may be none.
 *
 * @param type - the Secret's `type`
 * @param data - the Secret's `data`: values in base64, as the API has them
 */
export function parsePullSecret(type: string, data: Readonly<Record<string, string>>): PullSecretContent {
  if (type !== TYPE) {
    return malformed(`expected a Secret of type ${TYPE}, found ${quoted(type)}; create it with that type`);
  }
  const value = Object.hasOwn(data, KEY) ? data[KEY] : undefined;
  if (value === undefined || value === '') {
    return malformed(`expected a Docker configuration in the key ${KEY}, found nothing; put it there`);
  }
  const bytes = decodeBase64(value);
  if (bytes === undefined) {
    return malformed(`expected base64 in the key ${KEY}, found something else; encode it, or use stringData`);
  }
  return parseDockerConfig(bytes);
}

function parseDockerConfig(bytes: Uint8Array): PullSecretContent {
  const config = parseJson(bytes);
  if (config === undefined) {
    return malformed(`expected JSON in the key ${KEY}, found something else; write it anew`);
  }
  if (!isJsonObject(config.value)) {
    return malformed(`expected an object in the key ${KEY}, found ${kindOf(config.value)}; ${ADVICE}`);
  }
  const auths = field(config.value, 'auths');
  const helpers = usesHelpers(config.value);
  if (auths === undefined) {
    return malformed(helpers ? HELPERS : `expected an object "auths", found none; ${ADVICE}`);
  }
  if (!isJsonObject(auths)) {
    return malformed(`expected an object "auths", found ${kindOf(auths)}; ${ADVICE}`);
  }
  const { entries, problems } = parseAuths(auths);
  return { result: 'Entries', entries, problems: helpers ? [...problems, HELPERS] : problems };
}

const ADVICE = 'write {"auths": {"registry.example.com": {"auth": "base64 of user:password"}}}';

const HELPERS =
  'expected the credential itself under "auths", found credsStore or credHelpers, which name programs on the ' +
  'machine where it was written and cannot be used here; put the credential into "auths"';

function usesHelpers(config: JsonObject): boolean {
  const store = field(config, 'credsStore');
  const helpers = field(config, 'credHelpers');
  return (
    (typeof store === 'string' && store !== '') || (isJsonObject(helpers) && Object.keys(helpers).length > 0)
  );
}

/** The parser's own error is dropped: it quotes the text around the fault. */
function parseJson(bytes: Uint8Array): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(new TextDecoder('utf-8').decode(bytes)) };
  } catch {
    return undefined;
  }
}

function malformed(message: string): PullSecretContent {
  return { result: 'Malformed', message };
}
