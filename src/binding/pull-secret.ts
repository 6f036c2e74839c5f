import { type KeyringEntry, parsePullSecret } from '../credential/index.ts';
import { type KubeObject, type Stored, storedMeta } from '../kube/index.ts';

/** A pull secret as it is kept: parsed once for each of its versions. */
export interface PullSecret extends Stored {
  readonly content: ReturnType<typeof parsePullSecret>;
}

/** Reads a Secret of a pull-secret type; one that is malformed says so in its content. */
export function readPullSecret(object: KubeObject): PullSecret {
  // The API server guarantees the shape of a Secret.
  const { type, data } = object as KubeObject & {
    readonly type: string;
    readonly data?: Readonly<Record<string, string>>;
  };
  return { ...storedMeta(object), content: parsePullSecret(type, data ?? {}) };
}

/** A secret that a binding names, as it was found. */
export type NamedSecret =
  | {
      readonly state: 'Found';
      readonly name: string;
      readonly uid: string;
      readonly entries: readonly KeyringEntry[];
      readonly problems: readonly string[];
    }
  | { readonly state: 'Missing'; readonly name: string }
  | { readonly state: 'WrongType'; readonly name: string }
  | { readonly state: 'Malformed'; readonly name: string; readonly message: string };
