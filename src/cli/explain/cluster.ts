import type { KubeConfig } from '@kubernetes/client-node';
import { imageCredentialBindings } from '../../api/index.ts';
import { type Binding, type RawBinding, readBinding } from '../../binding/index.ts';
import { PULL_SECRET_TYPES } from '../../credential/index.ts';
import type { KubeClient } from '../../kube/index.ts';
import { SCHEDULED_SCANS, SECRETS } from '../../object/index.ts';
import { type RawScheduledScan, readScheduledScan } from '../../scan/index.ts';
import { type RawSecret, readSourceSecret, type SourceSecret } from '../../secret/index.ts';
import { quoted } from '../../text/index.ts';
import { type CommandScope, checkNamespaces, listAll, unlessUnknown, withCluster } from '../cluster/index.ts';
import type { Inventory } from './inventory.ts';

/**
 * Reads the bindings, pull secrets and ScheduledScans of a namespace, with the rights of whoever asks.
 *
 * @throws UserError where the API server cannot be reached, refuses, or lacks the namespace or our CRD
 */
export async function readCluster(config: KubeConfig, namespace: string): Promise<Inventory> {
  const purpose = {
    scope: { kind: 'Namespaces', names: [namespace] },
    needs: 'list secrets, imagecredentialbindings and scheduledscans',
    instead: 'explain from files (--filename)',
  } as const;
  return withCluster(config, purpose, 'explain', (client) => readNamespace(client, namespace));
}

async function readNamespace(client: KubeClient, namespace: string): Promise<Inventory> {
  const scope: CommandScope = { kind: 'Namespaces', names: [namespace] };
  // The API server sends what it was asked for, and CRDs have checked the shape of their objects.
  const [bindings, scans, ...secrets] = await Promise.all([
    listAll(client, imageCredentialBindings, { scope }, (object) => readBinding(object as RawBinding)),
    unlessUnknown(
      listAll(client, SCHEDULED_SCANS, { scope }, (object) =>
        readScheduledScan(object as typeof object & RawScheduledScan),
      ),
    ),
    ...PULL_SECRET_TYPES.map((type) =>
      listAll(client, SECRETS, { scope, fieldSelector: `type=${type}` }, (object) =>
        readSourceSecret(object as RawSecret),
      ),
    ),
  ]);
  const others = await readNamed(client, namespace, { bindings, known: secrets.flat() });
  if (bindings.length + secrets.flat().length === 0) await checkNamespaces(client, [namespace]);
  return {
    named: 'ByBinding',
    secrets: [...secrets.flat(), ...others],
    bindings,
    scheduledScans: scans ?? [],
    allScans: scans !== undefined,
    remarks: [
      ...(bindings.length === 0
        ? [`there are no bindings in ${quoted(namespace)}; -n names another namespace`]
        : []),
      ...(scans === undefined
        ? ['this cluster knows no ScheduledScans: secureCodeBox is not installed']
        : []),
    ],
  };
}

/** Secrets that are no pull secrets are read by the name that a binding gives, as the controller does. */
async function readNamed(
  client: KubeClient,
  namespace: string,
  { bindings, known }: { readonly bindings: readonly Binding[]; readonly known: readonly SourceSecret[] },
): Promise<readonly SourceSecret[]> {
  const named = bindings.flatMap((binding) => (binding.validity === 'Valid' ? binding.imagePullSecrets : []));
  const others = new Set(named).difference(new Set(known.map(({ name }) => name)));
  const secrets: SourceSecret[] = [];
  for (const name of others) {
    const secret = await unlessUnknown(client.get<RawSecret>(SECRETS, { namespace, name }));
    if (secret !== undefined) secrets.push(readSourceSecret(secret));
  }
  return secrets;
}
