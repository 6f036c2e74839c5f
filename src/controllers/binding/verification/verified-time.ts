import type { ValidBinding } from '../../../binding/index.ts';
import type { Puller } from '../../../policy/index.ts';
import { isAccepted } from '../../../policy/index.ts';
import { readPastTime } from '../../../text/index.ts';
import type { Resolved } from '../resolve.ts';

/** An answer is valid for a check interval minus a random part of up to a tenth. */
const SHORTEST_VALIDITY = 0.9;

/**
 * When a registry last accepted the credential in use, in milliseconds since the epoch; undefined: not known. A new time is
 * reported at once if status has no time, or a time for another value of the credential. Otherwise, a new time is reported
 * once per check interval, so that shared answers and restarts do not change the status. The time never decreases.
 */
export function verifiedAt({ status }: ValidBinding, resolved: Resolved, puller: Puller): number | undefined {
  const { inUse, answers } = resolved.evidence;
  const { acceptedAt } = answers.get(puller) ?? {};
  const { verifiedTime } = status?.credential ?? {};
  const reported = inUse?.puller === puller ? readPastTime(verifiedTime, resolved.now) : undefined;
  if (acceptedAt === undefined || reported === undefined) return acceptedAt ?? reported;
  const isNew = rotatedAt(resolved) > reported || !isAccepted(inUse?.reported);
  const interval = isNew ? 0 : SHORTEST_VALIDITY * resolved.settings.checkIntervalMs;
  return acceptedAt - reported > interval ? acceptedAt : reported;
}

function rotatedAt({ trivySecret, now }: Resolved): number {
  const rotated = trivySecret?.place.state === 'Ours' ? trivySecret.place.secret.rotatedAt : undefined;
  return Math.min(rotated ?? 0, now);
}
