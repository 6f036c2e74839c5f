/**
 * What can go wrong with a request on its way, or with its answer. `afterLines`, where it is left out, is drawn from
 * the first twenty; for an answer that is no watch it is 0.
 */
export type Fault =
  /** The connection is reset; the upstream never hears of the request. */
  | { readonly kind: 'cut-before' }
  /** The upstream has handled the request, and the connection is reset before a byte of the answer comes. */
  | { readonly kind: 'cut-after' }
  /** The connection ends after some bytes of a line of the answer. */
  | { readonly kind: 'cut-mid-line'; readonly afterLines?: number }
  /** Half-open: nothing more of the answer comes, and the connection stays. */
  | { readonly kind: 'silence'; readonly afterLines?: number }
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  /** The answer is whole, says `Connection: close`, and the connection ends after it. */
  | { readonly kind: 'close' }
  /** A Status object instead of an answer; the upstream never hears of the request. */
  | { readonly kind: 'status'; readonly code: StatusCode; readonly retryAfterSeconds?: number }
  /** 429 as API priority and fairness sends it: plain text, `Retry-After: 1`. */
  | { readonly kind: 'overload' }
  /** 410 as an ERROR event of a watch, which then ends: how kube-apiserver says that a version is too old. */
  | { readonly kind: 'expire'; readonly afterLines?: number }
  /** Bookmarks of a watch do not come: none, or not the one that ends a streaming list. */
  | { readonly kind: 'drop-bookmarks'; readonly only?: 'initial-events-end' };

export type StatusCode = 409 | 410 | 429 | 500 | 503;

/** A fault in words, by which it is counted: `cut-before`, `503 with Retry-After`, … */
export function nameOf(fault: Fault): string {
  if (fault.kind === 'status')
    return `${fault.code}${fault.retryAfterSeconds === undefined ? '' : ' with Retry-After'}`;
  if (fault.kind === 'drop-bookmarks' && fault.only !== undefined) return `${fault.kind} ${fault.only}`;
  return fault.kind;
}
