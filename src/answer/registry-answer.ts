/** The purpose of an HTTP request of a check. A request that follows a redirect keeps its kind. */
export type RequestKind = 'ping' | 'token' | 'manifest';

/**
 * Why a check has no usable answer. Each value is the predicate of a sentence about the registry or its token server.
 * The set is closed, so that no text from a registry gets into status or logs.
 */
const UNREACHABLE_REASONS = {
  Timeout: 'did not answer in time',
  ConnectionRefused: 'refused the connection',
  ConnectionLost: 'closed the connection',
  NetworkUnreachable: 'cannot be reached over the network',
  DnsFailure: 'has a host name that cannot be resolved',
  LookupDelayed:
    'has a host name that was not resolved in time, because other DNS lookups for this namespace are still pending',
  ProxyFailure: 'cannot be reached through the proxy',
  CertificateUntrusted: 'has a certificate that no trusted authority has signed',
  CertificateExpired: 'has a certificate that has expired or is not valid yet',
  CertificateNameMismatch: 'has a certificate for a different host name',
  TlsFailure: 'failed to establish a TLS connection',
  AddressForbidden: 'has an address that the controller must not connect to',
  HostInvalid: 'has an invalid host name',
  RealmForbidden: 'has a URL that the controller must not send credentials to',
  RealmInsecure:
    'has a URL with plain HTTP (http://), to which neither the controller nor Trivy sends a credential',
  RedirectRefused: 'redirects to a URL that the controller must not follow',
  TooLarge: 'sent a response that exceeds the size limit',
  BadReply: 'sent a response that is not valid HTTP',
  BadChallenge: 'requires an unsupported kind of authentication',
  BadToken: 'sent no usable token',
  NotARegistry: 'sent a response that is not a manifest',
  ServerError: 'reported a server error',
  UnexpectedStatus: 'sent an unexpected response',
  Stopped: 'was not checked, because the controller is stopping',
  SigningFailed: 'cannot issue a login, because the key in the Secret cannot sign the request',
  InternalError: 'could not be checked because of an error in the controller',
  NetworkFailure: 'could not be checked because of a network failure',
} as const satisfies Readonly<Record<string, string>>;

export type UnreachableReason = keyof typeof UNREACHABLE_REASONS;

/** What to do where the general advice for a registry without an answer would mislead. */
const UNREACHABLE_ADVICE: Readonly<Partial<Record<UnreachableReason, string>>> = {
  RealmForbidden:
    'Check that the URL of the token server, which the registry sends, has no user name, and that the setting ' +
    '--denied-registries of the controller does not exclude it. The controller retries automatically.',
  RealmInsecure:
    'Correct the URL that the registry sends. It usually comes from its own base URL, such as external_url of Harbor, or ' +
    'http.host of distribution, or from a proxy that does not set X-Forwarded-Proto: https. Only if the registry itself ' +
    'uses plain HTTP, add it and its token server to the setting --insecure-registries of the controller. The ' +
    'controller retries automatically.',
};

/** Reasons that concern the controller or the credential, not the registry. */
const LOCAL_REASONS: ReadonlySet<UnreachableReason> = new Set([
  'LookupDelayed',
  'SigningFailed',
  'InternalError',
  'Stopped',
]);

/** Whether a credential may pull an image: all possible results of a check. */
export type RegistryAnswer =
  /** The credential may read the manifest. The digest is the one that the registry reports, if it is well-formed. */
  | { readonly result: 'Pullable'; readonly digest?: string }
  /** The credential may read the repository, because the registry reports that the manifest is missing (`MANIFEST_UNKNOWN`). */
  | { readonly result: 'Allowed' }
  /** Not found. Proves nothing, because a registry may also hide what the credential may not read. */
  | { readonly result: 'Inconclusive'; readonly why: 'RepositoryUnknown' | 'NotFound' }
  /** The registry, or its token server (`at`), refused the credential. */
  | { readonly result: 'Denied'; readonly httpCode: number; readonly at: RequestKind }
  /** No request was sent: according to the credential itself, it expired at `expiredAt`, in milliseconds since 1970. */
  | { readonly result: 'Expired'; readonly expiredAt: number }
  /**
   * The registry limits requests (429, or 503 with `Retry-After`). Until `until`, in milliseconds since 1970, no check
   * uses this credential with the registry. If `at` is `ping`, no check contacts the registry at all until then,
   * because a ping sends no credential.
   */
  | { readonly result: 'RateLimited'; readonly until: number; readonly at?: RequestKind }
  /** No usable answer. `httpCode` is set if there was an HTTP response. */
  | {
      readonly result: 'Unreachable';
      readonly why: UnreachableReason;
      readonly at: RequestKind;
      readonly httpCode?: number;
    }
  /** No request was sent: only Trivy can use the credential, in the pod of the scan. */
  | { readonly result: 'NotCheckable' }
  /** No request was sent: the settings exclude the registry. */
  | { readonly result: 'NotAllowed'; readonly by: 'AllowList' | 'DenyList' };

