import { type KnownLogin, type LoginAnswer, renewalOf } from '../../answer/index.ts';
import type { Exchange, PlatformCredential } from '../../platform/index.ts';
import type { CheckContext } from '../http/index.ts';
import { Memory } from '../memory.ts';
import { exchangeLogin, INTERNAL_LOGIN_ERROR } from './exchange.ts';

/** The credential and host of a login, and how to request it from the cloud. */
export interface WantedLogin {
  readonly credential: PlatformCredential;
  /** The registry's host. */
  readonly host: string;
  /** The exchange of this credential for this host. */
  readonly exchange: Exchange;
}

/**
 * Logins that clouds have issued for long-lived credentials, kept in memory until they need renewal. One login is valid for
 * all repositories of a registry. The caller must check that the settings allow the registry.
 */
export class Logins {
  readonly #context: CheckContext;
  readonly #keyOf: (credential: PlatformCredential, host: string) => string;
  readonly #known: Memory<KnownLogin>;
  /** By namespace and key, so that no namespace waits for the look-ups of another. */
  readonly #running = new Map<string, Promise<KnownLogin>>();

  /** @param keyOf - equal for equal arguments; must not reveal a secret value */
  constructor(context: CheckContext, keyOf: (credential: PlatformCredential, host: string) => string) {
    this.#context = context;
    this.#keyOf = keyOf;
    this.#known = new Memory(context.settings.rememberedAnswers);
  }

  /** The known login, perhaps no longer fresh; undefined: there is none. Sends no request. */
  known(credential: PlatformCredential, host: string, namespace: string): KnownLogin | undefined {
    return this.#known.get(this.#keyOf(credential, host), namespace);
  }

  /**
   * A login, or the reason why there is none. Sends a request to the cloud, unless the known login is fresh or a request for
   * this namespace is already running. Never rejects.
   *
   * @param namespace - the namespace whose share of DNS look-ups and memory it uses; all namespaces share the login
   */
  async obtain({ credential, host, exchange }: WantedLogin, namespace: string): Promise<KnownLogin> {
    try {
      return await this.#obtain(this.#keyOf(credential, host), exchange, namespace);
    } catch (error) {
      this.#context.onError(error);
      return this.#dated(INTERNAL_LOGIN_ERROR, Date.now());
    }
  }

  /** Makes the next `obtain` request a new login, because the registry has refused the last one. */
  forget(credential: PlatformCredential, host: string): void {
    this.#known.delete(this.#keyOf(credential, host));
  }

  #obtain(key: string, exchange: Exchange, namespace: string): Promise<KnownLogin> | KnownLogin {
    const known = this.#known.get(key, namespace);
    if (known !== undefined && known.freshUntil > Date.now()) return known;
    const own = `${namespace} ${key}`;
    const running = this.#running.get(own);
    if (running !== undefined) return running;
    const request = this.#request(exchange, namespace)
      .then((found) => this.#known.keep(key, found, namespace))
      .finally(() => this.#running.delete(own));
    this.#running.set(own, request);
    return request;
  }

  async #request(exchange: Exchange, namespace: string): Promise<KnownLogin> {
    const requestedAt = Date.now();
    return this.#dated(await exchangeLogin(exchange, this.#context, namespace), requestedAt);
  }

  #dated(answer: LoginAnswer, requestedAt: number): KnownLogin {
    return { answer, requestedAt, freshUntil: this.#freshUntil(answer, requestedAt) };
  }

  #freshUntil(answer: LoginAnswer, requestedAt: number): number {
    const { acceptedTtl, refusedTtl, unreachableTtl } = this.#context.settings;
    switch (answer.result) {
      case 'Login': {
        // Keeps a minimum interval, even if a login expires at once, or has already expired by the local clock.
        const renewal = Math.max(
          renewalOf({ since: requestedAt, expiresAt: answer.expiresAt }),
          requestedAt + unreachableTtl,
        );
        return Math.min(renewal, requestedAt + acceptedTtl);
      }
      case 'Denied':
        return requestedAt + refusedTtl;
      case 'RateLimited':
        return answer.until;
      case 'Unreachable':
        return requestedAt + unreachableTtl;
    }
  }
}
