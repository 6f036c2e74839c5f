import { type PullSecretContent, parsePullSecret } from '../credential/index.ts';
import { type Stored, storedMeta } from '../object/index.ts';
import type { RawSecret } from './raw-secret.ts';

/** A pull secret as it is kept: parsed once for each of its versions. */
export interface PullSecret extends Stored {
  readonly content: PullSecretContent;
}

/** Reads a Secret of a pull-secret type; one that is malformed says so in its content. */
export function readPullSecret(object: RawSecret): PullSecret {
  const { type = 'Opaque', data } = object;
  return { ...storedMeta(object), content: parsePullSecret(type, data ?? {}) };
}
