import { quoted } from '../text/index.ts';
import { decodeBase64 } from './base64.ts';
import type { Credential } from './credential.ts';
import {
  AUTH,
  credentialIn,
  type DockerConfigEntries,
  entryName,
  IDENTITY_TOKEN,
  PASSWORD,
  REGISTRY_TOKEN,
  USERNAME,
} from './docker-config.ts';
import { fields, type Json, type JsonObject, textIn } from './json.ts';
import { parseRegistryKey } from './registry-key.ts';

/**
 * How Trivy reads a pull secret that is mounted as its Docker configuration (`config.json`). See {@link readTrivyFile}.
 */
export type TrivyFile =
  /** Trivy rejects the whole file, so it can pull from no registry that needs a credential. */
  | { readonly result: 'Rejected'; readonly problem: string }
  | {
      readonly result: 'Read';
      /** By key. Includes the entries that the kubelet cannot use. See {@link keyOf}. */
      readonly entries: ReadonlyMap<string, TrivyEntry>;
      /** Keys of `credHelpers`: whether the value names a program. */
      readonly helpers: ReadonlyMap<string, boolean>;
      /** Whether `credsStore` names a program. */
      readonly store: boolean;
    };

/** What Trivy sends if it uses an entry. */
export type TrivyEntry =
  /** The entry is empty, so Trivy sends nothing, or goes on to the next key. */
  | { readonly sends: 'Nothing' }
  /** The credential that the kubelet would use for this entry. */
  | { readonly sends: 'Credential'; readonly credential: Credential }
  /** A token, where the kubelet uses the user name and the password beside it. */
  | { readonly sends: 'Token' }
  /** Something that is not one of the credentials of this Secret, or nothing. */
  | { readonly sends: 'Other' };

/**
 * Reads a Docker configuration as Trivy does: `LoadFromReader` in github.com/docker/cli v29.7.2, cli/config/configfile, as in
 * Trivy 0.74.0. It is stricter than the kubelet:
 *
 * | the file | Trivy |
 * |---|---|
 * | has a known field of another type, in any entry or at the top | rejects the file |
 * | has an `auth` that is not padded base64 of `user:password`, or has no user name | rejects the file |
 * | has an entry with a token beside a login | sends the token |
 *
 * @param values - the values in `auths`, by key
 * @param usable - the entries that the kubelet can use
 */
export function readTrivyFile(
  config: JsonObject,
  values: ReadonlyMap<string, Json>,
  usable: DockerConfigEntries['entries'],
): TrivyFile {
  const problem = misfit(config) ?? faultyAuth(values);
  if (problem !== undefined) return { result: 'Rejected', problem };
  const credentials = new Map(usable.map(({ registryKey, credential }) => [registryKey, credential]));
  return {
    result: 'Read',
    entries: new Map(
      [...values].flatMap(([key, value], index) => {
        const kept = keyOf(key, index);
        return kept === undefined ? [] : [[kept, entryOf(value, credentials.get(key))]];
      }),
    ),
    helpers: helpersOf(config),
    store: textIn(config, CREDS_STORE) !== '',
  };
}

/** The type of a field in Go: a string, a list of strings, a map, or a struct. Null fits all of them. */
type Shape =
  | 'text'
  | 'texts'
  | { readonly each: Shape }
  | { readonly fields: readonly (readonly [name: RegExp, shape: Shape])[] };

export const CREDS_STORE = /^credsStore$/iu;
export const CRED_HELPERS = /^credHelpers$/iu;
const AUTHS = /^auths$/iu;

const ENTRY: Shape = {
  fields: [[/^(?:username|password|auth|serveraddress|identitytoken|registrytoken)$/iu, 'text']],
};
const PROXY: Shape = { fields: [[/^(?:httpProxy|httpsProxy|noProxy|ftpProxy|allProxy)$/iu, 'text']] };

/** `ConfigFile` in github.com/docker/cli. All other fields are ignored. */
const FIELDS: readonly (readonly [name: RegExp, shape: Shape])[] = [
  [AUTHS, { each: ENTRY }],
  [CREDS_STORE, 'text'],
  [CRED_HELPERS, { each: 'text' }],
  [/^(?:HttpHeaders|aliases|features)$/iu, { each: 'text' }],
  [
    /^(?:ps|images|networks|plugins|volumes|stats|serviceInspect|services|tasks|secret|config|nodes)Format$/iu,
    'text',
  ],
  [/^(?:detachKeys|currentContext)$/iu, 'text'],
  [/^(?:pruneFilters|cliPluginsExtraDirs)$/iu, 'texts'],
  [/^proxies$/iu, { each: PROXY }],
  [/^plugins$/iu, { each: { each: 'text' } }],
];

