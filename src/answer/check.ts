import type { ImageReference } from '../image/index.ts';
import type { SourceCredential } from '../platform/index.ts';

/** A check whether a credential may pull an image. */
export interface Check {
  /** Without a tag and a digest, `latest` is checked. */
  readonly image: ImageReference;
  /** undefined: checks whether the image is public. */
  readonly credential: SourceCredential | undefined;
  /** Whether the check is about this tag or digest instead of the repository. The answer then applies only to it. */
  readonly exact?: boolean;
}
