import { type CandidateStatus, type Condition, readinessOf } from '../../api/index.ts';
import type { ValidBinding } from '../../binding/index.ts';

/** What the controller has decided for a binding, as its status tells it. */
export interface Decided {
  /** Ready first; where the status does not speak of the present spec, only that. */
  readonly conditions: readonly Pick<Condition, 'type' | 'status' | 'reason' | 'message'>[];
  /** In the order in which they were tried. */
  readonly candidates: readonly CandidateStatus[];
  /** By name of the ScheduledScan: why it is not bound. */
  readonly failing: ReadonlyMap<string, string>;
}

/** undefined: nothing is known of any controller. */
export function decidedFor(binding: ValidBinding | undefined, isLive: boolean): Decided | undefined {
  if (binding === undefined || (!isLive && binding.status === undefined)) return undefined;
  const { status, generation } = binding;
  const ready = { type: 'Ready', ...readinessOf(status, generation) };
  if (ready.reason === 'NotReconciled' || ready.reason === 'OutOfDate')
    return { conditions: [ready], candidates: [], failing: new Map() };
  const others = status?.conditions?.filter(({ type }) => type !== 'Ready') ?? [];
  const names = status?.scans?.names ?? [];
  return {
    conditions: [ready, ...others],
    candidates: status?.candidates ?? [],
    failing: new Map(
      names.flatMap(({ name, reason }) => (reason === undefined ? [] : [[name, reason] as const])),
    ),
  };
}
