import type { Logger } from 'pino';
import type { AnyReflector, ListenerErrorHandler, Outcome, WatchedNamespaces } from '../../kube/index.ts';
import { modeWithin } from '../../pod/index.ts';
import { createDiscoveryReflectors, createDiscoveryStores } from '../../state/index.ts';
import { type DiscoveryOptions, DiscoveryReconciler } from './reconciler.ts';
import { connectDiscoveryTriggers, type Enqueue } from './triggers.ts';

/** The parts of discovery, for whoever runs queues and reflectors. */
export interface Discovery {
  readonly reflectors: readonly AnyReflector[];
  /** The key is the name of a namespace. */
  readonly reconcile: (namespace: string, log: Logger) => Promise<Outcome>;
  /** Adds to the queue the namespaces in which something changes. */
  feed(queue: Enqueue): void;
  /** For metrics: pods that are followed, and bindings that were discovered. */
  count(): { readonly pods: number; readonly bindings: number };
}

/** @param onListenerError - as for Store of src/kube */
export function createDiscovery(
  options: Omit<DiscoveryOptions, 'own'> & { readonly namespaces: WatchedNamespaces; readonly log: Logger },
  onListenerError: ListenerErrorHandler,
): Discovery {
  const { client, stores, namespaces, log } = options;
  const mode = modeWithin(namespaces, options.settings.mode);
  const settings = { ...options.settings, mode };
  const own = createDiscoveryStores(onListenerError);
  const { reconcile, sizeOf } = new DiscoveryReconciler({ ...options, settings, own });
  return {
    reflectors: createDiscoveryReflectors(client, own, { namespaces, mode }, log),
    reconcile,
    feed: (queue) => connectDiscoveryTriggers(stores, own, queue, sizeOf),
    count: () => ({
      pods: own.pods.size,
      bindings: [...stores.bindings.values()].filter(({ discovered }) => discovered).length,
    }),
  };
}
