import { createHash, createHmac, randomBytes } from 'node:crypto';
import { GROUP, MANAGED_BY, MANAGED_BY_LABEL, UNUSED_SINCE_ANNOTATION } from '../api/index.ts';
import type { Candidate } from '../credential/index.ts';
import { type KubeObject, type ObjectMeta, type Stored, storedMeta } from '../kube/index.ts';
import { MOUNT_PATH, platformOf } from '../platform/index.ts';
import type { Delivery } from '../scan/index.ts';

const SOURCE_ANNOTATION = `${GROUP}/source-secret`;
const REGISTRY_KEY_ANNOTATION = `${GROUP}/registry-key`;
const HOST_ANNOTATION = `${GROUP}/host`;
/** When the credential in it last changed. */
const ROTATED_ANNOTATION = `${GROUP}/rotated`;

/** 40 bits: that two meet is unlikely, and where they do the second is refused. */
const HASH_DIGITS = 10;
/** Object names have 253 characters at most: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ */
const LONGEST_SOURCE = 253 - 'trivy--'.length - HASH_DIGITS;

/** Of our own process only, so that a fingerprint says nothing about a value to anybody else. */
const FINGERPRINT_KEY = randomBytes(32);

/** What a Trivy secret is made from; its name follows from this alone. */
export interface TrivySecretIdentity {
  /** Name of the pull secret. */
  readonly source: string;
  readonly registryKey: string;
  /** Registry host, as in a canonical image reference. */
  readonly host: string;
}

/** What the Trivy secret for a candidate and a registry host is made from. */
export function identityOf(candidate: Candidate, host: string): TrivySecretIdentity {
  return { source: candidate.secret, registryKey: candidate.registryKey, host };
}

/** Whether both are made from the same. */
export function sameIdentity(a: TrivySecretIdentity, b: TrivySecretIdentity): boolean {
  return a.source === b.source && a.registryKey === b.registryKey && a.host === b.host;
}

/** A Secret that Trivy mounts, as it should be. */
export interface DesiredTrivySecret {
  readonly name: string;
  readonly identity: TrivySecretIdentity;
  readonly object: SecretObject;
  readonly fingerprint: string;
  readonly delivery: Delivery;
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

/** The Trivy secret that hands over a candidate's credential for a registry host. */
export function desiredTrivySecret(
  namespace: string,
  candidate: Candidate,
  host: string,
): DesiredTrivySecret {
  const identity = identityOf(candidate, host);
  const name = trivySecretName(identity);
  const handover = platformOf(host).handOver(candidate.credential, host);
  const data = Object.fromEntries(
    Object.entries(handover.files).map(([file, value]) => [
      file,
      Buffer.from(value.reveal()).toString('base64'),
    ]),
  );
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
  const object: SecretObject = { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', data };
  return {
    name,
    identity,
    object,
    fingerprint: fingerprint(object),
    delivery: { secretName: name, mountPath: MOUNT_PATH, env: handover.env },
  };
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
  };
}

function readTime(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? undefined : time;
}

/** A Secret that replaces one of ours: at this version, with the time at which the credential changed. */
export function replacement(desired: DesiredTrivySecret, resourceVersion: string, now: number): SecretObject {
  const { object } = desired;
  const annotations = { ...object.metadata.annotations, [ROTATED_ANNOTATION]: new Date(now).toISOString() };
  return { ...object, metadata: { ...object.metadata, resourceVersion, annotations } };
}

interface SecretObject extends KubeObject {
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
  const identity = { source, registryKey, host };
  return trivySecretName(identity) === name ? identity : undefined;
}

function fingerprint(object: SecretObject): string {
  const annotations = object.metadata.annotations ?? {};
  const identity = [SOURCE_ANNOTATION, REGISTRY_KEY_ANNOTATION, HOST_ANNOTATION].map(
    (key) => annotations[key],
  );
  const data = Object.entries(object.data ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHmac('sha256', FINGERPRINT_KEY)
    .update(JSON.stringify([object.type, object.immutable === true, identity, data]))
    .digest('base64');
}
