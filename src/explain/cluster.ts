import type { KubeConfig } from '@kubernetes/client-node';
import { imageCredentialBindings } from '../api/index.ts';
import {
  type Binding,
  type RawBinding,
  type RawSecret,
  readBinding,
  readSourceSecret,
  SCHEDULED_SCANS,
  SECRETS,
} from '../binding/index.ts';
import { PULL_SECRET_TYPES } from '../credential/index.ts';
import { quoted } from '../image/index.ts';
import {
  hasReason,
  KubeClient,
  KubeError,
  type KubeObject,
  type Resource,
  Transport,
} from '../kube/index.ts';
import { type RawScheduledScan, readScheduledScan } from '../scan/index.ts';
import { InputError, type Inventory } from './inventory.ts';

const NAMESPACES: Resource = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace' };

/**
 * Reads the bindings, pull secrets and ScheduledScans of a namespace, with the rights of whoever asks.
 *
 * @throws InputError where the API server cannot be reached, refuses, or lacks the namespace or our CRD
 */
export async function readCluster(config: KubeConfig, namespace: string): Promise<Inventory> {
  const transport = new Transport(config);
  try {
    return await readNamespace(new KubeClient({ transport, fieldManager: 'explain' }), namespace);
  } catch (error) {
    throw error instanceof KubeError ? new InputError(messageFor(error, config, namespace)) : error;
  } finally {
    await transport.close();
  }
}

async function readNamespace(client: KubeClient, namespace: string): Promise<Inventory> {
  const list = (resource: Resource, fieldSelector?: string) =>
    listAll(client, resource, { namespace, ...(fieldSelector === undefined ? {} : { fieldSelector }) });
  const [bindings, scans, ...secrets] = await Promise.all([
    list(imageCredentialBindings),
    list(SCHEDULED_SCANS).catch(absent),
    ...PULL_SECRET_TYPES.map((type) => list(SECRETS, `type=${type}`)),
  ]);
  if (bindings.length + secrets.flat().length === 0) await checkNamespace(client, namespace);
  const read = bindings.map((object) => readBinding(object as RawBinding));
  const others = await readNamed(client, namespace, { bindings: read, known: secrets.flat() });
  return {
    named: 'ByBinding',
    // The API server gives what was asked for.
    secrets: [...secrets.flat(), ...others].map((object) => readSourceSecret(object as RawSecret)),
    bindings: read,
    scheduledScans: (scans ?? []).map((object) => readScheduledScan(object as KubeObject & RawScheduledScan)),
    remarks:
      scans === undefined ? ['this cluster knows no ScheduledScans: secureCodeBox is not installed'] : [],
  };
}

/** Secrets that are no pull secrets are read by the name that a binding gives, as the controller does. */
async function readNamed(
  client: KubeClient,
  namespace: string,
  { bindings, known }: { readonly bindings: readonly Binding[]; readonly known: readonly KubeObject[] },
): Promise<readonly KubeObject[]> {
  const named = bindings.flatMap((binding) => (binding.validity === 'Valid' ? binding.imagePullSecrets : []));
  const others = new Set(named).difference(new Set(known.map(({ metadata }) => metadata.name)));
  const objects: KubeObject[] = [];
  for (const name of others) {
    const object = await client.get(SECRETS, { namespace, name }).catch(absent);
    if (object !== undefined) objects.push(object);
  }
  return objects;
}

async function listAll(
  client: KubeClient,
  resource: Resource,
  selection: { readonly namespace: string; readonly fieldSelector?: string },
): Promise<readonly KubeObject[]> {
  const objects: KubeObject[] = [];
  let next: string | undefined;
  do {
    const page = await client.list(resource, selection, next);
    objects.push(...page.items);
    next = page.next;
  } while (next !== undefined);
  return objects;
}

function absent(error: unknown): undefined {
  if (!hasReason(error, 'NotFound')) throw error;
}

/** A namespace that there is not has empty lists. Who may not look at namespaces is not told. */
async function checkNamespace(client: KubeClient, namespace: string): Promise<void> {
  try {
    await client.get(NAMESPACES, { namespace: undefined, name: namespace });
  } catch (error) {
    if (hasReason(error, 'NotFound')) {
      throw new InputError(
        `expected a namespace of the cluster, found no ${quoted(namespace)}; correct --namespace`,
      );
    }
    if (!hasReason(error, 'Forbidden')) throw error;
  }
}

function messageFor(error: KubeError, config: KubeConfig, namespace: string): string {
  if (error.reason === 'NotFound') {
    return (
      'expected the API of ImageCredentialBindings, found none in this cluster; install it (kubectl apply ' +
      '--server-side --filename crds/), or explain from files (--filename)'
    );
  }
  if (error.reason === 'Forbidden') {
    return (
      `${error.message}; expected to be allowed to list secrets, imagecredentialbindings and scheduledscans in ` +
      `${quoted(namespace)}: ask for a Role there, or explain from files (--filename)`
    );
  }
  if (error.status === 401) {
    return `the API server does not accept the credential of the kubeconfig; sign in again (${error.message})`;
  }
  const server = config.getCurrentCluster()?.server ?? '';
  return `expected an answer of the API server at ${server}, found none: ${error.message}; see to it that it can be reached`;
}
