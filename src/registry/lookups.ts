import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { FairLimiter } from './fair-limiter.ts';
import type { RegistrySettings } from './settings.ts';
import { SharedWork } from './shared-work.ts';

type Addresses = readonly LookupAddress[];

/** How the system finds the addresses of a name: with its search domains, and what /etc/hosts says. */
export type Resolver = (hostname: string) => Promise<Addresses>;

const systemResolver: Resolver = (hostname) => lookup(hostname, { all: true });

/** A look-up that has been asked for. */
export interface Lookup {
  /** Whether it waits for a place, because other look-ups hold theirs. */
  readonly waits: boolean;
  /** Rejects with a DelayedError when no place became free in time, else with the error of the system. */
  readonly addresses: Promise<Addresses>;
}

/**
 * Looks up names, a few at a time. A look-up holds a thread of libuv's pool until the system gives up, which may take a
 * minute if a name server does not answer, even after the request has timed out. So a look-up holds its place until it
 * really ends, and a namespace holds at most a quarter of the places.
 */
export class Lookups {
  readonly #shared: SharedWork<Addresses>;
  readonly #resolve: Resolver;

  /** @param resolver - stands for the system's in tests */
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

  /** Looks up a name, or joins a look-up of it that is under way. Waits for a place as long as the last request for it may take. */
  find(namespace: string, hostname: string): Lookup {
    const claim = { group: namespace, target: hostname };
    const addresses = this.#shared.run(claim, hostname, () => this.#resolve(hostname));
    return { addresses, waits: !this.#shared.hasBegun(hostname) };
  }
}

/**
 * How many names may be looked up at the same time. libuv lets look-ups hold half of its threads; 4 of these stay free,
 * because the name of the API server needs one, too.
 *
 * @param env - `UV_THREADPOOL_SIZE` is 4 when it is absent (docs.libuv.org/en/v1.x/threadpool.html)
 */
export function lookupPlaces(env: Readonly<Record<string, string | undefined>>): number {
  const threads = Number.parseInt(env['UV_THREADPOOL_SIZE'] ?? '', 10) || 4;
  return Math.max(1, Math.floor(Math.min(threads, 1_024) / 2) - 4);
}
