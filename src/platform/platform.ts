import type { Credential, SecretValue } from '../credential/index.ts';
import type { Exchange } from './exchange.ts';
import type { EnvEntry, Handover } from './handover.ts';
import type { SecretContent } from './secret.ts';

export type PlatformName = 'Generic' | 'AWS' | 'Google' | 'Azure';

/** A kind of registry: its hosts, the secrets it reads, and how Trivy takes credentials for it. One file each. */
export interface Platform {
  readonly name: PlatformName;
  /** Whether a registry host, as in a canonical image reference, is of this platform. */
  owns(host: string): boolean;
  /** What switches off what Trivy would try here before the login that it is handed. */
  readonly off: readonly EnvEntry[];
  /** Reads a Secret that is no pull secret. Undefined: it has none of the keys of this platform's credentials. */
  readSecret(secret: SecretContent): PlatformCredential | Malformed | undefined;
}

/** A Secret has the keys of a credential, but not what belongs there. The message holds none of its values. */
export interface Malformed {
  readonly result: 'Malformed';
  readonly message: string;
}

/** What a Secret that is no pull secret holds. It answers for itself, so that nobody needs to know its kind. */
export interface PlatformCredential {
  readonly result: 'Credential';
  /** Tells it from the logins that pull secrets hold. */
  readonly kind: 'platform';
  /** What it is, in words: no value of the Secret. */
  readonly description: string;
  /** Equal where two are the same credential, and nowhere else: for fingerprints and memory. */
  readonly identity: SecretValue;
  /** When it ends, in milliseconds since 1970, where the Secret says so. */
  readonly ends: number | undefined;
  /** How Trivy can be let into this registry with it. */
  waysIn(host: string): WaysIn;
}

/** How a credential opens a registry: for Trivy, and for the question whether it does. */
export interface WaysIn {
  readonly delivery:
    | Login
    | ByExchange
    /** Trivy makes a login of these files itself, at the cloud. */
    | { readonly way: 'Files'; readonly handover: Handover }
    | { readonly way: 'None'; readonly message: string };
  readonly check:
    | Login
    | ByExchange
    /** Nobody but Trivy, where it runs, can or should try. */
    | { readonly way: 'NotCheckable'; readonly message: string };
}

/** The registry takes it as it is. */
interface Login {
  readonly way: 'Login';
  readonly credential: Credential;
}

/** The cloud gives a login for it, which ends. */
interface ByExchange {
  readonly way: 'Exchange';
  readonly exchange: Exchange;
}
