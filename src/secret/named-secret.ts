import type { Keyring } from '../credential/index.ts';
import type { SourceCredential } from '../platform/index.ts';

/** A Secret that a binding names, and what is known about it. */
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
  /** It is not a pull secret, and has no keys of a known credential. The message says how to make it usable. */
  | { readonly state: 'WrongType'; readonly name: string; readonly message?: string }
  /** It is not a pull secret, and has no annotation with its registries. */
  | { readonly state: 'NotOffered'; readonly name: string; readonly message: string }
  /** It has not been read yet, so nothing can be decided about the binding. */
  | { readonly state: 'Unread'; readonly name: string }
  | { readonly state: 'Unreadable'; readonly name: string; readonly message: string }
  | { readonly state: 'Malformed'; readonly name: string; readonly message: string };
