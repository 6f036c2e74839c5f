import type { Binding } from '../../binding/index.ts';
import type { Change } from '../../kube/index.ts';
import type { Pod } from '../../pod/index.ts';
import { type DiscoveryStores, repositoryIndex, type Stores } from '../../state/index.ts';
import { isReady } from './observe.ts';

/** Pods change in bursts. All changes within this time cause one reconcile. */
const BURST_MS = 250;
/**
 * Milliseconds of delay for each pod, binding and container of the namespace. A decision takes up to a quarter of that,
 * so a large namespace with constantly changing pods uses at most a quarter of the process's time.
 */
const DELAY_PER_ITEM_MS = 0.1;

/** A queue that accepts keys with a delay. */
export interface DelayingQueue {
  addAfter(key: string, milliseconds: number): void;
}

/**
 * Enqueues the namespace that each change in the stores affects.
 *
 * @param sizeOf - the size of the last decision on a namespace
 */
export function connectDiscoveryTriggers(
  stores: Stores,
  discoveryStores: DiscoveryStores,
  queue: DelayingQueue,
  sizeOf: (namespace: string) => number,
): void {
  const enqueue = (namespace: string) =>
    queue.addAfter(namespace, Math.max(BURST_MS, sizeOf(namespace) * DELAY_PER_ITEM_MS));
  discoveryStores.pods.onChange((change) => {
    if (changesUse(change)) enqueue(namespaceOf(change));
  });
  discoveryStores.namespaces.onChange(({ before, after }) => {
    if (before === undefined || after === undefined) enqueue((after ?? before)?.name ?? '');
  });
  stores.bindings.onChange((change) => {
    if (changesBinding(change)) enqueue(namespaceOf(change));
  });
  stores.scheduledScans.onChange((change) => {
    const [before, after] = [change.before, change.after].map((scan) => scan && repositoryIndex(scan)[0]);
    // It only matters whether a repository is scanned at all.
    if (before !== after) enqueue(namespaceOf(change));
  });
}

function changesUse({ before, after }: Change<Pod>): boolean {
  return before === undefined || after === undefined || before.use !== after.use;
}

function changesBinding({ before, after }: Change<Binding>): boolean {
  if (before === undefined || after === undefined) return true;
  return (
    before.generation !== after.generation ||
    before.discovered !== after.discovered ||
    JSON.stringify(before.notes) !== JSON.stringify(after.notes) ||
    isReady(before) !== isReady(after)
  );
}

function namespaceOf({ before, after }: Change<{ readonly namespace: string }>): string {
  return (after ?? before)?.namespace ?? '';
}
