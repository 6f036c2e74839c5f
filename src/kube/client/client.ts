import type { Dispatcher } from 'undici';
import type { Priority } from '../../concurrency/index.ts';
import { apiVersionOf, type KubeObject, type Resource } from '../../object/index.ts';
import { errorFromAnswer, errorFromFailure, KubeError } from '../errors.ts';
import { Deadline } from './deadline.ts';
import { fenced } from './fence.ts';
import { jsonLines } from './json-lines.ts';
import { RetryPolicy } from './retry.ts';
import type { Connection, Transport } from './transport.ts';

const REQUEST_TIMEOUT_MS = 30_000;
/** Bookmarks come about once a minute, so a watch that is silent for longer than two has been cut off. */
const WATCH_SILENCE_MS = 150_000;

/** Which objects of a resource; no namespace: those of all. */
export interface Selection {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Ask for metadata alone (`PartialObjectMetadata`): the rest never leaves the API server. */
  readonly metadataOnly?: boolean;
}

export interface Page {
  readonly items: readonly KubeObject[];
  readonly resourceVersion: string;
  /** Token for the next page; undefined on the last. */
  readonly next: string | undefined;
}

export interface WatchEvent {
  readonly type: string;
  readonly object: KubeObject;
}

/** Where a watch begins. */
export interface WatchStart {
  /**
   * Changes after this version. undefined: first all objects, as `ADDED`, then a bookmark for which
   * {@link isInitialEventsEnd} holds (streaming list, KEP-3157), then the changes.
   */
  readonly resourceVersion: string | undefined;
  readonly timeoutSeconds: number;
}

/** One try of a request, as counted in the metrics. */
export interface RequestRecord {
  readonly verb: string;
  readonly resource: string;
  /** HTTP status as text, or the reason why no answer came. */
  readonly code: string;
  /** Until the answer began. */
  readonly seconds: number;
}

export interface RequestOptions {
  /** Ends the request, also while it waits for room or to be tried again. */
  readonly signal?: AbortSignal;
  /** `normal` unless told. */
  readonly priority?: Priority;
}

export interface GetOptions extends RequestOptions {
  /**
   * A version that the object is known to have had: the API server answers from its cache, with that or a newer one.
   * Unless told, it asks etcd for the newest (https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions).
   */
  readonly resourceVersion?: string;
}

export interface ClientOptions {
  readonly transport: Transport;
  /** Who writes, in managedFields; also the User-Agent. */
  readonly fieldManager: string;
  readonly onRequest?: (record: RequestRecord) => void;
  /** Called just before each try of a write is sent; what it throws keeps the write from being sent. */
  readonly fence?: () => void;
  /** After so long without an event or bookmark a watch is given up; 150 seconds unless told. */
  readonly watchSilenceMs?: number;
}

interface Call {
  readonly verb: string;
  readonly resource: Resource;
  readonly method: Dispatcher.HttpMethod;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  readonly options?: RequestOptions | undefined;
}

interface Place {
  /** undefined: it is in none. */
  readonly namespace: string | undefined;
  readonly name: string;
}

/**
 * The requests that a controller makes, in raw JSON: nothing that we do not know is dropped or converted on the
 * way. Each has a time-out, and is tried again where that is safe ({@link RetryPolicy}). Each method throws
 * {@link KubeError}, and only that.
 */
export class KubeClient {
  readonly #transport: Transport;
  readonly #fieldManager: string;
  readonly #onRequest: (record: RequestRecord) => void;
  readonly #fence: Dispatcher.DispatcherComposeInterceptor;
  readonly #watchSilenceMs: number;

  constructor(options: ClientOptions) {
    this.#transport = options.transport;
    this.#fieldManager = options.fieldManager;
    this.#onRequest = options.onRequest ?? (() => undefined);
    this.#fence = fenced(options.fence ?? (() => undefined));
    this.#watchSilenceMs = options.watchSilenceMs ?? WATCH_SILENCE_MS;
  }

