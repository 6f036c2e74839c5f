import { type KubeObject, type Stored, storedMeta } from '../object/index.ts';
import { REGISTRIES_ANNOTATION } from '../platform/index.ts';
import { readTrivySecret, type TrivySecret } from './trivy-secret.ts';
import type { TrivySecretIdentity } from './trivy-secret-identity.ts';

/** A Secret that is neither a pull secret nor labeled as a Trivy Secret. Only its metadata is watched. */
export interface OtherSecret extends Stored {
  /** The Trivy Secret that it was before a user removed the label; undefined: it never was one. */
  readonly formerTrivySecret: (TrivySecret & { readonly identity: TrivySecretIdentity }) | undefined;
  /** Whether it has the annotation that makes it a credential Secret. */
  readonly isCredentialSecret: boolean;
}

/** Reads the metadata of a Secret without the label of Trivy Secrets. */
export function readOtherSecret(object: KubeObject): OtherSecret {
  const secret = readTrivySecret(object);
  const { identity } = secret;
  const isCredentialSecret = Object.hasOwn(object.metadata.annotations ?? {}, REGISTRIES_ANNOTATION);
  return {
    ...storedMeta(object),
    isCredentialSecret,
    formerTrivySecret: identity === undefined ? undefined : { ...secret, identity },
  };
}
