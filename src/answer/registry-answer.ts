/** What an HTTP exchange of a check was for. A redirected manifest is still one. */
export type RequestKind = 'ping' | 'token' | 'manifest';

/**
 * Why there is no answer to build on, each with its words. A closed set: what a registry writes gets into neither
 * status nor log.
 */
const UNREACHABLE_REASONS = {
  Timeout: 'did not answer in time',
  ConnectionRefused: 'refused the connection',
  ConnectionLost: 'closed the connection',
  NetworkUnreachable: 'cannot be reached over the network',
  DnsFailure: 'has a name that cannot be resolved',
  LookupDelayed:
    'has a name that was not resolved in time, because other DNS look-ups for this namespace are still pending',
  ProxyFailure: 'cannot be reached through the proxy',
  CertificateUntrusted: 'has a certificate that no known authority has signed',
  CertificateExpired: 'has a certificate that has ended or has not begun',
  CertificateNameMismatch: 'has a certificate for another name',
  TlsFailure: 'does not speak TLS as expected',
  AddressForbidden: 'has an address that is not asked',
  HostInvalid: 'has a name that is no host',
  RealmForbidden: 'is at a place that no credential is sent to',
  RedirectRefused: 'redirects to a place that is not followed',
  TooLarge: 'answered with more than is read',
  BadReply: 'gave an answer that is no HTTP',
  BadChallenge: 'asks for a kind of authentication that is not known',
  BadToken: 'gave no token that can be used',
  NotARegistry: 'gave an answer that is no manifest',
  ServerError: 'has an error of its own',
  UnexpectedStatus: 'gave an answer that is not expected',
  Stopped: 'was not asked to the end, for the controller is stopping',
  SigningFailed: 'cannot be asked for a login, because the key in the Secret cannot sign',
  InternalError: 'could not be checked because of an error in the controller',
  NetworkFailure: 'could not be asked',
} as const satisfies Readonly<Record<string, string>>;

export type UnreachableReason = keyof typeof UNREACHABLE_REASONS;

/** Reasons that concern the controller or the credential, not the registry. */
const LOCAL_REASONS: ReadonlySet<UnreachableReason> = new Set([
  'LookupDelayed',
  'SigningFailed',
  'InternalError',
  'Stopped',
]);

/** May this credential pull this image? All that a registry may say to it. */
export type RegistryAnswer =
  /** The manifest is there and may be read. The digest is the registry's word for it, if it gives a well-formed one. */
  | { readonly result: 'Pullable'; readonly digest?: string }
  /** The repository may be read, for the registry knows that it has no such manifest (`MANIFEST_UNKNOWN`). */
  | { readonly result: 'Allowed' }
  /** Not found, which may also mean that it may not be seen: nothing is proven. */
  | { readonly result: 'Inconclusive'; readonly why: 'RepositoryUnknown' | 'NotFound' }
  /** The registry, or its token server (`at`), refused. */
  | { readonly result: 'Denied'; readonly httpCode: number; readonly at: RequestKind }
  /** Nobody was asked: the credential itself says that it ended at `ended`, in milliseconds since 1970. */
  | { readonly result: 'Expired'; readonly ended: number }
  /**
   * The registry limits requests (429, or 503 with `Retry-After`). Until `until`, in milliseconds since 1970, no check
   * uses this credential with the registry. If this was the answer to the ping (`at`), which sends no credential, no
   * check contacts the registry at all.
   */
  | { readonly result: 'RateLimited'; readonly until: number; readonly at?: RequestKind }
  /** No answer to build on. `httpCode` where one came. */
  | {
      readonly result: 'Unreachable';
      readonly why: UnreachableReason;
      readonly at: RequestKind;
      readonly httpCode?: number;
    }
  /** Nobody was asked: the credential works for Trivy alone, where the scan runs. */
  | { readonly result: 'NotCheckable' }
  /** The settings say not to ask that registry. */
  | { readonly result: 'NotAllowed'; readonly by: 'AllowList' | 'DenyList' };

/** An answer, and how long it holds. Times are in milliseconds since 1970. */
export interface KnownAnswer {
  readonly answer: RegistryAnswer;
  readonly askedAt: number;
  /** From then on `check` asks the registry again. */
  readonly askAgainAt: number;
  /**
   * When the registry last accepted the credential (Pullable, Allowed), if nothing since says otherwise: a refusal
   * ends it; an answer that proves nothing does not.
   */
  readonly acceptedAt: number | undefined;
  /** The tag or digest that was asked about; undefined: none was named. */
  readonly version: string | undefined;
}

/**
 * Whether an answer says nothing about the registry, because its reason lies in the controller or the credential. Such an
 * answer counts for the namespace that asked, and for no other.
 */
export function isLocal(answer: RegistryAnswer | { readonly result: 'Login' }): boolean {
  return answer.result === 'Unreachable' && LOCAL_REASONS.has(answer.why);
}

/**
 * Whether an answer holds for all namespaces that ask about the repository with the same credential. `NotFound` does not,
 * because it may concern only the version that was asked about.
 */
export function isShared(answer: RegistryAnswer | { readonly result: 'Login' }): boolean {
  const isNotFound = answer.result === 'Inconclusive' && answer.why === 'NotFound';
  return !isNotFound && !isLocal(answer);
}

/** An answer in words, for a message: none that the registry wrote, and no host. It begins in lower case, without a stop. */
export function describeAnswer(answer: RegistryAnswer): string {
  switch (answer.result) {
    case 'Pullable':
      return 'the registry lets it pull the image';
    case 'Allowed':
      return 'the registry lets it read the repository, which does not have that version';
    case 'Inconclusive':
      return answer.why === 'RepositoryUnknown'
        ? 'the registry knows no such repository, or does not show it'
        : 'the registry does not find the image, and does not say what is missing';
    case 'Denied':
      return `${party(answer.at)} refuses it (HTTP ${answer.httpCode})`;
    case 'Expired':
      return `it expired${atTime(answer.ended)}`;
    case 'NotCheckable':
      return 'it can be used by Trivy alone, where the scan runs, so the registry is not asked';
    case 'RateLimited':
      return 'the registry asks to wait';
    case 'Unreachable':
      return `${party(answer.at)} ${UNREACHABLE_REASONS[answer.why]}${httpSuffix(answer.httpCode)}`;
    case 'NotAllowed':
      return answer.by === 'DenyList'
        ? 'the settings forbid to ask that registry'
        : 'the settings name the registries that may be asked, and not that one';
  }
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
