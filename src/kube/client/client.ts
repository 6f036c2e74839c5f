import { apiVersionOf, type KubeObject, type Resource } from '../../object/index.ts';
import { errorFromFailure, errorFromResponse, KubeError, notKubernetes } from '../errors.ts';
import { Deadline } from './deadline.ts';
import { jsonLines } from './json-lines.ts';
import { collectionPath, type NamespacedName, objectPath } from './paths.ts';
import { type Call, nameOf, type RequestOptions, Sender, type SenderOptions } from './sender.ts';

/** Bookmarks come about once a minute, so a watch that is silent for longer than two has been cut off. */
const WATCH_SILENCE_MS = 150_000;

/** Selects objects of a resource. `namespace` undefined: the objects of all namespaces. */
export interface Selection {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Request only metadata (`PartialObjectMetadata`): the rest never leaves the API server. */
  readonly metadataOnly?: boolean;
}

export interface Page {
  readonly items: readonly KubeObject[];
  readonly resourceVersion: string;
  /** Token for the next page; undefined: this is the last page. */
  readonly next: string | undefined;
}

export interface WatchEvent {
  readonly type: string;
  readonly object: KubeObject;
}

/** Where a watch starts. */
export interface WatchStart {
  /**
   * Watch changes after this version. undefined: a streaming list (KEP-3157): first all objects as `ADDED`, then a bookmark
   * for which {@link isInitialEventsEnd} is true, then the changes.
   */
  readonly resourceVersion: string | undefined;
  readonly timeoutSeconds: number;
}

export interface GetOptions extends RequestOptions {
  /**
   * A version that the object is known to have had. The API server then answers from its cache, with this version or a newer
   * one. undefined: the newest version, from etcd
   * (https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions).
   */
  readonly resourceVersion?: string;
}

export interface ClientOptions extends SenderOptions {
  /** A watch without an event or a bookmark for this long is ended; 150 seconds by default. */
  readonly watchSilenceMs?: number;
}

/**
 * The requests that a controller needs. Objects are raw JSON, so unknown fields are neither dropped nor converted. Each
 * request has a time-out, and is retried if that is safe. Methods throw only {@link KubeError}.
 */
export class KubeClient {
  readonly #sender: Sender;
  readonly #fieldManager: string;
  readonly #watchSilenceMs: number;

  constructor(options: ClientOptions) {
    this.#sender = new Sender(options);
    this.#fieldManager = options.fieldManager;
    this.#watchSilenceMs = options.watchSilenceMs ?? WATCH_SILENCE_MS;
  }

  /** One page of at most 500 objects. `continueFrom` is {@link Page.next} of the previous page. */
  async list(
    resource: Resource,
    selection: Selection,
    continueFrom?: string,
    options?: RequestOptions,
  ): Promise<Page> {
    const call: Call = {
      verb: 'list',
      resource,
      method: 'GET',
      path: collectionPath(resource, selection.namespace),
      query: { ...selectors(selection), limit: '500', continue: continueFrom },
      accept:
        selection.metadataOnly === true ? metadataAccept('PartialObjectMetadataList') : 'application/json',
      options,
    };
    const response = await this.#sender.object(call);
    if (!Array.isArray(response['items']) && response['items'] !== null)
      throw notKubernetes(nameOf(call), { status: 200 });
    // The format of the API server's response to a list: https://kubernetes.io/docs/reference/using-api/api-concepts/#collections
    const list = response as unknown as {
      metadata: { resourceVersion: string; continue?: string };
      items: readonly KubeObject[] | null;
    };
    return {
      items: list.items ?? [],
      resourceVersion: list.metadata.resourceVersion,
      next: list.metadata.continue === '' ? undefined : list.metadata.continue,
    };
  }

  /**
   * Changes and bookmarks, until the server ends the watch. Does not retry, because the caller knows where to continue.
   *
   * @throws KubeError `Expired` if the version is too old, possibly in mid-stream; `Timeout` if neither an event nor a
   *   bookmark arrived for {@link ClientOptions.watchSilenceMs}; `Invalid` if the server does not support streaming lists
   */
  async *watch(
    resource: Resource,
    selection: Selection,
    start: WatchStart,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent> {
    const call: Call = {
      verb: 'watch',
      resource,
      method: 'GET',
      path: collectionPath(resource, selection.namespace),
      query: {
        ...selectors(selection),
        watch: 'true',
        allowWatchBookmarks: 'true',
        ...startQuery(start),
        timeoutSeconds: String(start.timeoutSeconds),
      },
      accept: selection.metadataOnly === true ? metadataAccept('PartialObjectMetadata') : 'application/json',
    };
    using silence = new Deadline(this.#watchSilenceMs, signal);
    const response = await this.#sender.stream(call, silence);
    try {
      for await (const line of jsonLines(response.body)) {
        silence.postpone();
        // The format of the API server's stream: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
        const event = line as WatchEvent;
        if (event.type === 'ERROR') throw errorFromEvent(call, event);
        yield event;
      }
    } catch (error) {
      if (error instanceof KubeError) throw error;
      // The parser's message quotes the response.
      throw error instanceof SyntaxError
        ? notKubernetes(nameOf(call), { status: response.statusCode })
        : errorFromFailure(nameOf(call), error);
    } finally {
      response.body.destroy();
    }
  }

  /**
   * The plurals of the resources that the API server serves in a version of a group. Every authenticated user may read them
   * by default. `NotFound` if the API server does not know the version.
   */
  async servedResources({ group, version }: Pick<Resource, 'group' | 'version'>): Promise<readonly string[]> {
    const resource = { group, version, plural: 'apiresources', kind: 'APIResourceList' };
    const path = `/apis/${group}/${version}`;
    const response = await this.#sender.json({ verb: 'get', resource, method: 'GET', path });
    // https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
    const { resources } = response as { readonly resources: readonly { readonly name: string }[] };
    return resources.map(({ name }) => name);
  }

  async get<T extends KubeObject = KubeObject>(
    resource: Resource,
    place: NamespacedName,
    options: GetOptions = {},
  ): Promise<T> {
    return this.#object({
      verb: 'get',
      resource,
      method: 'GET',
      path: objectPath(resource, place),
      query: { resourceVersion: options.resourceVersion },
      options,
    });
  }

