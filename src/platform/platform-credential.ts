import type { Credential, SecretValue } from '../credential/index.ts';
import type { Exchange } from './exchange.ts';
import type { TrivyAuth } from './trivy-auth.ts';

/** The credential of a Secret that is not a pull secret. Callers need not know its platform. */
export interface PlatformCredential {
  readonly result: 'Credential';
  /** Distinguishes it from the logins of pull secrets. */
  readonly kind: 'platform';
  /** Describes it for messages. Contains no value of the Secret. */
  readonly description: string;
  /** Equal for two credentials if and only if they are the same. Used for fingerprints and known answers. */
  readonly identity: SecretValue;
  /**
   * When the credential expires, in milliseconds since 1970. If only its token contains that time, this is a login with the
   * token. `undefined`: the Secret does not contain the time. Read it with `expirationOf`.
   */
  readonly expires: number | Credential | undefined;
  /** The login in the Secret, if a registry accepts it as it is; undefined: there is none. */
  readonly login?: Credential;
  /** How it gives access to the registry at this host. */
  accessTo(host: string): Access;
}

/** How a credential gives access to a registry: how to deliver it to Trivy, and how to check it. */
export interface Access {
  readonly delivery:
    | Login
    | ByExchange
    /** With these files, Trivy requests a login from the cloud itself. */
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

/** The credential in a Secret: a login in a pull secret, or the credential of a credential Secret. */
export type SourceCredential = Credential | PlatformCredential;
