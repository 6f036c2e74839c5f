import { quoted } from '../image/index.ts';
import { decodeBase64 } from './base64.ts';
import type { Credential } from './credential.ts';
import { field, isJsonObject, type JsonObject, kindOf } from './json-object.ts';
import { parseRegistryKey } from './registry-key.ts';
import { SecretValue } from './secret-value.ts';

/** One usable entry of a pull secret. */
export interface KeyringEntry {
  /** The entry's key as it is written: `https://index.docker.io/v1/`, `*.example.com/team`. */
  readonly registryKey: string;
  readonly credential: Credential;
}

/** What a Docker configuration holds: the entries that can be used, and what is wrong with the others. */
export interface DockerConfigEntries {
  readonly entries: readonly KeyringEntry[];
  /** A sentence for each broken entry, with its key; without any value of the entry. */
  readonly problems: readonly string[];
}

interface Problem {
  readonly problem: string;
}

interface Login {
  readonly username: string;
  readonly password: string;
}

const ENTRY_FIELDS = ['username', 'password', 'auth', 'identitytoken', 'registrytoken'] as const;
type EntryFields = Readonly<Record<(typeof ENTRY_FIELDS)[number], string>>;

/** Reads the object `auths` of a Docker configuration; a broken entry does not hide the others. */
export function parseAuths(auths: JsonObject): DockerConfigEntries {
  const entries: KeyringEntry[] = [];
  const problems: string[] = [];
  for (const [index, [registryKey, value]] of Object.entries(auths).entries()) {
    const credential = parseRegistryKey(registryKey) === undefined ? NO_REGISTRY : parseEntry(value);
    if ('problem' in credential) {
      problems.push(`${entryName(registryKey, index)}: ${credential.problem}`);
    } else {
      entries.push({ registryKey, credential });
    }
  }
  return { entries, problems };
}

const NO_REGISTRY: Problem = {
  problem:
    'expected a key such as registry.example.com:5000/team, found one that names no registry; ' +
    'write the host, and if need be :port and /path, without user name or query',
};

/** A key with an "@" may hold a password (`https://user:password@host`), so it is named by its place only. */
function entryName(registryKey: string, index: number): string {
  return registryKey.includes('@') ? `entry ${index + 1} of auths` : `entry ${quoted(registryKey)}`;
}

function parseEntry(value: unknown): Credential | Problem {
  if (!isJsonObject(value)) {
    return { problem: `expected an object with the field "auth", found ${kindOf(value)}` };
  }
  const wrong = ENTRY_FIELDS.find((name) => !['string', 'undefined'].includes(typeof field(value, name)));
  if (wrong !== undefined) {
    return { problem: `expected a string in the field "${wrong}", found ${kindOf(field(value, wrong))}` };
  }
  const fields: EntryFields = {
    username: text(value, 'username'),
    password: text(value, 'password'),
    auth: text(value, 'auth'),
    identitytoken: text(value, 'identitytoken'),
    registrytoken: text(value, 'registrytoken'),
  };
  const login = fields.auth === '' ? fields : decodeAuth(fields.auth);
  return 'problem' in login ? login : chooseCredential(login, fields);
}

function text(entry: JsonObject, name: string): string {
  const value = field(entry, name);
  return typeof value === 'string' ? value : '';
}

/** As in the kubelet, `auth` comes before `username` and `password`, and its first colon ends the user name. */
function decodeAuth(auth: string): Login | Problem {
  const bytes = decodeBase64(auth);
  if (bytes === undefined) {
    return {
      problem: 'expected standard base64 in the field "auth", found something else; encode user:password',
    };
  }
  const decoded = decodeUtf8(bytes);
  if (decoded === undefined) {
    return {
      problem: 'expected UTF-8 text inside the field "auth", found other bytes; encode user:password anew',
    };
  }
  const colon = decoded.indexOf(':');
  if (colon < 0) {
    return {
      problem: 'expected user:password inside the field "auth", found no colon; encode both with a colon',
    };
  }
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * A full login comes first, since it is what the kubelet uses (it knows no tokens); then the order of Trivy's
 * registry client (go-containerregistry, pkg/v1/remote/transport).
 */
function chooseCredential(login: Login, fields: EntryFields): Credential | Problem {
  const username = new SecretValue(login.username);
  const password = new SecretValue(login.password);
  if (login.username !== '' && login.password !== '') {
    return { kind: 'basic', username, password };
  }
  if (fields.registrytoken !== '') {
    return { kind: 'registryToken', token: new SecretValue(fields.registrytoken) };
  }
  if (fields.identitytoken !== '') {
    return { kind: 'identityToken', username, token: new SecretValue(fields.identitytoken) };
  }
  if (login.username !== '') {
    return { kind: 'basic', username, password };
  }
  return login.password === '' ? NO_CREDENTIAL : NO_USERNAME;
}

const NO_CREDENTIAL: Problem = {
  problem: 'expected a credential, found none; put "auth" (base64 of user:password) or a token into it',
};

/** Trivy rejects a whole configuration for an entry without a user name. */
const NO_USERNAME: Problem = {
  problem:
    'expected a user name before the password, found an empty one; name a user (many registries take any)',
};
