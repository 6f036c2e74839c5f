import type { ValidBinding } from '../../../binding/index.ts';
import type { Puller } from '../../../policy/index.ts';
import { isAccepted } from '../../../policy/index.ts';
import { readPastTime } from '../../../text/index.ts';
import type { Resolved } from '../resolve.ts';

/** Answers hold for a check interval less up to a tenth at random. */
const LEAST_OF_INTERVAL = 0.9;

/**
 * When a registry last accepted the credential in use, in milliseconds since the epoch: reported anew where nothing or
 * another value was reported, and else once in a check interval; it never goes back. So bindings that share an answer, and a
 * restart, change no status.
 */
export function verifiedAt({ status }: ValidBinding, resolved: Resolved, puller: Puller): number | undefined {
  const { inUse, answers } = resolved.evidence;
  const { acceptedAt } = answers.get(puller) ?? {};
  const { verifiedTime } = status?.credential ?? {};
  const reported = inUse?.puller === puller ? readPastTime(verifiedTime, resolved.now) : undefined;
  if (acceptedAt === undefined || reported === undefined) return acceptedAt ?? reported;
  const isNew = rotatedAt(resolved) > reported || !isAccepted(inUse?.reported);
  const interval = isNew ? 0 : LEAST_OF_INTERVAL * resolved.settings.checkIntervalMs;
  return acceptedAt - reported > interval ? acceptedAt : reported;
}

function rotatedAt({ trivySecret, now }: Resolved): number {
  const rotated = trivySecret?.place.state === 'Ours' ? trivySecret.place.secret.rotatedAt : undefined;
  return Math.min(rotated ?? 0, now);
}
