import { type OfferedSecret, readOffered } from './offered-secret.ts';
import { type PullSecret, type RawSecret, readPullSecret } from './pull-secret.ts';

/** A Secret that a credential may be taken from. */
export type SourceSecret = PullSecret | OfferedSecret;

/** Reads a Secret of any type; one that holds no credential that is known says so, as a malformed pull secret. */
export function readSourceSecret(object: RawSecret): SourceSecret {
  const offered = readOffered(object);
  return offered.content.result === 'Unknown' ? readPullSecret(object) : offered;
}
