import type { UnreachableReason } from '../../answer/index.ts';
import { isDenied } from '../host.ts';
import type { CheckContext } from './check-context.ts';
import type { Dispatchers } from './dispatchers.ts';
import { reasonOf } from './network-error.ts';
import { proxyFor } from './proxy.ts';
import { codeLabel, discard, listed, ReplyError, readText } from './reply.ts';
import type { RegistryRequest, Reply } from './request.ts';
import { Settled, unreachable } from './settled.ts';
import { TimeLimit } from './time-limit.ts';

/** Limit on interim answers (1xx) before the final one. */
const MAX_INTERIM = 16;

/** The connections of one check. Sends its requests, bounded in size and time. */
export class Connections implements Disposable {
  readonly #context: CheckContext;
  readonly #limit: TimeLimit;
  readonly #namespace: string;
  #dispatchers: Dispatchers | undefined;
  /** Whether a look-up for the current request had to wait for a place. */
  #lookupWaited = false;
  /** Whether a look-up for any request of the check had to wait for a place. */
  #anyLookupWaited = false;

  /** @param namespace - the namespace whose share of the DNS look-ups it uses */
  constructor(context: CheckContext, namespace: string) {
    this.#context = context;
    this.#limit = new TimeLimit(context.settings.checkTimeout, context.stop);
    this.#namespace = namespace;
  }

  /**
   * Sends a request and reads its answer, bounded in size and time.
   *
   * @throws Settled if no readable answer comes
   */
  async send(wanted: RegistryRequest): Promise<Reply> {
    if (isDenied(wanted.url, this.#context.settings)) throw denied(wanted);
    this.#lookupWaited = false;
    const begun = performance.now();
    let code = 'NetworkFailure';
    try {
      const reply = await this.#exchange(wanted);
      code = codeLabel(reply.status);
      return reply;
    } catch (error) {
      const why = this.#reasonOf(error, wanted.url);
      code = why;
      throw unreachable(why, wanted.kind);
    } finally {
      this.#context.onRequest({ kind: wanted.kind, code, seconds: (performance.now() - begun) / 1_000 });
    }
  }

  [Symbol.dispose](): void {
    this.#limit[Symbol.dispose]();
    this.#dispatchers?.[Symbol.dispose]();
  }

  async #exchange(wanted: RegistryRequest): Promise<Reply> {
    using limit = new TimeLimit(this.#context.settings.requestTimeout, this.#limit.signal);
    let interim = 0;
    const onInfo = () => {
      interim += 1;
      if (interim > MAX_INTERIM) limit.abort();
    };
    try {
      // undici obeys the signal only once it has a connection.
      return await limit.race(this.#request(wanted, limit.signal, onInfo));
    } catch (error) {
      if (this.#context.stop.aborted) throw new ReplyError('Stopped');
      if (interim > MAX_INTERIM) throw new ReplyError('BadReply');
      if (limit.signal.aborted) throw new ReplyError('Timeout');
      throw error;
    }
  }

  async #request(wanted: RegistryRequest, signal: AbortSignal, onInfo: () => void): Promise<Reply> {
    // Loading undici takes longer than starting Node, and most commands contact no registry.
    const { Dispatchers } = await import('./dispatchers.ts');
    // The check may have ended meanwhile. Nothing would close the connections of later dispatchers.
    signal.throwIfAborted();
    this.#dispatchers ??= new Dispatchers(this.#context, this.#namespace, () => this.#onLookupWait());
    const { statusCode, headers, body } = await this.#dispatchers.send(wanted, {
      method: wanted.method,
      headers: {
        'user-agent': 'image-credential-binding',
        'accept-encoding': 'identity',
        ...wanted.headers,
      },
      body: wanted.body ?? null,
      signal,
      onInfo,
    });
    const text =
      wanted.reads?.(statusCode) === true ? await readText(body) : await discard(body, headers, signal);
    return { status: statusCode, headers: listed(headers), body: text };
  }

  #onLookupWait(): void {
    this.#lookupWaited = true;
    this.#anyLookupWaited = true;
  }

  #reasonOf(error: unknown, url: URL): UnreachableReason {
    const why = error instanceof ReplyError ? error.why : reasonOf(error);
    // Other look-ups for this namespace used up the time, so the time-out says nothing about the registry.
    const waited = this.#limit.signal.aborted ? this.#anyLookupWaited : this.#lookupWaited;
    if (why === 'Timeout' && waited) return 'LookupDelayed';
    // With a proxy, the connection that failed is the one to the proxy.
    const proxied = proxyFor(url, this.#context.settings.proxy) !== undefined;
    return proxied && CONNECTION_REASONS.has(why) ? 'ProxyFailure' : why;
  }
}

const CONNECTION_REASONS: ReadonlySet<UnreachableReason> = new Set([
  'ConnectionRefused',
  'NetworkUnreachable',
  'DnsFailure',
]);

/** The result of a request to a host on the deny list. The request is not sent. */
function denied({ kind, party }: RegistryRequest): Settled {
  if (kind === 'token') return unreachable('RealmForbidden', kind);
  return party === 'other'
    ? unreachable('RedirectRefused', kind)
    : new Settled({ result: 'NotAllowed', by: 'DenyList' });
}
