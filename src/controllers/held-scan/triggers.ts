import { keyOf, type Stored } from '../../object/index.ts';
import { indexKey, isHeld, type Stores } from '../../state/index.ts';
import { sides } from '../changes.ts';
import type { Queue } from '../controller.ts';

/**
 * Enqueues a held Scan when it changes, and the held Scans of a namespace when something changes there that may decide on
 * them. Few Scans are held at the same time, so the triggers do not search for those that the change affects. A temporary Secret
 * affects only its own Scan.
 */
export function connectHeldScanTriggers(stores: Stores, queue: Pick<Queue, 'add'>): void {
  const { runs, bindings, trivySecrets, sourceSecrets, selections } = stores;
  connectHoldTriggers(stores, queue);
  const addHeldIn = (namespace: string) => {
    for (const run of runs.byIndex('held', namespace)) queue.add(keyOf(run));
  };
  for (const store of [bindings, sourceSecrets])
    store.onChange((change) => {
      const [object] = sides<Stored>(change);
      if (object !== undefined) addHeldIn(object.namespace);
    });
  trivySecrets.onChange((change) => {
    const [secret] = sides(change);
    if (secret?.temporary !== undefined) queue.add(indexKey(secret, secret.temporary.scan.name));
    else if (secret !== undefined) addHeldIn(secret.namespace);
  });
  selections.onChange(({ binding }) => addHeldIn(binding.namespace));
}

/** Enqueues a held Scan when it changes. */
export function connectHoldTriggers({ runs }: Stores, queue: Pick<Queue, 'add'>): void {
  runs.onChange(({ after }) => {
    if (after !== undefined && isHeld(after)) queue.add(keyOf(after));
  });
}
