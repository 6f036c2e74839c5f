import type { Dispatcher } from 'undici';
import type { Priority } from '../../concurrency/index.ts';
import type { Resource } from '../../object/index.ts';
import { isRecord, readObject } from '../../text/index.ts';
import { errorFromFailure, errorFromResponse, KubeError, notKubernetes } from '../errors.ts';
import { Deadline } from './deadline.ts';
import { fenced } from './fence.ts';
import { queryText } from './paths.ts';
import { RetryPolicy } from './retry.ts';
import type { Connection, Transport } from './transport.ts';

const REQUEST_TIMEOUT_MS = 30_000;
/** How long a request for a user who waits is repeated if no connection can be opened. */
const USER_PATIENCE_MS = 1_000;

/** One try of a request, as counted in the metrics. */
export interface RequestRecord {
  readonly verb: string;
  readonly resource: string;
  /** HTTP status as text, or the reason why no response came. */
  readonly code: string;
  /** Time until the response began. */
  readonly seconds: number;
}

export interface RequestOptions {
  /** Cancels the request, even while it waits for a place in the limiter or for a retry. */
  readonly signal?: AbortSignal;
  /** `normal` by default. */
  readonly priority?: Priority;
}

export interface SenderOptions {
  readonly transport: Transport;
  /** The name of the writer in managedFields, and the User-Agent. */
  readonly fieldManager: string;
  readonly onRequest?: (record: RequestRecord) => void;
  /** Called just before each try of a write is sent. If it throws, the write is not sent. */
  readonly fence?: () => void;
  /**
   * Limit on a request with all its tries, in milliseconds, for a user who waits. A write has at least 30 seconds, because
   * admission webhooks may take as long. If no connection can be opened, the request fails after a second. undefined: each try
   * has 30 seconds.
   */
  readonly requestTimeoutMs?: number | undefined;
}

/** One request, regardless of how often it is tried. */
export interface Call {
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

/**
 * Sends requests to the API server, and counts each try. Methods throw only {@link KubeError}.
 */
export class Sender {
  readonly #transport: Transport;
  readonly #userAgent: string;
  readonly #onRequest: (record: RequestRecord) => void;
  readonly #requestTimeoutMs: number | undefined;
  readonly #fence: Dispatcher.DispatcherComposeInterceptor;
  /** Whether the server has identified itself as a Kubernetes API server. */
  #isKubernetes = false;

  constructor(options: SenderOptions) {
    this.#transport = options.transport;
    this.#userAgent = options.fieldManager;
    this.#onRequest = options.onRequest ?? (() => undefined);
    this.#requestTimeoutMs = options.requestTimeoutMs;
    this.#fence = fenced(options.fence ?? (() => undefined));
  }

  /**
   * Sends a request, and retries it until it succeeds or must not be retried ({@link RetryPolicy}). Each try waits for a
   * place in the limiter, and has a time-out.
   *
   * @returns the body of the response
   */
  async json(call: Call): Promise<unknown> {
    const limitMs = this.#limitMs(call);
    if (limitMs === undefined) return this.#retried(call, new RetryPolicy(call.method), call.options?.signal);
    using deadline = new Deadline(limitMs, call.options?.signal);
    return await this.#retried(call, new RetryPolicy(call.method, USER_PATIENCE_MS), deadline.signal);
  }

  async #retried(call: Call, policy: RetryPolicy, signal: AbortSignal | undefined): Promise<unknown> {
    for (;;) {
      try {
        return await this.#try(call, call.options?.priority ?? 'normal', signal);
      } catch (error) {
        const wait = policy.waitAfter(error);
        if (wait === undefined || signal?.aborted === true) throw error;
        await this.#transport.sleep(wait, signal);
      }
    }
  }

