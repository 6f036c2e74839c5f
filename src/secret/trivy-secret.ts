import { createHash, createHmac, createSecretKey, randomBytes } from 'node:crypto';
import { type KnownLogin, type Login, renewalOf } from '../answer/index.ts';
import { GROUP, MANAGED_BY, MANAGED_BY_LABEL, UNUSED_SINCE_ANNOTATION } from '../api/index.ts';
import { type EnvVar, type KubeObject, type ObjectMeta, type Stored, storedMeta } from '../object/index.ts';
import { authByLogin, MOUNT_PATH, REGISTRIES_ANNOTATION, type TrivyAuth } from '../platform/index.ts';
import type { Delivery } from '../scan/index.ts';
import { CLOCK_SKEW_MS } from '../text/index.ts';
import type { Candidate } from './candidate.ts';
import type { SourceSecret } from './source-secret.ts';

const SOURCE_ANNOTATION = `${GROUP}/source-secret`;
const REGISTRY_KEY_ANNOTATION = `${GROUP}/registry-key`;
const HOST_ANNOTATION = `${GROUP}/host`;
/** What is known of a login that a cloud gave. */
const LOGIN_ANNOTATION = `${GROUP}/login`;
/** When the credential in it last changed. */
const ROTATED_ANNOTATION = `${GROUP}/rotated`;

/** Longest name of a Kubernetes object, in characters. */
const LONGEST_NAME = 253;
/**
 * A key of a pull secret has at most 600 characters. A host of a credential Secret has the name of the annotation
 * before it.
 */
const LONGEST_KEY = 700;
/** Longest host with port in an image reference, in characters. */
const LONGEST_HOST = 259;

/** 40 bits: that two meet is unlikely, and where they do the second is refused. */
const HASH_DIGITS = 10;
/** Object names have 253 characters at most: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ */
const LONGEST_SOURCE = 253 - 'trivy--'.length - HASH_DIGITS;

/**
 * Of our own process only, so that a fingerprint says nothing about a value to anybody else. A KeyObject: with bare bytes an
 * HMAC takes five times as long.
 */
const FINGERPRINT_KEY = createSecretKey(randomBytes(32));

/** What a Trivy secret is made from; its name follows from this alone. */
export interface TrivySecretIdentity {
  /** Name of the Secret that the credential is from. */
  readonly source: string;
  /** The entry's key; for one that is no pull secret, where its owner offers it. */
  readonly registryKey: string;
  /** Registry host, as in a canonical image reference. */
  readonly host: string;
}

/** What the Trivy secret for a candidate and a registry host is made from. */
export function identityOf(candidate: Candidate, host: string): TrivySecretIdentity {
  const { secret: source, registryKey, credential } = candidate;
  const isEntry = credential.kind !== 'platform';
  return { source, registryKey: isEntry ? registryKey : offeredKey(registryKey), host };
}

/**
 * Whether a source Secret still has the entry, or the host in its annotation, from which a Trivy Secret was made. True
 * for a Secret that cannot be read, because it may have it.
 */
export function holdsEntry({ content }: SourceSecret, { registryKey }: TrivySecretIdentity): boolean {
  switch (content.result) {
    case 'Entries':
      return content.entries.some((entry) => entry.registryKey === registryKey);
    case 'Offered':
      return content.hosts.some((host) => offeredKey(host) === registryKey);
    case 'NotOffered':
    case 'Unknown':
      return false;
    case 'Malformed':
    case 'Unreadable':
      return true;
  }
}

function offeredKey(host: string): string {
  return `${REGISTRIES_ANNOTATION}: ${host}`;
}

/** Whether both are made from the same. */
export function sameIdentity(a: TrivySecretIdentity, b: TrivySecretIdentity): boolean {
  return a.source === b.source && a.registryKey === b.registryKey && a.host === b.host;
}

/** A Secret that Trivy mounts, as it should be. */
export interface DesiredTrivySecret {
  readonly name: string;
  readonly identity: TrivySecretIdentity;
  readonly content: Content;
  /** When the login in it ends that a cloud gave, in milliseconds since the epoch; undefined: there is none, or it does not. */
  readonly loginEnds: number | undefined;
  /** When that is to be renewed; the same unit. */
  readonly renewAt: number | undefined;
  readonly delivery: Delivery;
}

/** What is to be in a Trivy secret. */
type Content =
  | { readonly state: 'Known'; readonly object: SecretObject; readonly fingerprint: string }
  /** The login that is in it, from the present version of its source, need not be renewed yet. */
  | { readonly state: 'Kept' }
  /** The cloud is to be asked for a login. `failure`: what it said; `isPresent`: whether one from the present version is in it. */
  | {
      readonly state: 'Wanting';
      readonly failure: KnownLogin | undefined;
      readonly isPresent: boolean;
    };

