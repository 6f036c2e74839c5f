import type { Dispatcher } from 'undici';
import type { Priority } from '../../concurrency/index.ts';
import type { Resource } from '../../object/index.ts';
import { errorFromAnswer, errorFromFailure, KubeError } from '../errors.ts';
import { Deadline } from './deadline.ts';
import { fenced } from './fence.ts';
import { queryText } from './paths.ts';
import { RetryPolicy } from './retry.ts';
import type { Connection, Transport } from './transport.ts';

const REQUEST_TIMEOUT_MS = 30_000;

/** One try of a request, as counted in the metrics. */
export interface RequestRecord {
  readonly verb: string;
  readonly resource: string;
  /** HTTP status as text, or the reason why no answer came. */
  readonly code: string;
  /** Time until the answer began. */
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
  readonly #fence: Dispatcher.DispatcherComposeInterceptor;

  constructor(options: SenderOptions) {
    this.#transport = options.transport;
    this.#userAgent = options.fieldManager;
    this.#onRequest = options.onRequest ?? (() => undefined);
    this.#fence = fenced(options.fence ?? (() => undefined));
  }

  /**
   * Sends a request, and retries it until it succeeds or must not be retried ({@link RetryPolicy}). Each try waits for a
   * place in the limiter, and has a time-out.
   *
   * @returns the body of the answer
   */
  async json(call: Call): Promise<unknown> {
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
    let answer: Dispatcher.ResponseData;
    try {
      // This may run a program that provides a credential.
      const connection = await deadline.race(this.#transport.connection());
      const dispatcher = call.method === 'GET' ? connection[pool] : connection[pool].compose(this.#fence);
      // undici obeys the signal only once the request has a connection. A request that is aborted before is never sent.
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
        'user-agent': this.#userAgent,
        ...(call.body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }),
        ...connection.headers,
      },
      body: call.body === undefined ? null : JSON.stringify(call.body),
      headersTimeout: REQUEST_TIMEOUT_MS,
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

/** How errors name a request. */
export function nameOf(call: Call): string {
  return `${call.verb} ${call.path}`;
}
