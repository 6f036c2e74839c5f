import { createHash } from 'node:crypto';
import { GROUP } from '../api/index.ts';
import { LONGEST_NAME } from '../object/index.ts';
import { REGISTRIES_ANNOTATION } from '../platform/index.ts';
import type { Candidate } from './candidate.ts';
import type { SourceSecret } from './source-secret.ts';

export const SOURCE_ANNOTATION = `${GROUP}/source-secret`;
export const REGISTRY_KEY_ANNOTATION = `${GROUP}/registry-key`;
export const HOST_ANNOTATION = `${GROUP}/host`;

/**
 * In characters. A key of a pull secret has at most 600. For a credential Secret, it is the name of the annotation and a
 * host.
 */
const LONGEST_KEY = 700;
/** Longest host with port in an image reference, in characters. */
const LONGEST_HOST = 259;

/** 40 bits, so that collisions are unlikely. If two names collide, the second Secret is not written. */
const HASH_DIGITS = 10;
/** So that the name of the Trivy Secret is not too long. */
const LONGEST_SOURCE = LONGEST_NAME - 'trivy--'.length - HASH_DIGITS;

/** Identifies a Trivy Secret. Its name is derived from these fields only. */
export interface TrivySecretIdentity {
  /** Name of the source Secret. */
  readonly source: string;
  /** The key of the entry in a pull secret. For a credential Secret, the name of its annotation and the host in it. */
  readonly registryKey: string;
  /** Registry host, as in a canonical image reference. */
  readonly host: string;
}

/** The identity of the Trivy Secret for a candidate and a registry host. */
export function identityOf(candidate: Candidate, host: string): TrivySecretIdentity {
  const { secret: source, registryKey, credential } = candidate;
  const isEntry = credential.kind !== 'platform';
  return { source, registryKey: isEntry ? registryKey : annotatedKey(registryKey), host };
}

/**
 * Whether a source Secret still has the entry, or the host in its annotation, from which a Trivy Secret was created.
 * Returns true if the Secret cannot be read, because it may still have the entry or host.
 */
export function holdsEntry({ content }: SourceSecret, { registryKey }: TrivySecretIdentity): boolean {
  switch (content.result) {
    case 'Entries':
      return content.entries.some((entry) => entry.registryKey === registryKey);
    case 'Credential':
      return content.hosts.some((host) => annotatedKey(host) === registryKey);
    case 'NotAnnotated':
    case 'Unknown':
      return false;
    case 'Malformed':
    case 'Unreadable':
      return true;
  }
}

function annotatedKey(host: string): string {
  return `${REGISTRIES_ANNOTATION}: ${host}`;
}

export function sameIdentity(a: TrivySecretIdentity, b: TrivySecretIdentity): boolean {
  return a.source === b.source && a.registryKey === b.registryKey && a.host === b.host;
}

/** The name of the Trivy Secret with this identity. */
export function trivySecretName({ source, registryKey, host }: TrivySecretIdentity): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([source, registryKey, host]))
    .digest('hex')
    .slice(0, HASH_DIGITS);
  const shown = source.slice(0, LONGEST_SOURCE).replace(/[.-]+$/, '');
  return `trivy-${shown}-${hash}`;
}

/** Whether a Secret of this name may be a Trivy Secret. */
export function isTrivySecretName(name: string): boolean {
  return /^trivy-.+-[0-9a-f]{10}$/.test(name);
}

/** Reads the identity from the annotations of a Secret; undefined: it is not a Trivy Secret of this name. */
export function readIdentity(
  name: string,
  annotations: Readonly<Record<string, string>>,
): TrivySecretIdentity | undefined {
  const source = annotations[SOURCE_ANNOTATION];
  const registryKey = annotations[REGISTRY_KEY_ANNOTATION];
  const host = annotations[HOST_ANNOTATION];
  if (source === undefined || registryKey === undefined || host === undefined) return undefined;
  // Any user can compute a valid name, so values that are longer than the controller writes are ignored.
  if (source.length > LONGEST_NAME || registryKey.length > LONGEST_KEY || host.length > LONGEST_HOST)
    return undefined;
  const identity = { source, registryKey, host };
  return trivySecretName(identity) === name ? identity : undefined;
}
