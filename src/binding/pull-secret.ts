import {
  type Keyring,
  type PullSecretContent,
  parsePullSecret,
  type UsableEntry,
} from '../credential/index.ts';
import { type KubeObject, type Stored, storedMeta } from '../kube/index.ts';

/** A pull secret as it is kept: parsed once for each of its versions. */
export interface PullSecret extends Stored {
  readonly content: PullSecretContent;
}

/** A Secret as the API server sends it. */
interface RawSecret extends KubeObject {
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
      readonly entries: readonly UsableEntry[];
      readonly keyring: Keyring;
      readonly problems: readonly string[];
    }
  | { readonly state: 'Missing'; readonly name: string }
  | { readonly state: 'WrongType'; readonly name: string }
  | { readonly state: 'Malformed'; readonly name: string; readonly message: string };
