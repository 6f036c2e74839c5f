import type { Logger } from 'pino';
import type { ListenerErrorHandler, WatchedNamespaces } from '../../kube/index.ts';
import { createDiscoveryReflectors, createDiscoveryStores } from '../../state/index.ts';
import type { Controller } from '../controller.ts';
import { DiscoveryReconciler, type DiscoveryReconcilerOptions } from './reconciler.ts';
import { modeWithin } from './settings.ts';
import { connectDiscoveryTriggers } from './triggers.ts';

/** The controller that creates bindings from pods. Its keys are names of namespaces. */
export interface Discovery extends Controller {
  /** For metrics: the number of observed pods and of discovered bindings. */
  count(): { readonly pods: number; readonly bindings: number };
}

interface DiscoveryOptions extends Omit<DiscoveryReconcilerOptions, 'discoveryStores'> {
  readonly namespaces: WatchedNamespaces;
  readonly log: Logger;
  readonly onListenerError: ListenerErrorHandler;
}

export function createDiscovery({
  namespaces,
  log,
  onListenerError,
  ...options
}: DiscoveryOptions): Discovery {
  const { client, stores } = options;
  const mode = modeWithin(namespaces, options.settings.mode);
  const settings = { ...options.settings, mode };
  const discoveryStores = createDiscoveryStores(onListenerError);
  const { reconcile, sizeOf } = new DiscoveryReconciler({ ...options, settings, discoveryStores });
  return {
    name: 'discovery',
    runs: 'Leading',
    reconcile,
    connect: (queue) => connectDiscoveryTriggers(stores, discoveryStores, queue, sizeOf),
    reflectors: createDiscoveryReflectors(client, discoveryStores, { namespaces, mode }, log),
    count: () => ({
      pods: discoveryStores.pods.size,
      bindings: [...stores.bindings.values()].filter(({ discovered }) => discovered).length,
    }),
  };
}
