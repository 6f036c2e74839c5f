import { isRecord } from '../text/index.ts';

/**
 * `Unreachable`: no response came. `Misconfigured`: no request was sent, because of a {@link KubeConfigError}.
 * `NotKubernetes`: the response is not one of a Kubernetes API server. Otherwise the reason of the API server's Status object, if
 * Kubernetes defines it, or else one that follows from the HTTP status, such as `HTTP502`.
 */
export type KubeErrorReason =
  | 'Unreachable'
  | 'Timeout'
  | 'Misconfigured'
  | 'NotKubernetes'
  | 'NotFound'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Expired'
  | 'Forbidden'
  | 'Invalid'
  | (string & {});

/** One problem of an object that was sent, as reported by the API server. */
export interface StatusCause {
  /** Path of the field; empty: the whole object. */
  readonly field: string;
  /** CamelCase, such as `FieldValueRequired`. */
  readonly reason: string;
  /** A sentence. It may quote the field's value. */
  readonly message: string;
}

interface Detail {
  readonly status: number;
  readonly reason: KubeErrorReason;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number | undefined;
  readonly unsent?: boolean;
  readonly isStatus?: boolean;
  readonly cause?: unknown;
}

/**
 * The kubeconfig does not allow a request: a setting is wrong, or a credential cannot be obtained. The message says what was
 * expected, what was found, and what to do. It contains neither a credential nor the output of a credential plug-in.
 */
export class KubeConfigError extends Error {
  override readonly name = 'KubeConfigError';
}

/** A request that did not succeed. The only error class of the client. */
export class KubeError extends Error {
  override readonly name = 'KubeError';
  /** HTTP status; 0: no response came. */
  readonly status: number;
  readonly reason: KubeErrorReason;
  /** The problems of the object that was sent, if the API server reports them. */
  readonly causes: readonly StatusCause[];
  /** The delay that the server requests before a retry, in seconds, at most one hour. */
  readonly retryAfterSeconds: number | undefined;
  /** Whether the request certainly never reached the server. Then even a write may be retried. */
  readonly unsent: boolean;
  /** Whether the response contained a Status object, which an API server sends, and which a proxy or a login page does not. */
  readonly isStatus: boolean;

  constructor(message: string, detail: Detail) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.status = detail.status;
    this.reason = detail.reason;
    this.causes = detail.causes ?? [];
    this.retryAfterSeconds = detail.retryAfterSeconds;
    this.unsent = detail.unsent ?? false;
    this.isStatus = detail.isStatus ?? false;
  }
}

/** Whether `error` is a {@link KubeError} with one of these reasons. */
export function hasReason(error: unknown, ...reasons: readonly KubeErrorReason[]): error is KubeError {
  return error instanceof KubeError && reasons.includes(error.reason);
}

/** A response of status 300 and above. */
export interface FailedResponse {
  readonly status: number;
  readonly body: string;
  /** The header `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3). */
  readonly retryAfter: string | undefined;
  /** The header `Content-Type`. */
  readonly contentType?: string | undefined;
  /** The header `Location`. */
  readonly location?: string | undefined;
}

/**
 * The error for a response of status 300 and above. The body is a `Status` object
 * (https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#response-status-kind).
 * A proxy in between may send anything else.
 */
export function errorFromResponse(request: string, response: FailedResponse): KubeError {
  const status = parseStatus(response.body);
  return new KubeError(`${request}: ${status.message ?? describeResponse(response)}`, {
    status: response.status,
    reason: status.reason ?? defaultReason(response.status),
    isStatus: status.isStatus,
    causes: status.causes,
    retryAfterSeconds: secondsOf(response.retryAfter) ?? status.retryAfterSeconds,
  });
}

/**
 * The error for a response that no Kubernetes API server sends, such as a login page.
 *
 * @param request - how errors name the request
 */
export function notKubernetes(
  request: string,
  response: Omit<FailedResponse, 'body' | 'retryAfter'>,
): KubeError {
  return new KubeError(`${request}: ${describeResponse(response)}`, {
    status: response.status,
    reason: 'NotKubernetes',
  });
}

/** Omits the content of the response and the query of a redirect, which may contain a credential. */
function describeResponse({
  status,
  contentType,
  location,
}: Omit<FailedResponse, 'body' | 'retryAfter'>): string {
  const origin = location === undefined ? undefined : URL.parse(location)?.origin;
  if (origin !== undefined && origin !== 'null')
    return `the server answered ${status}, a redirect to ${origin}`;
  const type = /^[\w.+-]{1,50}\/[\w.+-]{1,50}/.exec(contentType ?? '')?.[0];
  return `the server answered ${status}${type === undefined ? '' : ` with ${type}`}`;
}