/** The first field whose type is not that of Docker's library, in a sentence; undefined: all fit. */
function misfit({ members }: JsonObject): string | undefined {
  for (const [name, value] of members) {
    const shape = FIELDS.find(([known]) => known.test(name))?.[1];
    if (shape !== undefined && !fitsShape(value, shape))
      return `a value in the field ${quoted(name)} has another type than in a Docker configuration`;
  }
  return undefined;
}

function fitsShape(value: Json, shape: Shape): boolean {
  if (value.kind === 'null') return true;
  if (shape === 'text') return value.kind === 'string';
  if (shape === 'texts')
    return value.kind === 'list' && value.items.every(([, item]) => fitsShape(item, 'text'));
  if (value.kind !== 'object') return false;
  return value.members.every(([name, inner]) => {
    const known = 'each' in shape ? shape.each : shape.fields.find(([field]) => field.test(name))?.[1];
    return known === undefined || fitsShape(inner, known);
  });
}

/** The first entry whose `auth` Trivy cannot decode, in a sentence; undefined: there is none. `decodeAuth` in docker/cli. */
function faultyAuth(values: ReadonlyMap<string, Json>): string | undefined {
  for (const [index, [key, value]] of [...values].entries()) {
    const auth = value.kind === 'object' ? textIn(value, AUTH) : '';
    const fault = auth === '' ? undefined : authFault(auth);
    if (fault !== undefined) return `${entryName(key, index)}: ${fault}`;
  }
  return undefined;
}

function authFault(auth: string): string | undefined {
  const bytes = decodeBase64(auth);
  if (bytes === undefined || auth.replace(/[\r\n]/g, '').length % 4 !== 0)
    return 'expected base64 with padding ("=") in the field "auth", found something else';
  return bytes.indexOf(':') > 0
    ? undefined
    : 'expected base64 of user:password in the field "auth", found no user name or no colon';
}

function entryOf(value: Json, credential: Credential | undefined): TrivyEntry {
  if (value.kind !== 'object') return { sends: 'Nothing' };
  const hasToken = hasText(value, TOKENS);
  if (!hasToken && !hasText(value, LOGIN)) return { sends: 'Nothing' };
  // The kubelet finds no entry whose key names no registry, but Trivy may.
  const sent = credential ?? credentialIn(value);
  if (sent === undefined) return { sends: 'Other' };
  return sent.kind === 'basic' && hasToken ? { sends: 'Token' } : { sends: 'Credential', credential: sent };
}

const LOGIN = [AUTH, USERNAME, PASSWORD];
const TOKENS = [IDENTITY_TOKEN, REGISTRY_TOKEN];

function hasText(entry: JsonObject, names: readonly RegExp[]): boolean {
  return names.some((name) => textIn(entry, name) !== '');
}

/** As in Go, a later map adds its members to those of the previous ones, and null removes all previous ones. */
function helpersOf(config: JsonObject): ReadonlyMap<string, boolean> {
  const helpers = new Map<string, boolean>();
  for (const value of fields(config, CRED_HELPERS)) {
    if (value.kind !== 'object') helpers.clear();
    else
      for (const [key, program] of value.members)
        helpers.set(key, program.kind === 'string' && program.text !== '');
  }
  return helpers;
}

/** A URL whose host Go's net/url reads as we do. */
const USUAL_URL = /^[a-z][a-z0-9+.-]*:\/\/([a-z0-9._-]+)(?::(\d*))?(?:\/[a-z0-9._~/-]*)?$/i;

/** The host in a key: `ConvertToHostname` in github.com/docker/cli, cli/config/credentials; undefined: an unusual URL. */
export function hostOf(key: string): string | undefined {
  if (!key.includes('://')) return key.split('/', 1)[0] ?? '';
  const [url, name = '', port = ''] = USUAL_URL.exec(key) ?? [];
  if (url === undefined) return undefined;
  return port === '' ? name : `${name}:${port}`;
}

/** The beginning of the key under which an entry is kept whose key is an unusual URL. */
export const UNKNOWN_URL = '://';
/** In Trivy's look-ups, a host with a port. */
const HOST = /^[!-~]{1,259}$/;

/**
 * The key under which an entry is kept: unchanged if it names a registry. Any other key has an unlimited length, and Trivy finds
 * its entry only by the host. So only the host is kept; undefined: it is not a host.
 */
function keyOf(key: string, index: number): string | undefined {
  if (parseRegistryKey(key) !== undefined) return key;
  const host = hostOf(key);
  const number = `entry ${index + 1}`;
  if (host === undefined) return `${UNKNOWN_URL}${number}`;
  // A copy, because a part of a string keeps the whole string in memory.
  return HOST.test(host) ? `${Buffer.from(host).toString()}/… (${number})` : undefined;
}
