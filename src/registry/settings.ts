const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** The proxies for https and http URLs, and the hosts to contact directly, as in the environment variables of these names. */
export interface ProxySettings {
  readonly httpsProxy?: string | undefined;
  readonly httpProxy?: string | undefined;
  readonly noProxy?: string | undefined;
}

/** How registries are contacted. Times are in milliseconds; hosts are as in image references, `docker.io` for Docker Hub. */
export interface RegistrySettings {
  /** Time-out of one request, from the look-up of the name to the last byte. */
  readonly requestTimeout: number;
  /** Time-out of one check, including all of its requests. */
  readonly checkTimeout: number;
  /**
   * Limits on concurrent checks, per registry and in total. One namespace can use half of a registry's limit, and a
   * quarter of the total.
   */
  readonly concurrencyPerRegistry: number;
  readonly concurrency: number;
  /** Limit on concurrent DNS look-ups. One namespace can use a quarter of it. */
  readonly concurrentLookups: number;
  /** How long the answers Pullable and Allowed are valid. Shortened at random by up to a tenth, like the next two. */
  readonly acceptedTtl: number;
  /** For Denied, Inconclusive and NotAllowed. Long, because frequent checks with a wrong password may lock the account. */
  readonly refusedTtl: number;
  /** For Unreachable. A registry that cannot be contacted at all gets no request for this time. */
  readonly unreachableTtl: number;
  /** The delay after a 429 without `Retry-After`, and the upper bound on `Retry-After`. */
  readonly defaultRetryAfter: number;
  readonly longestRetryAfter: number;
  /**
   * Limit on answers in memory. When it is reached, the namespace with the most answers loses its least recently used
   * one.
   */
  readonly rememberedAnswers: number;
  /**
   * Registries that may be contacted; empty: all that are not denied. `*` matches a DNS label or a part of one:
   * `*.dkr.ecr.*.amazonaws.com`. A pattern without a port matches every port.
   */
  readonly allow: readonly string[];
  /** Registries that must not be contacted, in the same form. Takes precedence over `allow`. */
  readonly deny: readonly string[];
  /**
   * Registries and token servers, as exact `host` or `host:port`. Their certificates are not verified, and they are contacted
   * over plain HTTP if they do not support TLS, as with Docker's `insecure-registries`.
   */
  readonly insecure: readonly string[];
  /** Token servers, `host` or `host:port`, that may have private addresses although the registry has a public one. */
  readonly privateRealms: readonly string[];
  /** Loopback and link-local addresses that may be contacted nevertheless, for tests. They count as private. */
  readonly localAddresses: readonly string[];
  /** Certificates of authorities in PEM, trusted in addition to those that Node trusts, including `NODE_EXTRA_CA_CERTS`. */
  readonly certificateAuthorities: string | undefined;
  readonly proxy: ProxySettings;
}

export const DEFAULT_REGISTRY_SETTINGS: RegistrySettings = {
  requestTimeout: 10 * SECOND,
  checkTimeout: 30 * SECOND,
  concurrencyPerRegistry: 4,
  concurrency: 32,
  concurrentLookups: 1,
  acceptedTtl: 12 * HOUR,
  refusedTtl: HOUR,
  unreachableTtl: MINUTE,
  defaultRetryAfter: MINUTE,
  longestRetryAfter: HOUR,
  rememberedAnswers: 20_000,
  allow: [],
  deny: [],
  insecure: [],
  privateRealms: [],
  localAddresses: [],
  certificateAuthorities: undefined,
  proxy: {},
};
