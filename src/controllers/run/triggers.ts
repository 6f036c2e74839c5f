import { keyOf } from '../../object/index.ts';
import { indexKey, type Stores } from '../../state/index.ts';
import { sides } from '../changes.ts';
import type { Queue } from '../controller.ts';

/** Enqueues a ScheduledScan when it changes while it is bound, and when one of its Scans changes. */
export function connectRunTriggers({ scheduledScans, runs }: Stores, queue: Pick<Queue, 'add'>): void {
  scheduledScans.onChange(({ after }) => {
    if (after?.bound !== undefined) queue.add(keyOf(after));
  });
  runs.onChange((change) => {
    for (const run of sides(change))
      if (run.scheduledScan !== undefined) queue.add(indexKey(run, run.scheduledScan));
  });
}
