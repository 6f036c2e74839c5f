import { createHmac, createSecretKey, randomBytes } from 'node:crypto';
import { GROUP, UNUSED_SINCE_ANNOTATION } from '../api/index.ts';
import { type Stored, storedMeta } from '../object/index.ts';
import { type LoginNote, readNote } from './cloud-login.ts';
import type { RawSecret } from './raw-secret.ts';
import {
  HOST_ANNOTATION,
  REGISTRY_KEY_ANNOTATION,
  readIdentity,
  SOURCE_ANNOTATION,
  type TrivySecretIdentity,
} from './trivy-secret-identity.ts';

/** What is known of a login that a cloud gave. */
export const LOGIN_ANNOTATION = `${GROUP}/login`;
/** When the credential in it last changed. */
const ROTATED_ANNOTATION = `${GROUP}/rotated`;

/**
 * Of our own process only, so that a fingerprint says nothing about a value to anybody else. A KeyObject: with bare bytes an
 * HMAC takes five times as long.
 */
const FINGERPRINT_KEY = createSecretKey(randomBytes(32));

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

/** Reads one of our Secrets and forgets its values. */
export function readTrivySecret(object: RawSecret): TrivySecret {
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
export function replacement(object: RawSecret, present: TrivySecret, now: number): RawSecret {
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

export function fingerprint(object: RawSecret): string {
  const annotations = object.metadata.annotations ?? {};
  const identity = [SOURCE_ANNOTATION, REGISTRY_KEY_ANNOTATION, HOST_ANNOTATION, LOGIN_ANNOTATION].map(
    (key) => annotations[key],
  );
  const data = Object.entries(object.data ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHmac('sha256', FINGERPRINT_KEY)
    .update(JSON.stringify([object.type, object.immutable === true, identity, data]))
    .digest('base64');
}
