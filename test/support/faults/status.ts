import type { StatusCode } from './fault.ts';
import type { ProxiedRequest } from './request.ts';

/** metav1.Status, with the fields that kube-apiserver sets here. */
interface Status {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: { readonly continue?: string };
  readonly status: 'Failure';
  readonly message: string;
  readonly reason: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly code: number;
}

type Parts = Pick<Status, 'reason' | 'message'> & Partial<Pick<Status, 'details' | 'metadata'>>;

/**
 * The Status object with which kube-apiserver answers.
 *
 * @see https://github.com/kubernetes/apimachinery/blob/v0.37.2/pkg/api/errors/errors.go
 */
export function statusOf(code: StatusCode, request: ProxiedRequest, retryAfterSeconds?: number): Status {
  const { details, metadata = {}, reason, message } = PARTS[code](request);
  const all = { ...details, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata,
    status: 'Failure',
    message,
    reason,
    ...(Object.keys(all).length === 0 ? {} : { details: all }),
    code,
  };
}

const PARTS: Readonly<Record<StatusCode, (request: ProxiedRequest) => Parts>> = {
  409: ({ resource, group, name = '' }) => ({
    reason: 'Conflict',
    message: `Operation cannot be fulfilled on ${group === '' ? resource : `${resource}.${group}`} "${name}": the object has been modified; please apply your changes to the latest version and try again`,
    details: { name, ...(group === '' ? {} : { group }), kind: resource },
  }),
  410: (request) => (request.query.has('continue') ? expiredPage(request) : expiredVersion(request)),
  429: () => ({ reason: 'TooManyRequests', message: 'Too many requests, please try again later.' }),
  500: () => ({
    reason: 'InternalError',
    message: 'Internal error occurred: injected',
    details: { causes: [{ message: 'injected' }] },
  }),
  503: () => ({
    reason: 'ServiceUnavailable',
    message: 'the server is currently unable to handle the request',
  }),
};

function expiredVersion({ query }: ProxiedRequest): Parts {
  const version = query.get('resourceVersion') ?? '0';
  return { reason: 'Expired', message: `too old resource version: ${version} (${Number(version) + 1})` };
}

/**
 * Contains the continue token that kube-apiserver sends, which returns the remaining objects in their current state.
 *
 * @see https://github.com/kubernetes/apiserver/blob/v0.37.2/pkg/storage/continue.go
 */
function expiredPage({ query }: ProxiedRequest): Parts {
  const token: unknown = JSON.parse(
    Buffer.from(query.get('continue') ?? '', 'base64url').toString('utf8') || '{}',
  );
  const inconsistent = JSON.stringify({ ...(token as object), rv: -1 });
  return {
    reason: 'Expired',
    message:
      'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
    metadata: { continue: Buffer.from(inconsistent).toString('base64url') },
  };
}
