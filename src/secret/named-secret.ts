import type { Keyring } from '../credential/index.ts';
import type { SourceCredential } from '../platform/index.ts';

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
