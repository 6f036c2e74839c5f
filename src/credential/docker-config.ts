import { quoted } from '../text/index.ts';
import { decodeBase64 } from './base64.ts';
import type { Credential } from './credential.ts';
import { described, fields, type Json, type JsonObject } from './json.ts';
import { type Keyring, type KeyringEntry, keyring } from './keyring.ts';
import { parseRegistryKey } from './registry-key.ts';
import { SecretValue } from './secret-value.ts';

/** An entry of a pull secret that can be used. */
type UsableEntry = KeyringEntry & { readonly credential: Credential };

/** What a Docker configuration holds: the entries that can be used, and what is wrong with the others. */
export interface DockerConfigEntries {
  readonly entries: readonly UsableEntry[];
  /** The same, arranged for look-ups. */
  readonly keyring: Keyring;
  /** For each broken entry, a sentence of bounded length with its key, but without any value of the entry. */
  readonly problems: readonly string[];
}

/** In characters. Longer than the user name of any registry. */
const LONGEST_USERNAME = 4_096;
/** In characters. Cloud tokens have a few thousand, and a Google key file used as a password has 2,400. */
const LONGEST_SECRET = 65_536;

type Entry =
  | { readonly result: 'Usable'; readonly credential: Credential }
  /** The kubelet takes it, and goes to the registry with nothing. */
  | { readonly result: 'Unusable'; readonly problem: string }
  /** The kubelet refuses the whole secret for it, or never finds it. */
  | { readonly result: 'Broken'; readonly problem: string };

type Problem = Exclude<Entry, { readonly result: 'Usable' }>;

interface Login {
  readonly result: 'Login';
  readonly username: string;
  readonly password: string;
}

/**
 * Reads the entries of a Docker configuration; a broken one does not hide the others.
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
    'write the host, and if need be :port and /path, without user name or query; of globs only "*", ' +
    'and an IPv6 address with its port',
);

/** A key with an "@" may hold a password (`https://user:password@host`), so it is named by its place only. */
function entryName(registryKey: string, index: number): string {
  return registryKey.includes('@') ? `entry ${index + 1}` : `entry ${quoted(registryKey)}`;
}

const AUTH = /^auth$/iu;
const USERNAME = /^username$/iu;
const PASSWORD = /^password$/iu;
const IDENTITY_TOKEN = /^identitytoken$/iu;
const REGISTRY_TOKEN = /^registrytoken$/iu;

function parseEntry(value: Json): Entry {
  if (value.kind !== 'object') {
    const problem = `expected an object with the field "auth", found ${described(value)}`;
    return value.kind === 'null' ? unusable(problem) : broken(problem);
  }
  const wrong = [USERNAME, PASSWORD, AUTH].map((name) => noString(value, name)).find((problem) => problem);
  if (wrong !== undefined) {
    return broken(wrong);
  }
  const login = parseLogin(value);
  if (login.result !== 'Login') {
    return login;
  }
  return bounded(login.username !== '' && login.password !== '' ? basic(login) : parseTokens(value, login));
}

/** Rejects a credential that is longer than any of a registry. The kubelet has no such limit. */
function bounded(entry: Entry): Entry {
  if (entry.result !== 'Usable') return entry;
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

/** As in the kubelet, `auth` comes before `username` and `password`. */
function parseLogin(entry: JsonObject): Login | Problem {
  const auth = textIn(entry, AUTH);
  return auth === ''
    ? { result: 'Login', username: textIn(entry, USERNAME), password: textIn(entry, PASSWORD) }
    : decodeAuth(auth);
}

/** Why a field is no string, if it is none, although Go takes null for absent. */
function noString(entry: JsonObject, name: RegExp): string | undefined {
  const wrong = fields(entry, name).find(({ kind }) => kind !== 'string' && kind !== 'null');
  const shown = name.source.slice(1, -1);
  return wrong && `expected a string in the field "${shown}", found ${described(wrong)}`;
}

/** The last string of that name, for null leaves in Go what was there; empty, if there is none. */
function textIn(entry: JsonObject, name: RegExp): string {
  const last = fields(entry, name).findLast(({ kind }) => kind === 'string');
  return last?.kind === 'string' ? last.text : '';
}

/** The first colon ends the user name. */
function decodeAuth(auth: string): Login | Problem {
  const bytes = decodeBase64(auth);
  if (bytes === undefined) {
    return broken('expected standard base64 in the field "auth", found something else; encode user:password');
  }
  const colon = bytes.indexOf(':');
  if (colon < 0) {
    return broken('expected user:password inside the field "auth", found no colon; encode both with a colon');
  }
  const decoded = decodeUtf8(bytes);
  if (decoded === undefined) {
    // The kubelet finds it, and fails when it hands it to the container runtime.
    return unusable(
      'expected UTF-8 text inside the field "auth", found other bytes; encode user:password anew',
    );
  }
  const end = decoded.indexOf(':');
  return { result: 'Login', username: decoded.slice(0, end), password: decoded.slice(end + 1) };
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Tokens count only beside no full login, which is what the kubelet uses (it knows no tokens); among them the order
 * is that of Trivy's registry client (go-containerregistry, pkg/v1/remote/transport).
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
    noString(entry, REGISTRY_TOKEN) ??
      noString(entry, IDENTITY_TOKEN) ??
      'expected a credential, found none; put "auth" (base64 of user:password) or a token into it',
  );
}

/** Trivy rejects a whole configuration for an entry without a user name; container runtimes show the registry nothing. */
const NO_USERNAME = unusable(
  'expected a user name before the password, found an empty one; name a user (many registries take any)',
);
