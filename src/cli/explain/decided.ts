import { type CandidateStatus, type Condition, readinessOf, type ScansSummary } from '../../api/index.ts';
import type { ValidBinding } from '../../binding/index.ts';

/** What the controller has decided for a binding, according to the binding's status. */
export interface Decided {
  /** The conditions, Ready first. If the status is not about the current spec, only Ready. */
  readonly conditions: readonly Pick<Condition, 'type' | 'status' | 'reason' | 'message'>[];
  /** The candidates in the order in which they were tried. */
  readonly candidates: readonly CandidateStatus[];
  /** By name of a ScheduledScan: why it is not bound. */
  readonly failing: ReadonlyMap<string, string>;
  /** By name of a ScheduledScan whose Scans are bound when they are created: what to know about it. */
  readonly atCreation: ReadonlyMap<string, string>;
}

/**
 * The decision for a binding; undefined: there is no binding, or it comes from a file without a status.
 *
 * @param isLive - whether the binding was read from a cluster
 */
export function decidedFor(binding: ValidBinding | undefined, isLive: boolean): Decided | undefined {
  if (binding === undefined || (!isLive && binding.status === undefined)) return undefined;
  const { status, generation } = binding;
  const ready = { type: 'Ready', ...readinessOf(status, generation) };
  if (ready.reason === 'NotReconciled' || ready.reason === 'OutOfDate')
    return { conditions: [ready], candidates: [], failing: new Map(), atCreation: new Map() };
  const others = status?.conditions?.filter(({ type }) => type !== 'Ready') ?? [];
  const names = status?.scans?.names ?? [];
  return {
    conditions: [ready, ...others],
    candidates: status?.candidates ?? [],
    failing: reasonsOf(names.filter(({ boundAtCreation }) => boundAtCreation !== true)),
    atCreation: reasonsOf(names.filter(({ boundAtCreation }) => boundAtCreation === true)),
  };
}

function reasonsOf(names: ScansSummary['names'] = []): ReadonlyMap<string, string> {
  return new Map(
    names.flatMap(({ name, reason }) => (reason === undefined ? [] : [[name, reason] as const])),
  );
}
