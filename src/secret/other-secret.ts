import { type KubeObject, type Stored, storedMeta } from '../object/index.ts';
import { REGISTRIES_ANNOTATION } from '../platform/index.ts';
import { readTrivySecret, type TrivySecret } from './trivy-secret.ts';
import type { TrivySecretIdentity } from './trivy-secret-identity.ts';

/** Any other Secret: that there is one of this name, whether it is offered, and whether it was ours before somebody took the label off. */
export interface OtherSecret extends Stored {
  readonly ours: (TrivySecret & { readonly identity: TrivySecretIdentity }) | undefined;
  /** Whether its owner offers it to registries. */
  readonly offered: boolean;
}

/** Reads the metadata of a Secret without our label. */
export function readOtherSecret(object: KubeObject): OtherSecret {
  const secret = readTrivySecret(object);
  const { identity } = secret;
  const offered = Object.hasOwn(object.metadata.annotations ?? {}, REGISTRIES_ANNOTATION);
  return {
    ...storedMeta(object),
    offered,
    ours: identity === undefined ? undefined : { ...secret, identity },
  };
}