/** One whose content can be written. */
export type KnownTrivySecret = DesiredTrivySecret & { readonly content: { readonly state: 'Known' } };

export function isKnown(desired: DesiredTrivySecret): desired is KnownTrivySecret {
  return desired.content.state === 'Known';
}

/** What a Trivy secret notes about a login that a cloud gave, so that a restart asks for none. */
interface LoginNote extends Pick<Login, 'since' | 'ends'> {
  /** The version of the Secret that it was given for. */
  readonly source: string;
}

/** One of our Secrets as it is; its values stay in the API server. */
export interface TrivySecret extends Stored {
  readonly identity: TrivySecretIdentity | undefined;
  /** Of everything in it that we set, but `unused-since` and `rotated`. */
  readonly fingerprint: string;
  /** Whether its data can be changed: somebody may have made it immutable, or of another type. */
  readonly replaceable: boolean;
  /** Milliseconds since the epoch; undefined: in use. */
  readonly unusedSince: number | undefined;
  /** When the credential in it last changed, in milliseconds since the epoch; undefined: never. */
  readonly rotatedAt: number | undefined;
  /** undefined: it holds no login of a cloud, or another than was noted. */
  readonly login: LoginNote | undefined;
}

/** The name of the Trivy secret for one entry of a pull secret and one registry host. */
export function trivySecretName({ source, registryKey, host }: TrivySecretIdentity): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([source, registryKey, host]))
    .digest('hex')
    .slice(0, HASH_DIGITS);
  const shown = source.slice(0, LONGEST_SOURCE).replace(/[.-]+$/, '');
  return `trivy-${shown}-${hash}`;
}

/** Whether a Secret of this name may be one of ours. */
export function isTrivySecretName(name: string): boolean {
  return /^trivy-.+-[0-9a-f]{10}$/.test(name);
}

/** What a Trivy Secret is made from: what Trivy gets, or what is known of the login that is to be delivered to it. */
export type Making =
  | { readonly result: 'TrivyAuth'; readonly trivyAuth: TrivyAuth }
  | {
      readonly result: 'Login';
      readonly env: readonly EnvVar[];
      readonly host: string;
      /** The version of the Secret that the credential is from. */
      readonly source: string;
      readonly present: TrivySecret | undefined;
      readonly known: KnownLogin | undefined;
      /** Milliseconds since the epoch. */
      readonly now: number;
    };

/** The Trivy secret that hands over a credential for a registry host. */
export function desiredTrivySecret(
  namespace: string,
  identity: TrivySecretIdentity,
  making: Making,
): DesiredTrivySecret {
  const name = trivySecretName(identity);
  const metadata: ObjectMeta = {
    name,
    namespace,
    labels: { [MANAGED_BY_LABEL]: MANAGED_BY },
    annotations: {
      [SOURCE_ANNOTATION]: identity.source,
      [REGISTRY_KEY_ANNOTATION]: identity.registryKey,
      [HOST_ANNOTATION]: identity.host,
    },
  };
  const env = making.result === 'TrivyAuth' ? making.trivyAuth.env : making.env;
  const made =
    making.result === 'TrivyAuth'
      ? { content: known(metadata, dataOf(making.trivyAuth)), ends: undefined, renewAt: undefined }
      : withLogin(metadata, making);
  return {
    name,
    identity,
    content: made.content,
    loginEnds: made.ends,
    renewAt: made.renewAt,
    delivery: { secretName: name, mountPath: MOUNT_PATH, env },
  };
}

type LoginMaking = Extract<Making, { result: 'Login' }>;

interface Made {
  readonly content: Content;
  readonly ends: number | undefined;
  readonly renewAt: number | undefined;
}

function withLogin(metadata: ObjectMeta, { source, host, present, known: login, now }: LoginMaking): Made {
  const note = noteOf(present, source, now);
  if (note !== undefined && renewalOf(note) > now)
    return { content: { state: 'Kept' }, ends: note.ends, renewAt: renewalOf(note) };
  if (login?.answer.result === 'Login' && login.askAgainAt > now) {
    const { credential, ends } = login.answer;
    const data = dataOf(authByLogin(credential, host));
    const noted = { source, since: login.askedAt, ends };
    const annotations = { ...metadata.annotations, [LOGIN_ANNOTATION]: writeNote(noted, data) };
    return { content: known({ ...metadata, annotations }, data), ends, renewAt: login.askAgainAt };
  }
  const failure = login?.answer.result === 'Login' ? undefined : login;
  return {
    content: { state: 'Wanting', failure, isPresent: note !== undefined },
    ends: note?.ends,
    renewAt: undefined,
  };
}

/** The recorded login for this version of the source. A record with a future time is ignored. */
function noteOf(present: TrivySecret | undefined, source: string, now: number): LoginNote | undefined {
  const note = present?.login;
  return note?.source === source && note.since <= now + CLOCK_SKEW_MS ? note : undefined;
}