  /** @param options.dryRun - the API server admits and returns the object, and does not store it */
  async create<T extends KubeObject>(
    resource: Resource,
    object: T,
    { dryRun = false, ...options }: RequestOptions & { readonly dryRun?: boolean } = {},
  ): Promise<T> {
    return this.#object({
      verb: 'create',
      resource,
      method: 'POST',
      path: collectionPath(resource, object.metadata.namespace),
      query: { fieldManager: this.#fieldManager, dryRun: dryRun ? 'All' : undefined },
      body: object,
      options,
    });
  }

  /** Replaces the object with this `metadata.resourceVersion`. `Conflict` if the object has another version by now. */
  async replace<T extends KubeObject>(resource: Resource, object: T, options?: RequestOptions): Promise<T> {
    return this.#object({
      verb: 'update',
      resource,
      method: 'PUT',
      path: objectPath(resource, nameIn(object)),
      query: { fieldManager: this.#fieldManager },
      body: object,
      options,
    });
  }

  /** JSON merge patch. With `metadata.resourceVersion` in the patch, `Conflict` if the object has another version by now. */
  async patch(resource: Resource, place: NamespacedName, patch: object): Promise<KubeObject> {
    return this.#merge(resource, objectPath(resource, place), patch);
  }

  /** Like {@link patch}, for the status subresource. */
  async patchStatus<T extends KubeObject>(
    resource: Resource,
    place: NamespacedName,
    patch: object,
  ): Promise<T> {
    return this.#merge(resource, `${objectPath(resource, place)}/status`, patch);
  }

  async #merge<T extends KubeObject>(resource: Resource, path: string, body: object): Promise<T> {
    const query = { fieldManager: this.#fieldManager };
    const contentType = 'application/merge-patch+json';
    return this.#object({ verb: 'patch', resource, method: 'PATCH', path, query, body, contentType });
  }

  /**
   * Server-side apply to the status subresource. Removes fields that an earlier apply set and this one does not contain.
   * With `metadata.uid`, an object that was recreated in the meantime is not changed (`Conflict`). Has background priority,
   * so that status writes do not delay the work that they report.
   */
  async applyStatus<T extends KubeObject>(
    resource: Resource,
    object: KubeObject & { readonly status: unknown },
  ): Promise<T> {
    return this.#object({
      verb: 'patch',
      resource,
      method: 'PATCH',
      path: `${objectPath(resource, nameIn(object))}/status`,
      query: { fieldManager: this.#fieldManager, force: 'true' },
      body: { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object },
      contentType: 'application/apply-patch+yaml',
      options: { priority: 'background' },
    });
  }

  /** Deletes the object with this uid and resource version. `Conflict` if the object has another one by now. */
  async delete(
    resource: Resource,
    object: NamespacedName & { readonly uid: string; readonly resourceVersion: string },
  ): Promise<void> {
    await this.#sender.json({
      verb: 'delete',
      resource,
      method: 'DELETE',
      path: objectPath(resource, object),
      body: {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        preconditions: { uid: object.uid, resourceVersion: object.resourceVersion },
      },
    });
  }

  async #object<T extends KubeObject>(call: Call): Promise<T> {
    // The API server answers get, create, update and patch with an object of that resource.
    return (await this.#sender.object(call)) as unknown as T;
  }
}

/** Whether this bookmark marks the end of the initial objects of a streaming list. */
export function isInitialEventsEnd({ type, object }: WatchEvent): boolean {
  return type === 'BOOKMARK' && object.metadata.annotations?.['k8s.io/initial-events-end'] === 'true';
}

/** An `ERROR` event of a watch contains a Status object. 410 means that the version is too old. */
function errorFromEvent(call: Call, event: WatchEvent): KubeError {
  const code = (event.object as { code?: unknown }).code;
  return errorFromResponse(nameOf(call), {
    status: typeof code === 'number' ? code : 500,
    body: JSON.stringify(event.object),
    retryAfter: undefined,
  });
}

function nameIn(object: KubeObject): NamespacedName {
  return { namespace: object.metadata.namespace, name: object.metadata.name };
}

function selectors(selection: Selection): Record<string, string | undefined> {
  return { labelSelector: selection.labelSelector, fieldSelector: selection.fieldSelector };
}

/** https://kubernetes.io/docs/reference/using-api/api-concepts/#streaming-lists */
function startQuery({ resourceVersion }: WatchStart): Record<string, string> {
  return resourceVersion === undefined
    ? { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' }
    : { resourceVersion };
}

function metadataAccept(kind: string): string {
  return `application/json;as=${kind};g=meta.k8s.io;v=v1`;
}
