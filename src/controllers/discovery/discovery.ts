import type { Logger } from 'pino';
import type { AnyReflector, ListenerErrorHandler, Outcome, WatchedNamespaces } from '../../kube/index.ts';
import { createDiscoveryReflectors, createDiscoveryStores } from '../../state/index.ts';
import { DiscoveryReconciler, type DiscoveryReconcilerOptions } from './reconciler.ts';
import { modeWithin } from './settings.ts';
import { connectDiscoveryTriggers, type DelayingQueue } from './triggers.ts';

/** The controller that creates bindings from pods. Its keys are names of namespaces. */
export interface Discovery {
  readonly name: 'discovery';
  readonly reconcile: (namespace: string, log: Logger) => Promise<Outcome>;
  /** Adds the namespaces to the queue in which something changes. */
  connect(queue: DelayingQueue): void;
  /** Fill the stores that only discovery reads. */
  readonly reflectors: readonly AnyReflector[];
  /** For metrics: the number of observed pods and of discovered bindings. */
  count(): { readonly pods: number; readonly bindings: number };
}

interface DiscoveryOptions extends Omit<DiscoveryReconcilerOptions, 'discoveryStores'> {
  readonly namespaces: WatchedNamespaces;
  readonly log: Logger;
}

/** @param onListenerError - as for Store of src/kube */
export function createDiscovery(
  { namespaces, log, ...options }: DiscoveryOptions,
  onListenerError: ListenerErrorHandler,
): Discovery {
  const { client, stores } = options;
  const mode = modeWithin(namespaces, options.settings.mode);
  const settings = { ...options.settings, mode };
  const discoveryStores = createDiscoveryStores(onListenerError);
  const { reconcile, sizeOf } = new DiscoveryReconciler({ ...options, settings, discoveryStores });
  return {
    name: 'discovery',
    reconcile,
    connect: (queue) => connectDiscoveryTriggers(stores, discoveryStores, queue, sizeOf),
    reflectors: createDiscoveryReflectors(client, discoveryStores, { namespaces, mode }, log),
    count: () => ({
      pods: discoveryStores.pods.size,
      bindings: [...stores.bindings.values()].filter(({ discovered }) => discovered).length,
    }),
  };
}
