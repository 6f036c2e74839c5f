import { hasReason, type KubeClient, type KubeError } from '../../kube/index.ts';
import { type KubeObject, keyOf, type Resource, storedMeta } from '../../object/index.ts';
import { quoted } from '../../text/index.ts';
import { type CommandScope, ifFound, type ListFilter, listAll } from '../cluster/index.ts';

/**
 * Lists objects in the namespaces of the command, one namespace at a time. A namespace that may not be read does not stop the
 * work in the others. An example is a namespace that is being deleted, whose Role is already deleted.
 */
export class UnbindNamespaces {
  readonly #client: KubeClient;
  readonly #scopes: readonly CommandScope[];
  /** By namespace: the error with which the API server refused to list. */
  readonly #refused = new Map<string, KubeError>();
  /** By kind and key of an object: the name of the error that prevented reading it. */
  readonly #unread = new Map<string, string>();

  constructor(client: KubeClient, scope: CommandScope) {
    this.#client = client;
    this.#scopes =
      scope.kind === 'All' ? [scope] : scope.names.map((name) => ({ kind: 'Namespaces', names: [name] }));
  }

  /**
   * The projections of all objects of a kind; none if the cluster does not know the kind. If `project` throws for an
   * object, the object is left out and listed in {@link problems}.
   *
   * @throws KubeError, also if the API server refuses every namespace
   */
  async list<T>(
    resource: Resource,
    selection: ListFilter,
    project: (object: KubeObject) => T | undefined,
  ): Promise<readonly T[]> {
    const found: T[] = [];
    const read = (object: KubeObject) => this.#read(resource.kind, object, project);
    for (const scope of this.#scopes) {
      const list = ifFound(listAll(this.#client, resource, { ...selection, scope }, read));
      // Push one at a time, because the number of arguments of a call is limited.
      for (const item of (await list.catch((error) => this.#refuse(scope, error))) ?? []) found.push(item);
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

  /** Records that a namespace may not be read. If no other namespace can be read, throws the error. */
  #refuse(scope: CommandScope, error: unknown): undefined {
    if (scope.kind === 'All' || !hasReason(error, 'Forbidden')) throw error;
    this.#refused.set(scope.names[0], error);
    if (this.#refused.size === this.#scopes.length) throw error;
  }

  /** Messages about namespaces and objects that could not be read. */
  get problems(): readonly string[] {
    const namespaces = [...this.#refused].map(
      ([name, { message }]) =>
        `namespace ${quoted(name)} was skipped: ${message}; if the namespace is being deleted, its objects are deleted ` +
        'with it; otherwise request a Role in it, and run unbind again',
    );
    const objects = [...this.#unread].map(
      ([object, error]) =>
        `${object} was skipped: reading it failed with an unexpected ${error}; correct or delete the object, report ` +
        'the error, and run unbind again',
    );
    return [...namespaces, ...objects];
  }
}
