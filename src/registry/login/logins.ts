import { type KnownLogin, type LoginAnswer, renewalOf } from '../../answer/index.ts';
import type { Exchange, PlatformCredential } from '../../platform/index.ts';
import type { Surroundings } from '../http/index.ts';
import { Memory } from '../memory.ts';
import { exchangeLogin, INTERNAL_LOGIN_ERROR } from './exchange.ts';

/** The credential and host of a login, and how to request it from the cloud. */
export interface WantedLogin {
  readonly credential: PlatformCredential;
  /** Of the registry. */
  readonly host: string;
  /** Of this credential, for this host. */
  readonly exchange: Exchange;
}

/**
 * Logins that clouds have given for long-lived credentials, kept in memory until they are to be renewed: one serves all
 * repositories of a registry. Whoever calls sees to it that the settings let it.
 */
export class Logins {
  readonly #around: Surroundings;
  readonly #keyOf: (credential: PlatformCredential, host: string) => string;
  readonly #known: Memory<KnownLogin>;
  /** By namespace and key, so that no namespace waits for the look-ups of another. */
  readonly #flights = new Map<string, Promise<KnownLogin>>();

  /** @param keyOf - equal where both are, and tells nothing about a secret value */
  constructor(around: Surroundings, keyOf: (credential: PlatformCredential, host: string) => string) {
    this.#around = around;
    this.#keyOf = keyOf;
    this.#known = new Memory(around.settings.rememberedAnswers);
  }

  /** What is known, perhaps no longer fresh; undefined: nothing. Asks nobody. */
  known(credential: PlatformCredential, host: string, namespace: string): KnownLogin | undefined {
    return this.#known.get(this.#keyOf(credential, host), namespace);
  }

  /**
   * A login, or why there is none. The cloud is asked unless what is known is fresh, or it is being asked for this
   * namespace. Never rejects.
   *
   * @param namespace - the namespace whose share of DNS look-ups and memory it uses; all namespaces share the login
   */
  async obtain({ credential, host, exchange }: WantedLogin, namespace: string): Promise<KnownLogin> {
    try {
      return await this.#obtain(this.#keyOf(credential, host), exchange, namespace);
    } catch (error) {
      this.#around.onError(error);
      return this.#dated(INTERNAL_LOGIN_ERROR, Date.now());
    }
  }

  /** Makes the next `obtain` request a new login, because the registry has refused the last one. */
  forget(credential: PlatformCredential, host: string): void {
    this.#known.delete(this.#keyOf(credential, host));
  }

  #obtain(key: string, exchange: Exchange, namespace: string): Promise<KnownLogin> | KnownLogin {
    const known = this.#known.get(key, namespace);
    if (known !== undefined && known.askAgainAt > Date.now()) return known;
    const own = `${namespace} ${key}`;
    const underWay = this.#flights.get(own);
    if (underWay !== undefined) return underWay;
    const flight = this.#ask(exchange, namespace)
      .then((found) => this.#known.keep(key, found, namespace))
      .finally(() => this.#flights.delete(own));
    this.#flights.set(own, flight);
    return flight;
  }

  async #ask(exchange: Exchange, namespace: string): Promise<KnownLogin> {
    const askedAt = Date.now();
    return this.#dated(await exchangeLogin(exchange, this.#around, namespace), askedAt);
  }

  #dated(answer: LoginAnswer, askedAt: number): KnownLogin {
    return { answer, askedAt, askAgainAt: this.#askAgainAt(answer, askedAt) };
  }

  #askAgainAt(answer: LoginAnswer, askedAt: number): number {
    const { acceptedTtl, refusedTtl, unreachableTtl } = this.#around.settings;
    switch (answer.result) {
      case 'Login': {
        // A login that ends at once, or has ended by our clock, is no reason to ask without a pause.
        const renewal = Math.max(
          renewalOf({ since: askedAt, expiresAt: answer.expiresAt }),
          askedAt + unreachableTtl,
        );
        return Math.min(renewal, askedAt + acceptedTtl);
      }
      case 'Denied':
        return askedAt + refusedTtl;
      case 'RateLimited':
        return answer.until;
      case 'Unreachable':
        return askedAt + unreachableTtl;
    }
  }
}
