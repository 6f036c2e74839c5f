import { type PullSecretContent, parsePullSecret } from '../credential/index.ts';
import { type Stored, storedMeta } from '../object/index.ts';
import type { RawSecret } from './raw-secret.ts';

/** A pull secret. Each version is parsed once. */
export interface PullSecret extends Stored {
  readonly content: PullSecretContent;
}

/** Reads a Secret of a pull-secret type. If it is malformed, its content says why. */
export function readPullSecret(object: RawSecret): PullSecret {
  const { type = 'Opaque', data } = object;
  return { ...storedMeta(object), content: parsePullSecret(type, data ?? {}) };
}
