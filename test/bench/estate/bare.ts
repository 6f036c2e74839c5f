/**
 * Common parts of the bare writers, which do the minimum that is possible with the same watches. Each is a separate process
 * and a bundle like the controller, so that it starts as fast and shares no event loop with the bench.
 */
import { KubeConfig } from '@kubernetes/client-node';
import { imageCredentialBindings, MANAGED_BY, MANAGED_BY_LABEL } from '../../../src/api/index.ts';
import { isInitialEventsEnd, KubeClient, type Selection } from '../../../src/kube/client/client.ts';
import { Transport } from '../../../src/kube/client/transport.ts';
import type { KubeObject, Resource } from '../../../src/object/object.ts';
import { SCANS, SCHEDULED_SCANS, SECRETS } from '../../../src/object/resources.ts';

/** The controller's concurrency of reconciles in the chart. */
export const WRITES_AT_ONCE = 8;
const LONGEST_SECONDS = 3_600;

export interface Watch {
  readonly resource: Resource;
  readonly selection: Selection;
}

const NOT_MANAGED = `${MANAGED_BY_LABEL}!=${MANAGED_BY}`;
/**
 * Secrets with their data. The controller reads Secrets by name instead, which takes one more request for each change.
 */
export const PULL_SECRETS: Watch = {
  resource: SECRETS,
  selection: { labelSelector: NOT_MANAGED, fieldSelector: 'type=kubernetes.io/dockerconfigjson' },
};
export const TRIVY_SECRETS: Watch = {
  resource: SECRETS,
  selection: { labelSelector: `${MANAGED_BY_LABEL}=${MANAGED_BY}` },
};

/** All watches of the controller. */
export const WATCHES: readonly Watch[] = [
  { resource: imageCredentialBindings, selection: {} },
  { resource: SCHEDULED_SCANS, selection: {} },
  { resource: SCANS, selection: {} },
  PULL_SECRETS,
  {
    resource: SECRETS,
    selection: { labelSelector: NOT_MANAGED, fieldSelector: 'type=kubernetes.io/dockercfg' },
  },
  TRIVY_SECRETS,
  {
    resource: SECRETS,
    selection: {
      labelSelector: NOT_MANAGED,
      fieldSelector: 'type!=kubernetes.io/dockerconfigjson,type!=kubernetes.io/dockercfg',
      metadataOnly: true,
    },
  },
];

/** A client with the same connections as the controller's. */
export function connect(kubeconfig: string): KubeClient {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  return new KubeClient({ transport: new Transport(config), fieldManager: 'bare-writer' });
}

/** Watches everything and calls `take` for each object. Resolves when all lists are complete, and logs it as the controller does. */
export async function follow(
  client: KubeClient,
  take: (watch: Watch, object: KubeObject) => void,
): Promise<void> {
  await Promise.all(WATCHES.map((watch) => listed({ client, ...watch }, (object) => take(watch, object))));
  process.stdout.write(`${JSON.stringify({ time: new Date(), msg: 'leading' })}\n`);
}

/** Resolves when the list is complete. Any error, even a later one, is unhandled and ends the process. */
function listed(
  { client, resource, selection }: Watch & { readonly client: KubeClient },
  take: (object: KubeObject) => void,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const start = { resourceVersion: undefined, timeoutSeconds: LONGEST_SECONDS };
  const read = async () => {
    for await (const event of client.watch(resource, selection, start, new AbortController().signal)) {
      if (isInitialEventsEnd(event)) resolve();
      else if (event.type !== 'BOOKMARK') take(event.object);
    }
    throw new Error(`the watch of ${resource.plural} has ended`);
  };
  void read();
  return promise;
}