  /** One page of at most 500 objects; `continueFrom` is {@link Page.next} of the page before. */
  async list(
    resource: Resource,
    selection: Selection,
    continueFrom?: string,
    options?: RequestOptions,
  ): Promise<Page> {
    const answer = await this.#json({
      verb: 'list',
      resource,
      method: 'GET',
      path: collectionPath(resource, selection.namespace),
      query: { ...selectors(selection), limit: '500', continue: continueFrom },
      accept:
        selection.metadataOnly === true ? metadataAccept('PartialObjectMetadataList') : 'application/json',
      options,
    });
    // The API server's own answer to a list: https://kubernetes.io/docs/reference/using-api/api-concepts/#collections
    const list = answer as {
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
   * Changes, with bookmarks, until the server ends the watch. Tried once: whoever watches knows from where to go on.
   *
   * @throws KubeError `Expired` where the version is too old, also in mid-stream; `Timeout` where neither event nor
   * bookmark came for long; `Invalid` where the server knows no streaming lists.
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
        ...beginning(start),
        timeoutSeconds: String(start.timeoutSeconds),
      },
      accept: selection.metadataOnly === true ? metadataAccept('PartialObjectMetadata') : 'application/json',
    };
    using silence = new Deadline(this.#watchSilenceMs, signal);
    const answer = await this.#send(call, 'watches', silence);
    try {
      for await (const line of jsonLines(answer.body)) {
        silence.putOff();
        // The API server's own stream: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
        const event = line as WatchEvent;
        if (event.type === 'ERROR') throw errorFromEvent(call, event);
        yield event;
      }
    } catch (error) {
      throw error instanceof KubeError ? error : errorFromFailure(nameOf(call), error);
    } finally {
      answer.body.destroy();
    }
  }

  async get<T extends KubeObject = KubeObject>(
    resource: Resource,
    place: Place,
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

  async create<T extends KubeObject>(resource: Resource, object: T, options?: RequestOptions): Promise<T> {
    return this.#object({
      verb: 'create',
      resource,
      method: 'POST',
      path: collectionPath(resource, object.metadata.namespace),
      query: { fieldManager: this.#fieldManager },
      body: object,
      options,
    });
  }

  /** Replaces the object that has this `metadata.resourceVersion`: `Conflict` where it has another by now. */
  async replace<T extends KubeObject>(resource: Resource, object: T, options?: RequestOptions): Promise<T> {
    return this.#object({
      verb: 'update',
      resource,
      method: 'PUT',
      path: objectPath(resource, placeOf(object)),
      query: { fieldManager: this.#fieldManager },
      body: object,
      options,
    });
  }

  /** JSON merge patch; with `metadata.resourceVersion` in the patch, `Conflict` where it is another by now. */
  async patch(resource: Resource, place: Place, patch: object): Promise<KubeObject> {
    return this.#merge(resource, objectPath(resource, place), patch);
  }

  /** As {@link patch}, of the status subresource. */
  async patchStatus<T extends KubeObject>(resource: Resource, place: Place, patch: object): Promise<T> {
    return this.#merge(resource, `${objectPath(resource, place)}/status`, patch);
  }

  async #merge<T extends KubeObject>(resource: Resource, path: string, body: object): Promise<T> {
    const query = { fieldManager: this.#fieldManager };
    const contentType = 'application/merge-patch+json';
    return this.#object({ verb: 'patch', resource, method: 'PATCH', path, query, body, contentType });
  }

  /**
   * Server-side apply to the status subresource: fields that an earlier apply set and this one does not name go.
   * With `metadata.uid`, an object that was deleted and created again in between is left alone (`Conflict`).
   * In the background: what a status tells must not keep back what it tells of.
   */
  async applyStatus<T extends KubeObject>(
    resource: Resource,
    object: KubeObject & { readonly status: unknown },
  ): Promise<T> {
    return this.#object({
      verb: 'patch',
      resource,
      method: 'PATCH',
      path: `${objectPath(resource, placeOf(object))}/status`,
      query: { fieldManager: this.#fieldManager, force: 'true' },
      body: { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object },
      contentType: 'application/apply-patch+yaml',
      options: { priority: 'background' },
    });
  }

  /** Deletes the object that has this uid and resource version; `Conflict` where it is another by now. */
  async delete(
    resource: Resource,
    object: Place & { readonly uid: string; readonly resourceVersion: string },
  ): Promise<void> {
    await this.#json({
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
    return (await this.#json(call)) as T;
  }

  /** Sends until it succeeds or may not be sent again. */
  async #json(call: Call): Promise<unknown> {
    const policy = new RetryPolicy(call.method);
    const { signal, priority = 'normal' } = call.options ?? {};
    for (;;) {
      try {
        return await this.#try(call, priority, signal);
      } catch (error) {
        const wait = policy.waitAfter(error);
        if (wait === undefined || signal?.aborted === true) throw error;
        await this.#transport.sleep(wait, signal);
      }
    }
  }

  async #try(call: Call, priority: Priority, signal: AbortSignal | undefined): Promise<unknown> {
    try {
      return await this.#transport.requestLimiter.run(priority, () => this.#answer(call, signal), signal);
    } catch (error) {
      throw error instanceof KubeError ? error : errorFromFailure(nameOf(call), error);
    }
  }

  async #answer(call: Call, signal: AbortSignal | undefined): Promise<unknown> {
    using deadline = new Deadline(REQUEST_TIMEOUT_MS, signal);
    const answer = await this.#send(call, 'requests', deadline);
    return await answer.body.json();
  }

  async #send(
    call: Call,
    pool: 'requests' | 'watches',
    deadline: Deadline,
  ): Promise<Dispatcher.ResponseData> {
    const begun = performance.now();
    let answer: Dispatcher.ResponseData;
    try {
      // It may ask a program for a credential.
      const connection = await deadline.race(this.#transport.connection());
      const dispatcher = call.method === 'GET' ? connection[pool] : connection[pool].compose(this.#fence);
      // undici heeds the signal only once the request has a connection; what is given up before is never sent.
      answer = await deadline.race(
        dispatcher.request(this.#requestOptions(call, connection, deadline.signal)),
      );
    } catch (error) {
      const failure = errorFromFailure(nameOf(call), error);
      this.#count(call, failure.reason, begun);
      throw failure;
    }
    this.#count(call, String(answer.statusCode), begun);
    if (answer.statusCode < 300) return answer;
    const body = await answer.body.text().catch(() => '');
    const retryAfter = answer.headers['retry-after'];
    throw errorFromAnswer(nameOf(call), {
      status: answer.statusCode,
      body,
      retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
    });
  }

  #requestOptions(call: Call, connection: Connection, signal: AbortSignal): Dispatcher.RequestOptions {
    return {
      origin: connection.origin,
      path: `${connection.pathPrefix}${call.path}${queryText(call.query ?? {})}`,
      method: call.method,
      headers: {
        accept: call.accept ?? 'application/json',
        'user-agent': this.#fieldManager,
        ...(call.body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }),
        ...connection.headers,
      },
      body: call.body === undefined ? null : JSON.stringify(call.body),
      headersTimeout: REQUEST_TIMEOUT_MS,
      // The signal knows better: chunks that say nothing do not count.
      bodyTimeout: 0,
      signal,
    };
  }

  #count(call: Call, code: string, begun: number): void {
    const seconds = (performance.now() - begun) / 1000;
    this.#onRequest({ verb: call.verb, resource: call.resource.plural, code, seconds });
  }
}

