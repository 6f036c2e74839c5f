import type { UnboundScansSummary } from '../../../api/index.ts';
import type { Run } from '../../../scan/index.ts';
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
    ...reasonOf(admission),
  }));
  return { count: unboundScans.length, names };
}

function reasonOf(admission: Run['admission']): { readonly reason?: string } {
  if (admission?.canHold === false) return { reason: CANNOT_HOLD };
  return admission?.hasTimedOut === true ? { reason: TIMED_OUT } : {};
}

const TIMED_OUT =
  'the controller held it until the limit, and could not deliver a credential by then; see the conditions of the binding, and, if it was ' +
  'ready, the errors in the log of the controller';

const CANNOT_HOLD =
  'this Scan may have started before its credential was decided, because the CRD of Scans has no field spec.suspend, so the controller ' +
  'cannot hold Scans; upgrade secureCodeBox to 5.6 or later';