type Data = Readonly<Record<string, string>>;

function known(metadata: ObjectMeta, data: Data): Content {
  const object: SecretObject = { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', data };
  return { state: 'Known', object, fingerprint: fingerprint(object) };
}

function dataOf({ files }: TrivyAuth): Data {
  return Object.fromEntries(
    Object.entries(files).map(([file, value]) => [file, Buffer.from(value.reveal()).toString('base64')]),
  );
}

/** Whether what is in one of our Secrets is from the present version of its source. */
export function holdsSource({ content }: DesiredTrivySecret, present: TrivySecret): boolean {
  if (content.state === 'Known') return content.fingerprint === present.fingerprint;
  return content.state === 'Kept' || content.isPresent;
}

/** Tokens are long and random, so that their hash gives nothing away; it tells whether somebody has changed them. */
function writeNote({ source, since, ends }: LoginNote, data: Data): string {
  return JSON.stringify({ source, since, ends, sha256: hashOf(data) });
}

/** Our own records are shorter: a version, two times and a hash. */
const LONGEST_NOTE = 512;

function readNote(text: string | undefined, data: Data): LoginNote | undefined {
  if (text === undefined || text.length > LONGEST_NOTE) return undefined;
  try {
    const { source, since, ends, sha256 }: Record<string, unknown> = Object(JSON.parse(text));
    if (typeof source !== 'string' || !isTime(since) || sha256 !== hashOf(data)) return undefined;
    if (ends !== undefined && !isTime(ends)) return undefined;
    return { source, since, ends };
  } catch {
    return undefined;
  }
}

/** Whether a value in milliseconds since the epoch can be written as an RFC 3339 time. `1e400` cannot. */
function isTime(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= LAST_TIME;
}

/** The end of the year 9999. */
const LAST_TIME = 253_402_300_799_999;

function hashOf(data: Data): string {
  const files = Object.entries(data).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(files)).digest('hex');
}

/** Reads one of our Secrets and forgets its values. */
export function readTrivySecret(object: SecretObject): TrivySecret {
  const annotations = object.metadata.annotations ?? {};
  return {
    ...storedMeta(object),
    identity: readIdentity(object.metadata.name, annotations),
    fingerprint: fingerprint(object),
    replaceable: object.immutable !== true && object.type === 'Opaque',
    unusedSince: readTime(annotations[UNUSED_SINCE_ANNOTATION]),
    rotatedAt: readTime(annotations[ROTATED_ANNOTATION]),
    login: readNote(annotations[LOGIN_ANNOTATION], object.data ?? {}),
  };
}

function readTime(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? undefined : time;
}

/**
 * A Secret that replaces one of ours: at its version, with the time at which the credential changed. A login that is
 * renewed is the same credential.
 */
export function replacement(object: SecretObject, present: TrivySecret, now: number): SecretObject {
  const { resourceVersion, login, rotatedAt } = present;
  const renewed = readNote(object.metadata.annotations?.[LOGIN_ANNOTATION], object.data ?? {});
  const isRenewal = renewed !== undefined && renewed.source === login?.source;
  const rotated = isRenewal ? rotatedAt : now;
  const annotations = {
    ...object.metadata.annotations,
    ...(rotated === undefined ? {} : { [ROTATED_ANNOTATION]: new Date(rotated).toISOString() }),
  };
  return { ...object, metadata: { ...object.metadata, resourceVersion, annotations } };
}

export interface SecretObject extends KubeObject {
  readonly type?: string;
  readonly immutable?: boolean;
  readonly data?: Readonly<Record<string, string>>;
}

function readIdentity(
  name: string,
  annotations: Readonly<Record<string, string>>,
): TrivySecretIdentity | undefined {
  const source = annotations[SOURCE_ANNOTATION];
  const registryKey = annotations[REGISTRY_KEY_ANNOTATION];
  const host = annotations[HOST_ANNOTATION];
  if (source === undefined || registryKey === undefined || host === undefined) return undefined;
  // Anybody can compute a valid name, so values that are longer than ours are ignored.
  if (source.length > LONGEST_NAME || registryKey.length > LONGEST_KEY || host.length > LONGEST_HOST)
    return undefined;
  const identity = { source, registryKey, host };
  return trivySecretName(identity) === name ? identity : undefined;
}

function fingerprint(object: SecretObject): string {
  const annotations = object.metadata.annotations ?? {};
  const identity = [SOURCE_ANNOTATION, REGISTRY_KEY_ANNOTATION, HOST_ANNOTATION, LOGIN_ANNOTATION].map(
    (key) => annotations[key],
  );
  const data = Object.entries(object.data ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHmac('sha256', FINGERPRINT_KEY)
    .update(JSON.stringify([object.type, object.immutable === true, identity, data]))
    .digest('base64');
}
