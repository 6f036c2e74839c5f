import { hasReason, KubeClient, KubeConfigError, KubeError, Transport } from '../../kube/index.ts';
import { type KubeObject, NAMESPACES, type Resource } from '../../object/index.ts';
import { quoted } from '../../text/index.ts';
import { UserError } from '../errors.ts';
import type { ClusterConfig } from './config.ts';
import { type Purpose, userErrorOf } from './purpose.ts';
import { type CommandScope, namespacesOf } from './scope.ts';

/**
 * Calls `use` with a client that has the rights of the user. First obtains the credential, for which a plug-in may let the user
 * log in. That may take longer than a request.
 *
 * @param config - with the time limit of a request, if it has one
 * @param fieldManager - name of the writer in managedFields, and the User-Agent
 * @throws UserError if there is no credential, or if `use` throws a KubeError; the message says what to do about it
 */
export async function withCluster<T>(
  config: ClusterConfig,
  purpose: Purpose,
  fieldManager: string,
  use: (client: KubeClient) => Promise<T>,
): Promise<T> {
  const { requestTimeoutMs } = config;
  const transport = new Transport(config, undefined, requestTimeoutMs);
  try {
    await transport.connection();
    return await use(new KubeClient({ transport, fieldManager, requestTimeoutMs }));
  } catch (error) {
    if (error instanceof KubeConfigError) throw new UserError(error.message);
    throw error instanceof KubeError ? userErrorOf(error, config, purpose) : error;
  } finally {
    await transport.close();
  }
}

/** Selects objects, and which parts of them a list contains; see {@link KubeClient.list}. */
export type ListFilter = Pick<
  Parameters<KubeClient['list']>[1],
  'labelSelector' | 'fieldSelector' | 'metadataOnly'
>;

/**
 * Lists all objects of the scope and returns their projections. Holds at most one page of whole objects.
 *
 * @param project - returns undefined to leave an object out
 * @throws KubeError
 */
export async function listAll<T>(
  client: KubeClient,
  resource: Resource,
  selection: ListFilter & { readonly scope: CommandScope },
  project: (object: KubeObject) => T | undefined,
): Promise<readonly T[]> {
  const { scope, ...narrowing } = selection;
  const found: T[] = [];
  for (const namespace of namespacesOf(scope)) {
    const place = namespace === undefined ? narrowing : { ...narrowing, namespace };
    for await (const objects of pages(client, resource, place))
      found.push(...objects.map(project).filter((projected) => projected !== undefined));
  }
  return found;
}

async function* pages(
  client: KubeClient,
  resource: Resource,
  selection: Parameters<KubeClient['list']>[1],
): AsyncGenerator<readonly KubeObject[]> {
  let next: string | undefined;
  do {
    const page = await client.list(resource, selection, next);
    yield page.items;
    next = page.next;
  } while (next !== undefined);
}

/** The result of a list or get, or undefined if the cluster does not know the resource or has no such object. */
export async function ifFound<T>(list: Promise<T>): Promise<T | undefined> {
  try {
    return await list;
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined;
    throw error;
  }
}

/**
 * Checks that these namespaces exist. To be called for namespaces in which a list found nothing, because the list of a missing
 * namespace is empty, too. Skips a namespace that the user may not get.
 *
 * @throws UserError if a namespace does not exist, KubeError
 */
export async function checkNamespaces(client: KubeClient, names: readonly string[]): Promise<void> {
  for (const name of names) {
    try {
      await client.get(NAMESPACES, { namespace: undefined, name });
    } catch (error) {
      if (hasReason(error, 'NotFound')) {
        throw new UserError(
          `the namespace ${quoted(name)} does not exist; correct --namespace (list them with kubectl get namespaces)`,
        );
      }
      if (!hasReason(error, 'Forbidden')) throw error;
    }
  }
}

/** The namespaces of a scope that contain none of these objects. */
export function emptyNamespaces(
  scope: CommandScope,
  objects: readonly { readonly namespace: string }[],
): readonly string[] {
  const seen = new Set(objects.map(({ namespace }) => namespace));
  return scope.kind === 'All' ? [] : scope.names.filter((name) => !seen.has(name));
}
