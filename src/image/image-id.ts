import { DIGEST, IDENTIFIER, type ImageReference, parseImageReference } from './reference.ts';

/** What a container runtime says that it runs. */
export type ImageId =
  /** With the digest of a manifest, as it was pulled. */
  | { readonly kind: 'Repository'; readonly reference: ImageReference }
  /**
   * The runtime does not know where the image came from: it was built or loaded on the node. The digest is then that
   * of the image's configuration, which no registry can be asked for.
   */
  | { readonly kind: 'Digest'; readonly digest: string };

/** Docker's, through dockershim and cri-dockerd; a pullable one names a repository. */
const SCHEME = /^docker(?:-pullable)?:\/\//;

/**
 * Reads `imageID` of a container's status (k8s.io/api/core/v1, ContainerStatus), in the forms of containerd
 * (`repository@digest`, `sha256:…`), CRI-O (also 64 hex digits alone) and Docker (`docker-pullable://repository@digest`,
 * `docker://sha256:…`).
 *
 * @throws ImageReferenceError, and nothing else, for every other text, also for the empty one of a container that
 *   has not started.
 */
export function parseImageId(text: string): ImageId {
  const id = text.replace(SCHEME, '');
  if (DIGEST.test(id)) {
    return { kind: 'Digest', digest: id };
  }
  if (IDENTIFIER.test(id)) {
    return { kind: 'Digest', digest: `sha256:${id}` };
  }
  return { kind: 'Repository', reference: parseImageReference(id) };
}
