import type { KubeConfig } from '@kubernetes/client-node';
import { imageCredentialBindings } from '../../api/index.ts';
import { type Binding, type RawBinding, readBinding } from '../../binding/index.ts';
import { PULL_SECRET_TYPES } from '../../credential/index.ts';
import type { KubeClient } from '../../kube/index.ts';
import { SCHEDULED_SCANS, SECRETS } from '../../object/index.ts';
import { type RawScheduledScan, readScheduledScan } from '../../scan/index.ts';
import type { RawSecret } from '../../secret/index.ts';
import { quoted } from '../../text/index.ts';
import { type CommandScope, checkNamespaces, ifFound, listAll, withCluster } from '../cluster/index.ts';
import { type Inventory, type ReadSecret, readSecret, secretsIn } from '../inventory/index.ts';

/**
 * Reads the bindings, pull secrets and ScheduledScans of a namespace with the rights of the user.
 *
 * @throws UserError if the API server cannot be reached or refuses, or if the namespace or our CRD does not exist
 */
export async function readCluster(config: KubeConfig, namespace: string): Promise<Inventory> {
  const purpose = {
    scope: { kind: 'Namespaces', names: [namespace] },
    needs: 'list secrets, imagecredentialbindings and scheduledscans',
    instead: 'explain the image from files (--filename)',
  } as const;
  return withCluster(config, purpose, 'explain', (client) => readNamespace(client, namespace));
}

async function readNamespace(client: KubeClient, namespace: string): Promise<Inventory> {
  const scope: CommandScope = { kind: 'Namespaces', names: [namespace] };
  // The API server returns the requested kinds, and CRDs have checked the shape of their objects.
  const [bindings, scans, ...secrets] = await Promise.all([
    listAll(client, imageCredentialBindings, { scope }, (object) => readBinding(object as RawBinding)),
    ifFound(
      listAll(client, SCHEDULED_SCANS, { scope }, (object) =>
        readScheduledScan(object as typeof object & RawScheduledScan),
      ),
    ),
    ...PULL_SECRET_TYPES.map((type) =>
      listAll(client, SECRETS, { scope, fieldSelector: `type=${type}` }, (object) =>
        readSecret(object as RawSecret),
      ),
    ),
  ]);
  const pullSecrets = secrets.flat();
  const others = await readNamed(client, namespace, { bindings, known: pullSecrets });
  if (bindings.length + pullSecrets.length === 0) await checkNamespaces(client, [namespace]);
  return {
    source: 'Cluster',
    ...secretsIn([...pullSecrets, ...others]),
    bindings,
    scheduledScans: scans ?? [],
    rawScans: new Map(),
    allScans: scans !== undefined,
    assumesAdmission: false,
    refused: [],
    remarks: [
      ...(bindings.length === 0
        ? [`no bindings found in ${quoted(namespace)}; choose another namespace with -n`]
        : []),
      ...(scans === undefined
        ? ['this cluster has no API for ScheduledScans: secureCodeBox is not installed']
        : []),
    ],
  };
}

/** Reads the Secrets that are not pull secrets by the names in the bindings, as the controller does. */
async function readNamed(
  client: KubeClient,
  namespace: string,
  { bindings, known }: { readonly bindings: readonly Binding[]; readonly known: readonly ReadSecret[] },
): Promise<readonly ReadSecret[]> {
  const named = bindings.flatMap((binding) => (binding.validity === 'Valid' ? binding.imagePullSecrets : []));
  const others = new Set(named).difference(new Set(known.map(({ state }) => state.name)));
  const secrets: ReadSecret[] = [];
  for (const name of others) {
    const secret = await ifFound(client.get<RawSecret>(SECRETS, { namespace, name }));
    if (secret !== undefined) secrets.push(readSecret(secret));
  }
  return secrets;
}
