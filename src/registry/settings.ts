const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** The proxies for https and http URLs, and the hosts that are contacted directly, as in the variables of these names. */
export interface ProxySettings {
  readonly httpsProxy?: string | undefined;
  readonly httpProxy?: string | undefined;
  readonly noProxy?: string | undefined;
}

/** How registries are contacted. Times are in milliseconds; hosts are as in image references, `docker.io` for Docker Hub. */
export interface RegistrySettings {
  /** Time-out of one request, from the look-up of the name to the last byte. */
  readonly requestTimeout: number;
  /** Time-out of one check with all its requests. */
  readonly checkTimeout: number;
  /**
   * Limits on concurrent checks, per registry and in all. One namespace can use half of a registry's limit, and a
   * quarter of the total.
   */
  readonly concurrencyPerRegistry: number;
  readonly concurrency: number;
  /** Limit on concurrent DNS look-ups. One namespace can use a quarter of it. */
  readonly concurrentLookups: number;
  /** How long an answer holds, up to a tenth less: Pullable and Allowed. */
  readonly acceptedTtl: number;
  /** Denied, Inconclusive and NotAllowed. Not short: who asks often with a wrong password may lock the account. */
  readonly refusedTtl: number;
  /** Unreachable. So long is nothing asked of a registry that could not be spoken to at all. */
  readonly unreachableTtl: number;
  /** Where a 429 has no `Retry-After`, and at most where it has one. */
  readonly defaultRetryAfter: number;
  readonly longestRetryAfter: number;
  /**
   * Limit on answers in memory. When it is reached, the namespace with the most answers loses its least recently used
   * one.
   */
  readonly rememberedAnswers: number;
  /**
   * Registries that may be asked; empty: all that are not denied. `*` stands for a label, or a part of one:
   * `*.dkr.ecr.*.amazonaws.com`. Without a port a pattern fits every port.
   */
  readonly allow: readonly string[];
  /** Registries that may not be asked, in the same form; before `allow`. */
  readonly deny: readonly string[];
  /**
   * Registries and token servers, exactly as `host` or `host:port`, that are asked over TLS without a look at the
   * certificate, and over plain HTTP where they speak no TLS, as Docker does with its `insecure-registries`.
   */
  readonly insecure: readonly string[];
  /** Token servers, `host` or `host:port`, that may have private addresses although the registry has a public one. */
  readonly privateRealms: readonly string[];
  /** Loopback and link-local addresses that may be asked all the same, exactly: for tests. They count as private. */
  readonly localAddresses: readonly string[];
  /** Certificates of authorities in PEM, trusted besides those that Node trusts (`NODE_EXTRA_CA_CERTS` is among them). */
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