/** The error for a request that got no response. */
export function errorFromFailure(request: string, cause: unknown): KubeError {
  if (cause instanceof KubeConfigError) {
    return new KubeError(`${request}: ${cause.message}`, { status: 0, reason: 'Misconfigured', cause });
  }
  const timedOut = cause instanceof Error && TIMEOUTS.has(codeOf(cause) ?? cause.name);
  return new KubeError(`${request}: ${timedOut ? 'no answer in time' : describe(cause)}`, {
    status: 0,
    reason: timedOut ? 'Timeout' : 'Unreachable',
    unsent: isUnsent(cause),
    cause,
  });
}

const TIMEOUTS = new Set(['TimeoutError', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);

/**
 * Whether connecting failed: between the look-up of the name and the end of the TLS handshake. After any later failure, the
 * request may have reached the server. A rejected certificate does not count, although nothing was sent, because a retry
 * does not help.
 */
function isUnsent(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  // Node tries each address of a name, and reports one error per address.
  if (cause instanceof AggregateError) return cause.errors.length > 0 && cause.errors.every(isUnsent);
  const { syscall, host } = cause as { syscall?: unknown; host?: unknown };
  if (syscall === 'connect' || syscall === 'getaddrinfo') return true;
  const code = codeOf(cause);
  // Node sets `host` only if a connection was reset before the TLS handshake ended.
  return code === 'UND_ERR_CONNECT_TIMEOUT' || (code === 'ECONNRESET' && host !== undefined);
}

function codeOf(cause: Error): string | undefined {
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
}

function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const message = cause.message || cause.name;
  const code = codeOf(cause) ?? '';
  return message.includes(code) ? message : `${message} (${code})`;
}

/** Upper bound on `Retry-After`, because a webhook or a proxy may have written any value. */
const LONGEST_RETRY_AFTER_SECONDS = 3_600;

function secondsOf(retryAfter: string | undefined): number | undefined {
  if (retryAfter === undefined) return undefined;
  if (/^\d+$/.test(retryAfter)) return boundedSeconds(Number(retryAfter));
  return boundedSeconds((Date.parse(retryAfter) - Date.now()) / 1000);
}

function boundedSeconds(seconds: number): number | undefined {
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), LONGEST_RETRY_AFTER_SECONDS) : undefined;
}

interface ParsedStatus {
  readonly isStatus: boolean;
  readonly message: string | undefined;
  readonly reason: string | undefined;
  readonly causes: readonly StatusCause[];
  readonly retryAfterSeconds: number | undefined;
}

/**
 * The reasons that Kubernetes defines
 * (https://github.com/kubernetes/apimachinery/blob/v0.37.2/pkg/apis/meta/v1/types.go). A webhook that refuses an object can send any
 * other text as a reason, and quote the object in it. Status and log contain the reason of an error.
 */
const KUBERNETES_REASONS: ReadonlySet<unknown> = new Set([
  ...['Unauthorized', 'Forbidden', 'NotFound', 'AlreadyExists', 'Conflict', 'Gone', 'Invalid', 'Expired'],
  ...['ServerTimeout', 'StoreReadError', 'Timeout', 'TooManyRequests', 'BadRequest', 'MethodNotAllowed'],
  ...['NotAcceptable', 'RequestEntityTooLarge', 'UnsupportedMediaType', 'InternalError'],
  'ServiceUnavailable',
]);

function parseStatus(body: string): ParsedStatus {
  const { kind, message, reason, details } = objectOf(parseJson(body));
  const { causes, retryAfterSeconds } = objectOf(details);
  return {
    isStatus: kind === 'Status',
    message: textOf(message),
    reason: KUBERNETES_REASONS.has(reason) ? textOf(reason) : undefined,
    causes: Array.isArray(causes) ? causes.map(parseCause) : [],
    retryAfterSeconds: typeof retryAfterSeconds === 'number' ? boundedSeconds(retryAfterSeconds) : undefined,
  };
}

function parseCause(value: unknown): StatusCause {
  const { field, reason, message } = objectOf(value);
  return { field: textOf(field) ?? '', reason: textOf(reason) ?? '', message: textOf(message) ?? '' };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function defaultReason(status: number): KubeErrorReason {
  const reasons: Record<number, KubeErrorReason> = {
    404: 'NotFound',
    409: 'Conflict',
    410: 'Expired',
    403: 'Forbidden',
  };
  return reasons[status] ?? `HTTP${status}`;
}
