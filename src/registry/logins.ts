import type { Credential } from '../credential/index.ts';
import type { Exchange, PlatformCredential } from '../platform/index.ts';
import type { RegistryAnswer } from './answer.ts';
import type { Surroundings } from './connection.ts';
import { exchangeLogin, type LoginAnswer } from './exchange.ts';
import { Recent } from './recent.ts';

/** What a cloud said when it was asked for a login. Times are in milliseconds since 1970. */
export interface KnownLogin {
  readonly answer: LoginAnswer | Extract<RegistryAnswer, { readonly result: 'NotAllowed' }>;
  readonly askedAt: number;
  /** From then on the cloud is asked again: a login is renewed when two thirds of its time are over. */
  readonly askAgainAt: number;
}

/** A login as it can be handed on. */
export interface Login {
  readonly credential: Credential;
  /** Since when it holds, and until when; undefined: it does not end. In milliseconds since 1970. */
  readonly since: number;
  readonly ends: number | undefined;
}

/** At which part of its time a login is renewed. */
const RENEWED_AT = 2 / 3;

/** When a login is to be renewed, in milliseconds since 1970. */
export function renewalOf({ since, ends }: Pick<Login, 'since' | 'ends'>): number {
  return ends === undefined ? Number.POSITIVE_INFINITY : since + (ends - since) * RENEWED_AT;
}

/**
 * Logins that clouds have given for long-lived credentials, kept in memory until they are to be renewed: one serves all
 * repositories of a registry. Whoever calls sees to it that the settings let it.
 */
export class Logins {
  readonly #around: Surroundings;
  readonly #keyOf: (credential: PlatformCredential, host: string) => string;
  readonly #known: Recent<KnownLogin>;
  readonly #flights = new Map<string, Promise<KnownLogin>>();

  /** @param keyOf - equal where both are, and tells nothing about a secret value */
  constructor(around: Surroundings, keyOf: (credential: PlatformCredential, host: string) => string) {
    this.#around = around;
    this.#keyOf = keyOf;
    this.#known = new Recent(around.settings.rememberedAnswers);
  }

  /** What is known, perhaps no longer fresh; undefined: nothing. Asks nobody. */
  known(credential: PlatformCredential, host: string): KnownLogin | undefined {
    return this.#known.get(this.#keyOf(credential, host));
  }

  /**
   * A login, or why there is none; the cloud is asked unless what is known is fresh, or it is being asked. Never rejects.
   *
   * @param exchange - of this credential, for this host
   */
  obtain(credential: PlatformCredential, host: string, exchange: Exchange): Promise<KnownLogin> {
    const key = this.#keyOf(credential, host);
    const known = this.#known.get(key);
    if (known !== undefined && known.askAgainAt > Date.now()) return Promise.resolve(known);
    const underWay = this.#flights.get(key);
    if (underWay !== undefined) return underWay;
    const flight = this.#ask(exchange).then((found) => {
      this.#known.set(key, found);
      this.#flights.delete(key);
      return found;
    });
    this.#flights.set(key, flight);
    return flight;
  }

  /** Makes the next `obtain` ask: the registry has refused what the cloud gave. */
  forget(credential: PlatformCredential, host: string): void {
    this.#known.delete(this.#keyOf(credential, host));
  }

  async #ask(exchange: Exchange): Promise<KnownLogin> {
    const askedAt = Date.now();
    const answer = await exchangeLogin(exchange, this.#around);
    return { answer, askedAt, askAgainAt: this.#askAgainAt(answer, askedAt) };
  }

  #askAgainAt(answer: LoginAnswer, askedAt: number): number {
    const { acceptedTtl, refusedTtl, unreachableTtl } = this.#around.settings;
    switch (answer.result) {
      case 'Login': {
        // A login that ends at once, or has ended by our clock, is no reason to ask without a pause.
        const renewal = Math.max(renewalOf({ since: askedAt, ends: answer.ends }), askedAt + unreachableTtl);
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
