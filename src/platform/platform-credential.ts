import type { Credential, SecretValue } from '../credential/index.ts';
import type { Exchange } from './exchange.ts';
import type { TrivyAuth } from './trivy-auth.ts';

/** The credential of a Secret that is not a pull secret. It answers for itself, so that callers need not know its kind. */
export interface PlatformCredential {
  readonly result: 'Credential';
  /** Distinguishes it from the logins of pull secrets. */
  readonly kind: 'platform';
  /** What it is, in words. Contains no value of the Secret. */
  readonly description: string;
  /** Equal if and only if two credentials are the same: for fingerprints and memory. */
  readonly identity: SecretValue;
  /**
   * When it expires: in milliseconds since 1970, or when this login does. `undefined`: the Secret does not say. Read it
   * with `expirationOf`.
   */
  readonly expires: number | Credential | undefined;
  /** How it opens the registry at this host. */
  accessTo(host: string): Access;
}

/** How a credential opens a registry: for Trivy, and for the check whether it does. */
export interface Access {
  readonly delivery:
    | Login
    | ByExchange
    /** Trivy gets a login from the cloud itself, with these files. */
    | { readonly way: 'Files'; readonly trivyAuth: TrivyAuth }
    | { readonly way: 'None'; readonly message: string };
  readonly check:
    | Login
    | ByExchange
    /** Only Trivy can or should use it, in the scan's pod. */
    | { readonly way: 'NotCheckable'; readonly message: string };
}

/** The registry accepts the credential itself. */
interface Login {
  readonly way: 'Login';
  readonly credential: Credential;
}

/** The cloud exchanges the credential for a login, which expires. */
interface ByExchange {
  readonly way: 'Exchange';
  readonly exchange: Exchange;
}

/** What a Secret holds for a registry: a login of a pull secret, or the credential of a credential Secret. */
export type SourceCredential = Credential | PlatformCredential;
