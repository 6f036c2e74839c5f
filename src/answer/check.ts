import type { ImageReference } from '../image/index.ts';
import type { SourceCredential } from '../platform/index.ts';

/** A check of whether a credential may pull an image. */
export interface Check {
  /** Without a tag and a digest, `latest` is checked. */
  readonly image: ImageReference;
  /** undefined: checks whether the image is public. */
  readonly credential: SourceCredential | undefined;
  /** Whether the check is about this tag or digest, not about the repository. If so, the answer applies only to it. */
  readonly exact?: boolean;
}