/** An answer, and how long it is valid. Times are in milliseconds since 1970. */
export interface KnownAnswer {
  readonly answer: RegistryAnswer;
  readonly requestedAt: number;
  /** From this time on, `check` sends a new request to the registry. */
  readonly freshUntil: number;
  /**
   * When the registry last accepted the credential (Pullable, Allowed). undefined: never, or it has refused the
   * credential since. An inconclusive answer keeps this time.
   */
  readonly acceptedAt: number | undefined;
  /** The checked tag or digest; undefined: the check named none. */
  readonly version: string | undefined;
}

/**
 * Whether an answer says nothing about the registry, because its reason lies in the controller or the credential. Such
 * an answer is valid only for the namespace that requested the check.
 */
export function isLocal(answer: RegistryAnswer | { readonly result: 'Login' }): boolean {
  return answer.result === 'Unreachable' && LOCAL_REASONS.has(answer.why);
}

/**
 * Whether an answer is valid for all namespaces that check the repository with the same credential. `NotFound` is not,
 * because it may concern only the checked version.
 */
export function isShared(answer: RegistryAnswer | { readonly result: 'Login' }): boolean {
  const isNotFound = answer.result === 'Inconclusive' && answer.why === 'NotFound';
  return !isNotFound && !isLocal(answer);
}

/**
 * Describes an answer for a message, in lower case and without a period. Contains no text from the registry, and no
 * host.
 */
export function describeAnswer(answer: RegistryAnswer): string {
  switch (answer.result) {
    case 'Pullable':
      return 'the registry allows pulling the image';
    case 'Allowed':
      return 'the registry allows reading the repository, which does not have this version';
    case 'Inconclusive':
      return answer.why === 'RepositoryUnknown'
        ? 'the registry does not have the repository, or hides it'
        : 'the registry did not find the image, and did not report what is missing';
    case 'Denied':
      return `${party(answer.at)} denied access (HTTP ${answer.httpCode})`;
    case 'Expired':
      return `the credential expired${atTime(answer.expiredAt)}`;
    case 'NotCheckable':
      return 'only Trivy can use the credential, in the pod of the scan, so the controller cannot check it';
    case 'RateLimited':
      return 'the registry limits the number of requests';
    case 'Unreachable':
      return `${party(answer.at)} ${UNREACHABLE_REASONS[answer.why]}${httpSuffix(answer.httpCode)}`;
    case 'NotAllowed':
      return answer.by === 'DenyList'
        ? 'the settings exclude the registry from checks'
        : 'the settings list the registries to check, and this registry is not one of them';
  }
}

/** What to do about an answer; undefined: what the reason of the condition says. Complete sentences. */
export function adviceOn(answer: RegistryAnswer): string | undefined {
  return answer.result === 'Unreachable' ? UNREACHABLE_ADVICE[answer.why] : undefined;
}

function party(at: RequestKind): string {
  return at === 'token' ? "the registry's token server" : 'the registry';
}

/** Empty if the number is not a valid time. */
function atTime(milliseconds: number): string {
  const time = new Date(milliseconds);
  return Number.isNaN(time.getTime()) ? '' : ` at ${time.toISOString()}`;
}

function httpSuffix(code: number | undefined): string {
  return code === undefined ? '' : ` (HTTP ${code})`;
}
