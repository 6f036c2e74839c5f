import { createHmac, createSecretKey, randomBytes } from 'node:crypto';
import { GROUP, UNUSED_SINCE_ANNOTATION } from '../api/index.ts';
import { type Stored, storedMeta } from '../object/index.ts';
import { type LoginRecord, parseLoginRecord } from './cloud-login.ts';
import type { RawSecret } from './raw-secret.ts';
import { readTemporaryUse, type TemporaryUse } from './temporary-secret.ts';
import {
  HOST_ANNOTATION,
  REGISTRY_KEY_ANNOTATION,
  readIdentity,
  SOURCE_ANNOTATION,
  type TrivySecretIdentity,
} from './trivy-secret-identity.ts';

/** The {@link LoginRecord} of the login in the Secret. */
export const LOGIN_ANNOTATION = `${GROUP}/login`;
/** When the credential in the Secret last changed. */
const ROTATED_ANNOTATION = `${GROUP}/rotated`;

/**
 * Random for each process, so that fingerprints reveal nothing about values. A KeyObject, because an HMAC with plain bytes
 * as its key takes five times as long.
 */
const FINGERPRINT_KEY = createSecretKey(randomBytes(32));

/** A Trivy Secret as the API server has stored it, without its values. */
export interface TrivySecret extends Stored {
  /** The Scan for which it exists; undefined: scans share it. */
  readonly temporary: TemporaryUse | undefined;
  /** undefined: its annotations do not match its name. */
  readonly identity: TrivySecretIdentity | undefined;
  /** Covers everything that the controller sets, except `unused-since` and `rotated`. */
  readonly fingerprint: string;
  /** Whether its data can be changed. False if another client has created it as immutable, or with another type. */
  readonly replaceable: boolean;
  /** Milliseconds since the epoch; undefined: in use. */
  readonly unusedSince: number | undefined;
  /** When the credential in it last changed, in milliseconds since the epoch; undefined: never. */
  readonly rotatedAt: number | undefined;
  /** undefined: it has no login from a cloud, or its login differs from the recorded one. */
  readonly login: LoginRecord | undefined;
}

/** Reads a Trivy Secret, and keeps none of its values. */
export function readTrivySecret(object: RawSecret): TrivySecret {
  const annotations = object.metadata.annotations ?? {};
  return {
    ...storedMeta(object),
    temporary: readTemporaryUse(object.metadata),
    identity: readIdentity(object.metadata.name, annotations),
    fingerprint: fingerprint(object),
    replaceable: object.immutable !== true && object.type === 'Opaque',
    unusedSince: readTime(annotations[UNUSED_SINCE_ANNOTATION]),
    rotatedAt: readTime(annotations[ROTATED_ANNOTATION]),
    login: parseLoginRecord(annotations[LOGIN_ANNOTATION], object.data ?? {}),
  };
}

function readTime(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? undefined : time;
}

/**
 * The object that replaces a Trivy Secret at its observed version, with the time at which the credential last changed. A
 * renewed login does not count as a changed credential.
 */
export function replacement(object: RawSecret, present: TrivySecret, now: number): RawSecret {
  const { resourceVersion, login, rotatedAt } = present;
  const record = parseLoginRecord(object.metadata.annotations?.[LOGIN_ANNOTATION], object.data ?? {});
  const isRenewal = record !== undefined && record.source === login?.source;
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