  #limitMs({ method }: Call): number | undefined {
    const limit = this.#requestTimeoutMs;
    return limit === undefined || method === 'GET' ? limit : Math.max(limit, REQUEST_TIMEOUT_MS);
  }

  /** Limit on one try, in milliseconds. */
  #tryMs(call: Call): number {
    return this.#limitMs(call) ?? REQUEST_TIMEOUT_MS;
  }

  /**
   * Like {@link json}, for a request that an API server answers with an object.
   *
   * @throws KubeError `NotKubernetes` if the response is something else
   */
  async object(call: Call): Promise<Readonly<Record<string, unknown>>> {
    const response = await this.json(call);
    if (isRecord(response) && isRecord(response['metadata'])) return response;
    throw notKubernetes(nameOf(call), { status: 200, contentType: 'application/json' });
  }

  async #try(call: Call, priority: Priority, signal: AbortSignal | undefined): Promise<unknown> {
    try {
      return await this.#transport.requestLimiter.run(priority, () => this.#fetch(call, signal), signal);
    } catch (error) {
      throw error instanceof KubeError ? error : errorFromFailure(nameOf(call), error);
    }
  }

  async #fetch(call: Call, signal: AbortSignal | undefined): Promise<unknown> {
    using deadline = new Deadline(this.#tryMs(call), signal);
    const response = await this.#send(call, 'requests', deadline);
    const text = await response.body.text();
    try {
      return JSON.parse(text);
    } catch {
      // The parser's message quotes the response.
      throw notKubernetes(nameOf(call), headOf(response));
    }
  }

  /** Opens a watch on a separate connection. Does not retry. */
  async stream(call: Call, deadline: Deadline): Promise<Dispatcher.ResponseData> {
    return this.#send(call, 'watches', deadline);
  }

  async #send(
    call: Call,
    pool: 'requests' | 'watches',
    deadline: Deadline,
  ): Promise<Dispatcher.ResponseData> {
    const begun = performance.now();
    let response: Dispatcher.ResponseData;
    try {
      // This may run a program that provides a credential.
      const connection = await deadline.race(this.#transport.connection());
      const dispatcher = call.method === 'GET' ? connection[pool] : connection[pool].compose(this.#fence);
      // undici obeys the signal only once the request has a connection. A request that is aborted before is never sent.
      response = await deadline.race(
        dispatcher.request(this.#requestOptions(call, connection, deadline.signal)),
      );
    } catch (error) {
      const failure = errorFromFailure(nameOf(call), error);
      this.#count(call, failure.reason, begun);
      throw failure;
    }
    this.#count(call, String(response.statusCode), begun);
    if (response.statusCode < 300) return response;
    const body = await response.body.text().catch(() => '');
    const retryAfter = headerOf(response, 'retry-after');
    const error = errorFromResponse(nameOf(call), { ...headOf(response), body, retryAfter });
    throw (await this.#isFromElsewhere(error, deadline))
      ? notKubernetes(nameOf(call), headOf(response))
      : error;
  }

  /**
   * Whether something else than a Kubernetes API server has answered. An API server sends a Status object with 401 and 403,
   * and redirects no request. It answers 404 without a Status object if it does not know the API group, as many other
   * servers do, so `/version` decides (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#discovery-roles: everybody
   * may read it).
   */
  async #isFromElsewhere({ status, isStatus }: KubeError, deadline: Deadline): Promise<boolean> {
    if (isStatus) return false;
    if (status < 400 || [401, 403, 407].includes(status)) return true;
    if (status !== 404 || this.#isKubernetes) return false;
    this.#isKubernetes = await this.#readsVersion(deadline);
    return !this.#isKubernetes;
  }

  async #readsVersion(deadline: Deadline): Promise<boolean> {
    try {
      const { origin, pathPrefix, requests, headers } = await deadline.race(this.#transport.connection());
      const response = await deadline.race(
        requests.request({
          origin,
          path: `${pathPrefix}/version`,
          method: 'GET',
          signal: deadline.signal,
          headers: { accept: 'application/json', 'user-agent': this.#userAgent, ...headers },
          headersTimeout: REQUEST_TIMEOUT_MS,
        }),
      );
      const { gitVersion, kind } = readObject(await response.body.text()) ?? {};
      return typeof gitVersion === 'string' || kind === 'Status';
    } catch (error) {
      throw errorFromFailure('get /version', error);
    }
  }

  #requestOptions(call: Call, connection: Connection, signal: AbortSignal): Dispatcher.RequestOptions {
    return {
      origin: connection.origin,
      path: `${connection.pathPrefix}${call.path}${queryText(call.query ?? {})}`,
      method: call.method,
      headers: {
        accept: call.accept ?? 'application/json',
        'user-agent': this.#userAgent,
        ...(call.body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }),
        ...connection.headers,
      },
      body: call.body === undefined ? null : JSON.stringify(call.body),
      headersTimeout: this.#tryMs(call),
      // The deadline decides: for a watch, only complete events and bookmarks count.
      bodyTimeout: 0,
      signal,
    };
  }

  #count(call: Call, code: string, begun: number): void {
    const seconds = (performance.now() - begun) / 1000;
    this.#onRequest({ verb: call.verb, resource: call.resource.plural, code, seconds });
  }
}

function headerOf(response: Dispatcher.ResponseData, name: string): string | undefined {
  const value = response.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** What errors say about a response. */
function headOf(response: Dispatcher.ResponseData) {
  return {
    status: response.statusCode,
    contentType: headerOf(response, 'content-type'),
    location: headerOf(response, 'location'),
  };
}

/** How errors name a request. */
export function nameOf(call: Call): string {
  return `${call.verb} ${call.path}`;
}
