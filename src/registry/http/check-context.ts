import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import type { RequestKind } from '../../answer/index.ts';
import type { RegistrySettings } from '../settings.ts';
import type { Lookups } from './lookups.ts';

/** One request as counted in metrics: it contains nothing that a registry or a user can choose freely. */
export interface RegistryRequestRecord {
  readonly kind: RequestKind;
  /** The HTTP status if it is one of a few that matter, otherwise its class (`2xx`), or the reason why no answer came. */
  readonly code: string;
  readonly seconds: number;
}

/** The environment that all checks share. */
export interface CheckContext {
  readonly settings: RegistrySettings;
  /** undefined: trust the default certificate authorities of Node. */
  readonly secureContext: SecureContext | undefined;
  /** Aborted when the controller stops. */
  readonly stop: AbortSignal;
  readonly onRequest: (record: RegistryRequestRecord) => void;
  /** Called with an unexpected error that ended a check. Never throws. */
  readonly onError: (error: unknown) => void;
  readonly lookups: Lookups;
}

/**
 * The context of TLS connections that also trust these certificate authorities.
 *
 * @throws Error if the certificates are not PEM
 */
export function trust(certificateAuthorities: string | undefined): SecureContext | undefined {
  if (certificateAuthorities === undefined) return undefined;
  return createSecureContext({ ca: [...getCACertificates('default'), certificateAuthorities] });
}
