import type { RequestKind } from '../../answer/index.ts';

/** One request to a registry, a token server or a cloud. Redirects are not followed. */
export interface RegistryRequest {
  readonly kind: RequestKind;
  /** `registry`: the one that the check is about. `other`: token servers and targets of redirects. */
  readonly party: 'registry' | 'other';
  readonly method: 'HEAD' | 'GET' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Whether the body of an answer with this status is needed. */
  readonly reads?: (status: number) => boolean;
}

/** The answer to a {@link RegistryRequest}. */
export interface Reply {
  readonly status: number;
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /** Empty unless it was requested with `reads`. */
  readonly body: string;
}
