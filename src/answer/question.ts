import type { ImageReference } from '../image/index.ts';
import type { SourceCredential } from '../platform/index.ts';

/** May this credential pull this image? */
export interface Question {
  /** Without tag and digest: `latest`. */
  readonly image: ImageReference;
  /** Undefined: may anybody? */
  readonly credential: SourceCredential | undefined;
  /** Whether this very manifest is there is the question, not the repository: an answer counts for it alone. */
  readonly exact?: boolean;
}
