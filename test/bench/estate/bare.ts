/**
 * What the bare writers have in common: the least that can be done with the same watches. They are processes of their own,
 * bundled as the controller is, so that they start as fast and share no event loop with who measures them.
 */
import { KubeConfig } from '@kubernetes/client-node';
import { imageCredentialBindings, MANAGED_BY, MANAGED_BY_LABEL } from '../../../src/api/index.ts';
import { isInitialEventsEnd, KubeClient, type Selection } from '../../../src/kube/client/client.ts';
import { Transport } from '../../../src/kube/client/transport.ts';
import type { KubeObject, Resource } from '../../../src/object/object.ts';
import { SCANS, SCHEDULED_SCANS, SECRETS } from '../../../src/object/resources.ts';

/** As many as the chart has the controller reconcile at a time. */
export const WRITES_AT_ONCE = 8;
const LONGEST_SECONDS = 3_600;

export interface Watch {
  readonly resource: Resource;
  readonly selection: Selection;
}

const NOT_OURS = `${MANAGED_BY_LABEL}!=${MANAGED_BY}`;
/**
 * Secrets with their data. The controller reads Secrets by name instead, which takes one more request for each change.
 */
export const PULL_SECRETS: Watch = {
  resource: SECRETS,
  selection: { labelSelector: NOT_OURS, fieldSelector: 'type=kubernetes.io/dockerconfigjson' },
};
export const TRIVY_SECRETS: Watch = {
  resource: SECRETS,
  selection: { labelSelector: `${MANAGED_BY_LABEL}=${MANAGED_BY}` },
};

/** All that the controller follows. */
export const WATCHES: readonly Watch[] = [
  { resource: imageCredentialBindings, selection: {} },
  { resource: SCHEDULED_SCANS, selection: {} },
  { resource: SCANS, selection: {} },
  PULL_SECRETS,
  {
    resource: SECRETS,
    selection: { labelSelector: NOT_OURS, fieldSelector: 'type=kubernetes.io/dockercfg' },
  },
  TRIVY_SECRETS,
  {
    resource: SECRETS,
    selection: {
      labelSelector: NOT_OURS,
      fieldSelector: 'type!=kubernetes.io/dockerconfigjson,type!=kubernetes.io/dockercfg',
      metadataOnly: true,
    },
  },
];

/** A client with the controller's connections. */
export function connect(kubeconfig: string): KubeClient {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  return new KubeClient({ transport: new Transport(config), fieldManager: 'bare-writer' });
}

/** Holds all watches, and shows what comes on them; resolves when all lists are whole, and says so as the controller does. */
export async function follow(
  client: KubeClient,
  take: (watch: Watch, object: KubeObject) => void,
): Promise<void> {
  await Promise.all(WATCHES.map((watch) => listed({ client, ...watch }, (object) => take(watch, object))));
  process.stdout.write(`${JSON.stringify({ time: new Date(), msg: 'leading' })}\n`);
}

/** Resolves when the list is whole; what goes wrong, then or later, is an unhandled error: it ends the process. */
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
