import type { KubeConfig } from '@kubernetes/client-node';
import { hasReason, KubeClient, KubeError, Transport } from '../../kube/index.ts';
import { type KubeObject, NAMESPACES, type Resource } from '../../object/index.ts';
import { quoted } from '../../text/index.ts';
import { UserError } from '../errors.ts';
import { type Purpose, userErrorOf } from './purpose.ts';
import { namespacesOf, type Scope } from './scope.ts';

/**
 * Does something with a cluster, with the rights of whoever asks.
 *
 * @param fieldManager - who writes, in managedFields; also the User-Agent
 * @throws UserError where a KubeError got this far: with what to do about it
 */
export async function withCluster<T>(
  config: KubeConfig,
  purpose: Purpose,
  fieldManager: string,
  use: (client: KubeClient) => Promise<T>,
): Promise<T> {
  const transport = new Transport(config);
  try {
    return await use(new KubeClient({ transport, fieldManager }));
  } catch (error) {
    throw error instanceof KubeError ? userErrorOf(error, config, purpose) : error;
  } finally {
    await transport.close();
  }
}

/** What narrows a list; see {@link KubeClient.list}. */
type Narrowing = Pick<Parameters<KubeClient['list']>[1], 'labelSelector' | 'fieldSelector' | 'metadataOnly'>;

/**
 * What `project` makes of all objects of the scope, page by page: no more than a page of whole objects is held.
 *
 * @param project - undefined: passed over
 * @throws KubeError
 */
export async function listAll<T>(
  client: KubeClient,
  resource: Resource,
  selection: Narrowing & { readonly scope: Scope },
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

/** For {@link listAll} of a kind that the cluster may not know: undefined is that. */
export async function unlessUnknown<T>(list: Promise<T>): Promise<T | undefined> {
  try {
    return await list;
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined;
    throw error;
  }
}

/**
 * Makes sure that namespaces exist in which nothing was found: one that does not has empty lists. Who may not look at
 * namespaces is not told.
 *
 * @throws UserError, KubeError
 */
export async function checkNamespaces(client: KubeClient, names: readonly string[]): Promise<void> {
  for (const name of names) {
    try {
      await client.get(NAMESPACES, { namespace: undefined, name });
    } catch (error) {
      if (hasReason(error, 'NotFound')) {
        throw new UserError(
          `expected a namespace of the cluster, found no ${quoted(name)}; correct --namespace (kubectl get namespaces)`,
        );
      }
      if (!hasReason(error, 'Forbidden')) throw error;
    }
  }
}

/** The namespaces of a scope in which none of these objects is. */
export function emptyNamespaces(
  scope: Scope,
  objects: readonly { readonly namespace: string }[],
): readonly string[] {
  const seen = new Set(objects.map(({ namespace }) => namespace));
  return scope.kind === 'All' ? [] : scope.names.filter((name) => !seen.has(name));
}
