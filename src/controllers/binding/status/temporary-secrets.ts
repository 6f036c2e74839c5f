import { type Condition, conditionOf, type TemporarySecretsSummary } from '../../../api/index.ts';
import { compareText, timestamp } from '../../../text/index.ts';
import type { Resolved } from '../resolve.ts';
import { advise } from './advice.ts';

/** After this time, in milliseconds, the status names a temporary Secret. */
const LONG_MS = 3_600_000;
/** Limit on the names in status. */
const MOST_NAMES = 10;

type Facts = Pick<Resolved, 'temporarySecrets' | 'now'>;

/** The temporary Secrets that have existed for long, because their Scans have not ended; undefined: none. */
export function summarizeTemporarySecrets(facts: Facts): TemporarySecretsSummary | undefined {
  const found = byAge(facts).filter(({ createdAt }) => createdAt <= facts.now - LONG_MS);
  if (found.length === 0) return undefined;
  const names = found
    .slice(0, MOST_NAMES)
    .map(({ name, scan, createdAt }) => ({ name, scan, createdTime: timestamp(createdAt) }));
  return { count: found.length, names };
}

/** In how many milliseconds the status has to name another temporary Secret; undefined: never, as far as is known. */
export function temporarySecretsWait(facts: Facts): number | undefined {
  const next = byAge(facts).find(({ createdAt }) => createdAt > facts.now - LONG_MS);
  return next === undefined ? undefined : next.createdAt + LONG_MS - facts.now;
}

/**
 * Why the API server refuses the temporary Secrets of the binding, with the advice; undefined: it does not, as far as is known. A
 * process that has written none reports what the status says.
 */
export function temporaryRefusal(
  resolved: Pick<Resolved, 'binding' | 'how' | 'trivySecret' | 'temporaryWrites'>,
): string | undefined {
  const { trivySecret, temporaryWrites } = resolved;
  if (trivySecret?.isOfScan !== true) return undefined;
  if (temporaryWrites === undefined) return refusedWrite(resolved)?.message;
  const { refusal } = temporaryWrites;
  if (refusal === undefined) return undefined;
  return advise(`Scans do not get their Secrets: ${refusal}`, 'TrivySecretFailed');
}

/**
 * The condition that says that the last write of a Secret for the binding was refused; undefined: it was not, or it was a Secret
 * for another delivery.
 */
export function refusedWrite({ binding, how }: Pick<Resolved, 'binding' | 'how'>): Condition | undefined {
  const bound = conditionOf(binding?.status, 'ScansBound');
  const isCurrent = bound?.observedGeneration === binding?.generation && binding?.status?.delivery === how;
  return isCurrent && bound?.reason === 'TrivySecretFailed' ? bound : undefined;
}

function byAge({ temporarySecrets }: Pick<Facts, 'temporarySecrets'>) {
  return temporarySecrets
    .flatMap(({ name, temporary }) =>
      temporary === undefined ? [] : [{ name, scan: temporary.scan.name, createdAt: temporary.createdAt }],
    )
    .sort((a, b) => a.createdAt - b.createdAt || compareText(a.name, b.name));
}
