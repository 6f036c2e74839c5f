import type { Credential, SecretValue } from '../credential/index.ts';

/** Where the files of a delivery are mounted in Trivy's container. */
export const MOUNT_PATH = '/var/run/secrets/image-credential-binding';

/** What Trivy is handed: files, mounted at {@link MOUNT_PATH}, and the environment that makes Trivy use them. */
interface Handover {
  readonly files: Readonly<Record<string, SecretValue>>;
  /** Entries point at the files, or are empty to switch off what Trivy would prefer. No secret values. */
  readonly env: readonly { readonly name: string; readonly value: string }[];
}

/** A kind of registry: how Trivy takes credentials for it. One file each. */
export interface Platform {
  readonly name: 'Generic';
  /** Whether a registry host, as in a canonical image reference, is of this platform. */
  owns(host: string): boolean;
  /** What Trivy needs to pull from `host` with this credential. */
  handOver(credential: Credential, host: string): Handover;
}