/** Whether this bookmark ends the objects that a streaming list begins with. */
export function isInitialEventsEnd({ type, object }: WatchEvent): boolean {
  return type === 'BOOKMARK' && object.metadata.annotations?.['k8s.io/initial-events-end'] === 'true';
}

function nameOf(call: Call): string {
  return `${call.verb} ${call.path}`;
}

/** An `ERROR` event of a watch carries a Status object; 410 says that the version is too old. */
function errorFromEvent(call: Call, event: WatchEvent): KubeError {
  const code = (event.object as { code?: unknown }).code;
  return errorFromAnswer(nameOf(call), {
    status: typeof code === 'number' ? code : 500,
    body: JSON.stringify(event.object),
    retryAfter: undefined,
  });
}

function placeOf(object: KubeObject): Place {
  return { namespace: object.metadata.namespace ?? '', name: object.metadata.name };
}

function collectionPath(resource: Resource, namespace: string | undefined): string {
  const root =
    resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const scope = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${root}${scope}/${resource.plural}`;
}

function objectPath(resource: Resource, place: Place): string {
  return `${collectionPath(resource, place.namespace)}/${encodeURIComponent(place.name)}`;
}

function selectors(selection: Selection): Record<string, string | undefined> {
  return { labelSelector: selection.labelSelector, fieldSelector: selection.fieldSelector };
}

/** https://kubernetes.io/docs/reference/using-api/api-concepts/#streaming-lists */
function beginning({ resourceVersion }: WatchStart): Record<string, string> {
  return resourceVersion === undefined
    ? { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' }
    : { resourceVersion };
}

function metadataAccept(kind: string): string {
  return `application/json;as=${kind};g=meta.k8s.io;v=v1`;
}

function queryText(query: Readonly<Record<string, string | undefined>>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, value);
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}
