/**
 * What can go wrong with a request or its response. Without `afterLines`, the number of lines is drawn from the first
 * twenty. For a response that is not a watch, it is 0.
 */
export type Fault =
  /** The connection is reset, and the upstream does not receive the request. */
  | { readonly kind: 'cut-before' }
  /** The upstream has handled the request, and the connection is reset before the first byte of the response. */
  | { readonly kind: 'cut-after' }
  /** The connection ends after some bytes of a line of the response. */
  | { readonly kind: 'cut-mid-line'; readonly afterLines?: number }
  /** Half-open: the rest of the response is withheld, and the connection stays open. */
  | { readonly kind: 'silence'; readonly afterLines?: number }
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  /** The response is complete and contains `Connection: close`, and the connection ends after it. */
  | { readonly kind: 'close' }
  /** A Status object instead of a response. The upstream does not receive the request. */
  | { readonly kind: 'status'; readonly code: StatusCode; readonly retryAfterSeconds?: number }
  /** 429 as API priority and fairness sends it: plain text, `Retry-After: 1`. */
  | { readonly kind: 'overload' }
  /**
   * 410 as an ERROR event of a watch, which then ends. kube-apiserver reports in this way that a resource version is too
   * old.
   */
  | { readonly kind: 'expire'; readonly afterLines?: number }
  /** Drops the bookmarks of a watch: all of them, or only the one that ends a streaming list. */
  | { readonly kind: 'drop-bookmarks'; readonly only?: 'initial-events-end' };

export type StatusCode = 409 | 410 | 429 | 500 | 503;

/** The name of a fault, by which it is counted: `cut-before`, `503 with Retry-After`, … */
export function nameOf(fault: Fault): string {
  if (fault.kind === 'status')
    return `${fault.code}${fault.retryAfterSeconds === undefined ? '' : ' with Retry-After'}`;
  if (fault.kind === 'drop-bookmarks' && fault.only !== undefined) return `${fault.kind} ${fault.only}`;
  return fault.kind;
}
