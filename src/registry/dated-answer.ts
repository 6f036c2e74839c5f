import type { Check, KnownAnswer, RegistryAnswer } from '../answer/index.ts';
import type { RegistrySettings } from './settings.ts';

/** Times to live are shortened at random by up to this fraction, so that simultaneous checks are not repeated together. */
export const JITTER = 0.1;

/** An answer, the start of its check, and the time of the next check. Times are in milliseconds since the epoch. */
export type DatedAnswer = Omit<KnownAnswer, 'acceptedAt' | 'version'>;
export type Age = Omit<DatedAnswer, 'answer'>;

/** Whether there is a known answer that is still valid. */
export function isFresh<Known extends Pick<Age, 'freshUntil'>>(known: Known | undefined): known is Known {
  return known !== undefined && known.freshUntil > Date.now();
}

/**
 * Adds the time of the next check to the answer of a check.
 *
 * @param requestedAt - the start of the check, in milliseconds since the epoch
 * @param exact - whether the answer is about a tag or digest, not about the repository
 */
export function dated(
  answer: RegistryAnswer,
  requestedAt: number,
  settings: RegistrySettings,
  exact = false,
): DatedAnswer {
  const timeToLive = timeToLiveOf(answer, settings, exact);
  return { answer, requestedAt, freshUntil: requestedAt + timeToLive * (1 - JITTER * Math.random()) };
}

function timeToLiveOf(
  answer: RegistryAnswer,
  { acceptedTtl, refusedTtl, unreachableTtl }: RegistrySettings,
  exact: boolean,
): number {
  switch (answer.result) {
    case 'Pullable':
      return acceptedTtl;
    // A manifest that does not exist may be pushed soon.
    case 'Allowed':
      return exact ? unreachableTtl : acceptedTtl;
    case 'Denied':
    case 'Expired':
    case 'Inconclusive':
    case 'NotAllowed':
    case 'NotCheckable':
      return refusedTtl;
    case 'Unreachable':
    case 'RateLimited':
      return unreachableTtl;
  }
}

/**
 * Adds the version of the image, and when the credential was last accepted.
 *
 * @param before - the previous answer for the same credential and repository; undefined: there is none
 */
export function withHistory(
  found: DatedAnswer,
  { image: { tag, digest } }: Check,
  before: KnownAnswer | undefined,
): KnownAnswer {
  const version = digest ?? tag;
  switch (found.answer.result) {
    case 'Pullable':
    case 'Allowed':
      return { ...found, version, acceptedAt: found.requestedAt };
    case 'Denied':
      return { ...found, version, acceptedAt: undefined };
    default:
      return { ...found, version, acceptedAt: before?.acceptedAt };
  }
}
