import { type Keyring, type PullSecretContent, parsePullSecret } from '../credential/index.ts';
import { type KubeObject, type Stored, storedMeta } from '../object/index.ts';
import type { SourceCredential } from '../platform/index.ts';

/** A pull secret as it is kept: parsed once for each of its versions. */
export interface PullSecret extends Stored {
  readonly content: PullSecretContent;
}

/** A Secret as the API server sends it. */
export interface RawSecret extends KubeObject {
  readonly type: string;
  readonly data?: Readonly<Record<string, string>>;
}

/** Reads a Secret of a pull-secret type; one that is malformed says so in its content. */
export function readPullSecret(object: RawSecret): PullSecret {
  const { type, data } = object;
  return { ...storedMeta(object), content: parsePullSecret(type, data ?? {}) };
}

/** A secret that a binding names, as it was found. */
export type NamedSecret =
  | {
      readonly state: 'Found';
      readonly name: string;
      readonly uid: string;
      readonly resourceVersion: string;
      readonly entries: readonly { readonly registryKey: string }[];
      readonly keyring: Keyring<SourceCredential>;
      readonly problems: readonly string[];
    }
  | { readonly state: 'Missing'; readonly name: string }
  | { readonly state: 'WrongType'; readonly name: string }
  /** No pull secret, and its owner has not said for whom it is. */
  | { readonly state: 'NotOffered'; readonly name: string; readonly message: string }
  /** Offered, but not read yet: nothing can be said of the binding. */
  | { readonly state: 'Unread'; readonly name: string }
  | { readonly state: 'Unreadable'; readonly name: string; readonly message: string }
  | { readonly state: 'Malformed'; readonly name: string; readonly message: string };
