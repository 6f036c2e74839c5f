import { setTimeout as delay } from 'node:timers/promises';
import { UserError } from '../../src/cli/index.ts';
import { hasReason, type KubeClient } from '../../src/kube/index.ts';
import { NAMESPACES, type ObjectMeta } from '../../src/object/index.ts';
import { quoted } from '../../src/text/index.ts';
import { DISCOVERY_ANNOTATION } from './workload.ts';
import { type CreatedNamespace, deleteNamespace, ifFound } from './workspace.ts';

const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';
const MANAGED_BY = 'image-credential-binding-acceptance';
/** Limit on the deletion, in which the operator removes its finalizers from Scans. */
const DELETION_SECONDS = 120;
const POLL_MS = 500;

/**
 * Creates the namespace.
 *
 * @param discovers - whether it opts in to discovery
 * @throws UserError if it exists
 */
export async function createNamespace(
  client: KubeClient,
  name: string,
  discovers: boolean,
): Promise<CreatedNamespace> {
  const metadata: ObjectMeta = {
    name,
    labels: { [MANAGED_BY_LABEL]: MANAGED_BY },
    annotations: discovers ? { [DISCOVERY_ANNOTATION]: 'true' } : {},
  };
  try {
    const created = await client.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata });
    return { name, uid: created.metadata.uid ?? '' };
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists')) throw error;
    throw new UserError(
      `the namespace ${quoted(name)} exists, but this command creates its namespace and deletes it at the end; delete it if ` +
        'it is of an earlier run (kubectl delete namespace), or choose another name with --namespace',
    );
  }
}

/**
 * Deletes the namespace, and waits until it no longer exists. Retries if the API server cannot be reached.
 *
 * @returns undefined if it was deleted, otherwise what prevents that
 */
export async function removeNamespace(
  client: KubeClient,
  namespace: CreatedNamespace,
): Promise<string | undefined> {
  const deadline = performance.now() + DELETION_SECONDS * 1_000;
  let problem = '';
  while (performance.now() < deadline) {
    try {
      await deleteNamespace(client, namespace);
      const present = await ifFound(client.get(NAMESPACES, { namespace: undefined, name: namespace.name }));
      if (present === undefined || present.metadata.uid !== namespace.uid) return undefined;
      problem = `it still exists after ${DELETION_SECONDS} s`;
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    await delay(POLL_MS);
  }
  return problem;
}
