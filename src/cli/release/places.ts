import { hasReason, type KubeClient, type KubeError } from '../../kube/index.ts';
import { type KubeObject, keyOf, type Resource, storedMeta } from '../../object/index.ts';
import { quoted } from '../../text/index.ts';
import { listAll, type Scope, unlessUnknown } from '../cluster/index.ts';

type Selection = { readonly labelSelector?: string; readonly metadataOnly?: boolean };

/**
 * The namespaces of a release, each on its own: one that may not be read, for example because it is being deleted and its
 * Role has gone first, keeps no other from being released.
 */
export class Places {
  readonly #client: KubeClient;
  readonly #scopes: readonly Scope[];
  /** By namespace: what it was refused with. */
  readonly #refused = new Map<string, KubeError>();
  /** By kind and key of an object: the name of the error that prevented reading it. */
  readonly #unread = new Map<string, string>();

  constructor(client: KubeClient, scope: Scope) {
    this.#client = client;
    this.#scopes =
      scope.kind === 'All' ? [scope] : scope.names.map((name) => ({ kind: 'Namespaces', names: [name] }));
  }

  /**
   * The projections of all objects of a kind; none if the cluster does not know the kind. If `project` throws for an
   * object, the object is left out and listed in {@link problems}.
   *
   * @throws KubeError, also where all that was asked for is refused
   */
  async list<T>(
    resource: Resource,
    selection: Selection,
    project: (object: KubeObject) => T | undefined,
  ): Promise<readonly T[]> {
    const found: T[] = [];
    const read = (object: KubeObject) => this.#read(resource.kind, object, project);
    for (const scope of this.#scopes) {
      const list = unlessUnknown(listAll(this.#client, resource, { ...selection, scope }, read));
      // Push one at a time, because the number of arguments of a call is limited.
      for (const one of (await list.catch((error) => this.#refuse(scope, error))) ?? []) found.push(one);
    }
    return found;
  }

  #read<T>(kind: string, object: KubeObject, project: (object: KubeObject) => T): T | undefined {
    try {
      return project(object);
    } catch (error) {
      this.#unread.set(`${kind} ${keyOf(storedMeta(object))}`, error instanceof Error ? error.name : 'error');
      return undefined;
    }
  }

  /** Notes down a namespace that may not be read; one of several alone can be passed over. */
  #refuse(scope: Scope, error: unknown): undefined {
    if (scope.kind === 'All' || !hasReason(error, 'Forbidden')) throw error;
    this.#refused.set(scope.names[0], error);
    if (this.#refused.size === this.#scopes.length) throw error;
  }

  /** Messages about namespaces and objects that could not be read. */
  get problems(): readonly string[] {
    const namespaces = [...this.#refused].map(
      ([name, { message }]) =>
        `namespace ${quoted(name)} is passed over: ${message}; if it is being deleted, all goes with it, ` +
        'else ask for a Role there and release it again',
    );
    const objects = [...this.#unread].map(
      ([object, error]) =>
        `${object} was skipped: reading it failed with an unexpected ${error}; correct or delete the object, report ` +
        'the error, and release it again',
    );
    return [...namespaces, ...objects];
  }
}
