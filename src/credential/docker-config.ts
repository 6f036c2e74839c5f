import { quoted } from '../text/index.ts';
import { decodeBase64, isEncoded } from './base64.ts';
import type { Credential } from './credential.ts';
import { described, fields, type Json, type JsonObject, textIn } from './json.ts';
import { type Keyring, type KeyringEntry, keyring } from './keyring.ts';
import { parseRegistryKey } from './registry-key.ts';
import { SecretValue } from './secret-value.ts';
import { sendingProblem } from './sendable.ts';

/** An entry of a pull secret that can be used. */
type UsableEntry = KeyringEntry & { readonly credential: Credential };

/** The content of a Docker configuration: the usable entries, and the problems with the others. */
export interface DockerConfigEntries {
  readonly entries: readonly UsableEntry[];
  /** The usable and unusable entries, indexed for lookups. */
  readonly keyring: Keyring;
  /** For each unusable or broken entry, a sentence of bounded length that names it. Contains no value of the entry. */
  readonly problems: readonly string[];
}

/** In characters. Longer than the user name of any registry. */
const LONGEST_USERNAME = 4_096;
/** In characters. Cloud tokens have a few thousand, and a Google key file used as a password has 2,400. */
const LONGEST_SECRET = 65_536;

interface Usable {
  readonly result: 'Usable';
  readonly credential: Credential;
}

type Entry =
  | Usable
  /** The kubelet accepts the entry, but it or Trivy sends no credential to the registry, or another one. */
  | { readonly result: 'Unusable'; readonly problem: string }
  /** The kubelet rejects the whole Secret because of this entry, or never finds the entry. */
  | { readonly result: 'Broken'; readonly problem: string };

type Problem = Exclude<Entry, Usable>;

interface Login {
  readonly result: 'Login';
  readonly username: string;
  readonly password: string;
}

/**
 * Reads the entries of a Docker configuration. A broken entry does not affect the others.
 *
 * @param values - the values by key, in the order of the file
 */
export function parseAuths(values: ReadonlyMap<string, Json>): DockerConfigEntries {
  const entries: KeyringEntry[] = [];
  const problems: string[] = [];
  for (const [index, [registryKey, value]] of [...values].entries()) {
    const entry = parseRegistryKey(registryKey) === undefined ? NO_REGISTRY : parseEntry(value);
    if (entry.result !== 'Usable') {
      problems.push(`${entryName(registryKey, index)}: ${entry.problem}`);
    }
    if (entry.result !== 'Broken') {
      entries.push({ registryKey, credential: entry.result === 'Usable' ? entry.credential : undefined });
    }
  }
  return { entries: entries.filter(isUsable), keyring: keyring(entries), problems };
}

/** The credential of an entry, whatever its key is; undefined: the entry has none that can be used. */
export function credentialIn(value: Json): Credential | undefined {
  const entry = parseEntry(value);
  return entry.result === 'Usable' ? entry.credential : undefined;
}

function isUsable(entry: KeyringEntry): entry is UsableEntry {
  return entry.credential !== undefined;
}

function broken(problem: string): Entry & { readonly result: 'Broken' } {
  return { result: 'Broken', problem };
}

function unusable(problem: string): Entry & { readonly result: 'Unusable' } {
  return { result: 'Unusable', problem };
}

const NO_REGISTRY = broken(
  'expected a key such as registry.example.com:5000/team, found one that names no registry; ' +
    'write the host, and optionally :port and /path, without a user name or query; the only wildcard is "*", ' +
    'and an IPv6 address needs a port',
);

/** A key with an "@" may contain a password (`https://user:password@host`), so only its position is named. */
export function entryName(registryKey: string, index: number): string {
  return registryKey.includes('@') ? `entry ${index + 1}` : `entry ${quoted(registryKey)}`;
}

export const AUTH = /^auth$/iu;
export const USERNAME = /^username$/iu;
export const PASSWORD = /^password$/iu;
export const IDENTITY_TOKEN = /^identitytoken$/iu;
export const REGISTRY_TOKEN = /^registrytoken$/iu;

function parseEntry(value: Json): Entry {
  if (value.kind !== 'object') {
    const problem = `expected an object with the field "auth", found ${described(value)}; write {"auth": "base64 of user:password"}`;
    return value.kind === 'null' ? unusable(problem) : broken(problem);
  }
  const wrong = [USERNAME, PASSWORD, AUTH].map((name) => typeProblem(value, name)).find((problem) => problem);
  if (wrong !== undefined) {
    return broken(wrong);
  }
  const login = parseLogin(value);
  if (login.result !== 'Login') {
    return login;
  }
  const entry = login.username !== '' && login.password !== '' ? basic(login) : parseTokens(value, login);
  if (entry.result !== 'Usable') return entry;
  const problem = sendingProblem(entry.credential);
  return problem === undefined ? bounded(entry) : unusable(problem);
}

