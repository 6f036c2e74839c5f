import type { UnboundScansSummary } from '../../../api/index.ts';
import type { Resolved } from '../resolve.ts';

/** Limit on the names in status. */
const MOST_NAMES = 10;

/** The Scans that started without what the binding delivers; undefined: none. */
export function summarizeUnboundScans({
  unboundScans,
}: Pick<Resolved, 'unboundScans'>): UnboundScansSummary | undefined {
  if (unboundScans.length === 0) return undefined;
  const names = unboundScans.slice(0, MOST_NAMES).map(({ name, admission }) => ({
    name,
    ...(admission?.canHold === false ? { reason: CANNOT_HOLD } : {}),
  }));
  return { count: unboundScans.length, names };
}

const CANNOT_HOLD =
  'if its credential was not decided yet, the controller could not hold it, because the CRD of Scans has no field spec.suspend; ' +
  'upgrade secureCodeBox to 5.6 or later';
