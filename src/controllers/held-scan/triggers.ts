import { isDeepStrictEqual } from 'node:util';
import type { Binding } from '../../binding/index.ts';
import type { Change } from '../../kube/index.ts';
import { keyOf, type Stored } from '../../object/index.ts';
import { indexKey, isUndecided, type Stores } from '../../state/index.ts';
import { changesSpec, sides } from '../changes.ts';
import type { Queue } from '../controller.ts';

/**
 * Enqueues an undecided Scan when it changes, and all undecided Scans of a namespace when an object changes there that may affect
 * the decision on them. Usually, few Scans are undecided at the same time, so the triggers do not search for those that the
 * change affects. A temporary Secret affects only its own Scan.
 */
export function connectHeldScanTriggers(stores: Stores, queue: Pick<Queue, 'add'>): void {
  const { runs, bindings, trivySecrets, sourceSecrets, selections } = stores;
  connectHoldLimitTriggers(stores, queue);
  const addUndecidedIn = (namespace: string) => {
    for (const run of runs.byIndex('undecided', namespace)) queue.add(keyOf(run));
  };
  const addAffected = (change: Change<Stored>) => {
    const [object] = sides(change);
    if (object !== undefined) addUndecidedIn(object.namespace);
  };
  bindings.onChange((change) => {
    if (changesSpec(change) || changesDecisions(change)) addAffected(change);
  });
  sourceSecrets.onChange(addAffected);
  trivySecrets.onChange((change) => {
    const [secret] = sides(change);
    if (secret?.temporary !== undefined) queue.add(indexKey(secret, secret.temporary.scan.name));
    else if (secret !== undefined) addUndecidedIn(secret.namespace);
  });
  selections.onChange(({ binding }) => addUndecidedIn(binding.namespace));
}

/**
 * Whether a change of the status of a binding may change the decision on held Scans. The lists of Scans and Secrets in it cannot. They
 * change with each Scan that starts unbound, so each hold that ends would enqueue all Scans that are still held.
 */
function changesDecisions({ before, after }: Change<Binding>): boolean {
  return !isDeepStrictEqual(decidingStatus(before), decidingStatus(after));
}

function decidingStatus(binding: Binding | undefined) {
  const { unboundScans: _scans, temporarySecrets: _secrets, ...status } = binding?.status ?? {};
  return status;
}

/** Enqueues an undecided Scan when it changes. */
export function connectHoldLimitTriggers({ runs }: Stores, queue: Pick<Queue, 'add'>): void {
  runs.onChange(({ after }) => {
    if (after !== undefined && isUndecided(after)) queue.add(keyOf(after));
  });
}
