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
  /** Whether others for the same namespace, or for many, come first. */
  readonly waits: boolean;
  /** Rejects with a {@link DelayedError} where the others took too long, else with the system's error. */
  readonly addresses: Promise<Addresses>;
}

/**
 * Looks up names, a few at a time. Each look-up holds a thread of libuv's pool until the system gives up on it, which may
 * take a minute where a name server does not answer, whatever became of the request. libuv lets look-ups have half of its
 * threads, and the API server's name needs one, too. So a place is held until the look-up really ends, and no namespace
 * holds more than a quarter of the places.
 */
export class Lookups {
  readonly #shared: SharedWork<Addresses>;
  readonly #patience: number;
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
    );
    this.#patience = requestTimeout;
    this.#resolve = resolver;
  }

  /** Looks up a name, or joins whoever does that already. Waits for a place for the time of a request. */
  find(namespace: string, hostname: string): Lookup {
    const claim = { group: namespace, target: hostname };
    const addresses = this.#shared.run(claim, hostname, () => this.#resolve(hostname), this.#patience);
    return { addresses, waits: !this.#shared.hasBegun(hostname) };
  }
}

/**
 * How many look-ups there may be: half of libuv's threads are for them, and 4 of these stay free for others, such as the
 * API server's name.
 *
 * @param env - with `UV_THREADPOOL_SIZE`, which counts as 4 where it is absent (docs.libuv.org/en/v1.x/threadpool.html)
 */
export function lookupPlaces(env: Readonly<Record<string, string | undefined>>): number {
  const threads = Number.parseInt(env['UV_THREADPOOL_SIZE'] ?? '', 10) || 4;
  return Math.max(1, Math.floor(Math.min(threads, 1_024) / 2) - 4);
}
