import type { ValidBinding } from '../../../binding/index.ts';
import type { Puller } from '../../../policy/index.ts';
import { isAccepted } from '../../../policy/index.ts';
import { readPastTime } from '../../../text/index.ts';
import type { Observed } from '../observe.ts';

/** Answers hold for a check interval less up to a tenth at random. */
const LEAST_OF_INTERVAL = 0.9;

/**
 * When a registry last accepted the credential in use, in milliseconds since the epoch: told anew where nothing or
 * another value was told, and else once in a check interval; it never goes back. So bindings that share an answer, and a
 * restart, change no status.
 */
export function verifiedAt({ status }: ValidBinding, observed: Observed, puller: Puller): number | undefined {
  const { inUse, answers } = observed.evidence;
  const { acceptedAt } = answers.get(puller) ?? {};
  const { verifiedTime } = status?.credential ?? {};
  const told = inUse?.puller === puller ? readPastTime(verifiedTime, observed.now) : undefined;
  if (acceptedAt === undefined || told === undefined) return acceptedAt ?? told;
  const isNew = rotatedAt(observed) > told || !isAccepted(inUse?.told);
  const interval = isNew ? 0 : LEAST_OF_INTERVAL * observed.checkIntervalMs;
  return acceptedAt - told > interval ? acceptedAt : told;
}

function rotatedAt({ trivySecret, now }: Observed): number {
  const rotated = trivySecret?.place.state === 'Ours' ? trivySecret.place.secret.rotatedAt : undefined;
  return Math.min(rotated ?? 0, now);
}
