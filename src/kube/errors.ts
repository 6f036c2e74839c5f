/** `Unreachable`: no answer came. Otherwise the reason of the API server's Status object. */
export type KubeErrorReason =
  | 'Unreachable'
  | 'Timeout'
  | 'NotFound'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Expired'
  | 'Forbidden'
  | 'Invalid'
  | (string & {});

/** The one error of this folder: a request that did not succeed. */
export class KubeError extends Error {
  override readonly name = 'KubeError';
  /** HTTP status; 0 where no answer came. */
  readonly status: number;
  readonly reason: KubeErrorReason;
  /** Seconds that the server asks us to wait, from `Retry-After`. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    message: string,
    detail: {
      status: number;
      reason: KubeErrorReason;
      retryAfterSeconds?: number | undefined;
      cause?: unknown;
    },
  ) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.status = detail.status;
    this.reason = detail.reason;
    this.retryAfterSeconds = detail.retryAfterSeconds;
  }
}

/** Whether `error` is a {@link KubeError} with one of these reasons. */
export function hasReason(error: unknown, ...reasons: readonly KubeErrorReason[]): error is KubeError {
  return error instanceof KubeError && reasons.includes(error.reason);
}

/**
 * The error for an answer of status 400 and above. The body is a `Status` object
 * (https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#response-status-kind);
 * proxies in between may send anything else.
 */
export function errorFromAnswer(
  request: string,
  answer: { status: number; body: string; retryAfter: string | undefined },
): KubeError {
  const status = parseStatus(answer.body);
  const retryAfter = Number(answer.retryAfter ?? Number.NaN);
  return new KubeError(`${request}: ${status?.message ?? `the server answered ${answer.status}`}`, {
    status: answer.status,
    reason: status?.reason ?? defaultReason(answer.status),
    retryAfterSeconds: Number.isFinite(retryAfter) ? retryAfter : undefined,
  });
}

/** The error for a request that got no answer. */
export function errorFromFailure(request: string, cause: unknown): KubeError {
  const timedOut = cause instanceof Error && cause.name === 'TimeoutError';
  return new KubeError(`${request}: ${timedOut ? 'no answer in time' : describe(cause)}`, {
    status: 0,
    reason: timedOut ? 'Timeout' : 'Unreachable',
    cause,
  });
}

function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const message = cause.message || cause.name;
  const code = 'code' in cause ? String(cause.code) : '';
  return message.includes(code) ? message : `${message} (${code})`;
}

function parseStatus(body: string): { message: string; reason: string } | undefined {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== 'object' || value === null) return undefined;
    const { message, reason } = value as { message?: unknown; reason?: unknown };
    if (typeof message !== 'string' || typeof reason !== 'string' || reason === '') return undefined;
    return { message, reason };
  } catch {
    return undefined;
  }
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