/** Rejects a credential that is longer than any that registries issue. The kubelet has no such limit. */
function bounded(entry: Usable): Entry {
  const { credential } = entry;
  const username = credential.kind === 'registryToken' ? '' : credential.username.reveal();
  if (username.length > LONGEST_USERNAME)
    return unusable(
      `expected a user name of at most ${LONGEST_USERNAME} characters, found a longer one; correct the entry`,
    );
  const secret = credential.kind === 'basic' ? credential.password : credential.token;
  return secret.reveal().length <= LONGEST_SECRET
    ? entry
    : unusable(
        `expected a password or token of at most ${LONGEST_SECRET} characters, found a longer one; correct the entry`,
      );
}

/** As in the kubelet, `auth` takes precedence over `username` and `password`. */
function parseLogin(entry: JsonObject): Login | Problem {
  const auth = textIn(entry, AUTH);
  return auth === ''
    ? { result: 'Login', username: textIn(entry, USERNAME), password: textIn(entry, PASSWORD) }
    : decodeAuth(auth);
}

/** The problem with a field that is not a string; undefined: there is none. Go treats null as absent. */
function typeProblem(entry: JsonObject, name: RegExp): string | undefined {
  const wrong = fields(entry, name).find(({ kind }) => kind !== 'string' && kind !== 'null');
  const shown = name.source.slice(1, -1);
  if (wrong === undefined) return undefined;
  const isUnquoted = wrong.kind === 'number' || wrong.kind === 'boolean';
  const advice = isUnquoted ? '; put the value in quotes' : '; correct the entry';
  return `expected a string in the field "${shown}", found ${described(wrong)}${advice}`;
}

/** The user name ends at the first colon. */
function decodeAuth(auth: string): Login | Problem {
  const bytes = decodeBase64(auth);
  if (bytes === undefined) {
    return broken(
      'expected standard base64 in the field "auth", found something else; encode user:password in base64',
    );
  }
  if (!bytes.includes(':')) return withoutColon(bytes);
  const decoded = decodeUtf8(bytes);
  if (decoded === undefined) {
    // The kubelet accepts the entry, but cannot pass it to the container runtime.
    return unusable(
      'expected UTF-8 text in the field "auth", found other bytes; encode user:password as UTF-8 in base64',
    );
  }
  const end = decoded.indexOf(':');
  return { result: 'Login', username: decoded.slice(0, end), password: decoded.slice(end + 1) };
}

function withoutColon(decoded: Buffer): Problem {
  return isEncoded(decoded, (inner) => inner.includes(':'))
    ? broken(
        'expected base64 of user:password in the field "auth", found a value that is encoded twice; encode it once',
      )
    : broken(
        'expected user:password in the field "auth", found no colon; encode the user name, a colon and the password',
      );
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Reads the tokens of an entry without a full login. A full login takes precedence, because the kubelet uses only that.
 * The order of the tokens is that of Trivy's registry client (go-containerregistry, pkg/v1/remote/transport).
 */
function parseTokens(entry: JsonObject, login: Login): Entry {
  const registryToken = textIn(entry, REGISTRY_TOKEN);
  if (registryToken !== '') {
    const token = new SecretValue(registryToken);
    return { result: 'Usable', credential: { kind: 'registryToken', token } };
  }
  const identityToken = textIn(entry, IDENTITY_TOKEN);
  if (identityToken !== '') {
    const username = new SecretValue(login.username);
    const token = new SecretValue(identityToken);
    return { result: 'Usable', credential: { kind: 'identityToken', username, token } };
  }
  if (login.username !== '') {
    return basic(login);
  }
  return login.password === '' ? noCredential(entry) : NO_USERNAME;
}

function basic({ username, password }: Login): Entry {
  const credential: Credential = {
    kind: 'basic',
    username: new SecretValue(username),
    password: new SecretValue(password),
  };
  return { result: 'Usable', credential };
}

function noCredential(entry: JsonObject): Entry {
  return unusable(
    typeProblem(entry, REGISTRY_TOKEN) ??
      typeProblem(entry, IDENTITY_TOKEN) ??
      'expected a credential, found none; add "auth" (base64 of user:password) or a token to the entry',
  );
}

/**
 * Trivy rejects the whole configuration because of an entry without a user name. Container runtimes send no credential
 * for such an entry.
 */
const NO_USERNAME = unusable(
  'expected a user name before the password, found an empty one; add a user name (many registries accept any)',
);
