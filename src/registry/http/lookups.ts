import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { FairLimiter, SharedWork } from '../../concurrency/index.ts';
import type { RegistrySettings } from '../settings.ts';

type Addresses = readonly LookupAddress[];

/** Resolves a host name as the system does, with search domains and /etc/hosts. */
export type Resolver = (hostname: string) => Promise<Addresses>;

const systemResolver: Resolver = (hostname) => lookup(hostname, { all: true });

/** A requested look-up. */
export interface Lookup {
  /** Whether the look-up is waiting for a place. */
  readonly waits: boolean;
  /** Rejects with a DelayedError if the look-up could not start in time, otherwise with the error of the system. */
  readonly addresses: Promise<Addresses>;
}

/**
 * Resolves host names, a few at a time. A look-up occupies a thread of libuv's pool until the system gives up. If a
 * name server does not answer, this may take a minute, even after the request has timed out. So a look-up counts until
 * the system call returns, and a namespace can run at most a quarter of the look-ups.
 */
export class Lookups {
  readonly #shared: SharedWork<Addresses>;
  readonly #resolve: Resolver;

  /** @param resolver - replaces the resolver of the system in tests */
  constructor(
    {
      concurrentLookups: places,
      requestTimeout,
    }: Pick<RegistrySettings, 'concurrentLookups' | 'requestTimeout'>,
    resolver: Resolver = systemResolver,
  ) {
    const share = Math.ceil(places / 4);
    this.#shared = new SharedWork(
      new FairLimiter({ places, share, placesPerTarget: places, sharePerTarget: share }),
      requestTimeout,
    );
    this.#resolve = resolver;
  }

  /**
   * Looks up a name, or joins a running look-up of the same name. The look-up stops waiting for a place when the latest
   * request for the name times out.
   */
  find(namespace: string, hostname: string): Lookup {
    const claim = { group: namespace, target: hostname };
    const addresses = this.#shared.run(claim, hostname, () => this.#resolve(hostname));
    return { addresses, waits: !this.#shared.hasBegun(hostname) };
  }
}

/**
 * Limit on concurrent look-ups. libuv lets look-ups use half of its threads. Four of these stay free, because the client
 * of the API server needs look-ups, too.
 *
 * @param env - `UV_THREADPOOL_SIZE` is 4 when it is absent (docs.libuv.org/en/v1.x/threadpool.html)
 */
export function lookupPlaces(env: Readonly<Record<string, string | undefined>>): number {
  const threads = Number.parseInt(env['UV_THREADPOOL_SIZE'] ?? '', 10) || 4;
  return Math.max(1, Math.floor(Math.min(threads, 1_024) / 2) - 4);
}
