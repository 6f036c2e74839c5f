import { DIGEST, IDENTIFIER, type ImageReference, parseImageReference } from './reference.ts';

/** The image that a container runtime reports for a container. */
export type ImageId =
  /** The repository from which the image was pulled, with the digest of the manifest. */
  | { readonly kind: 'Repository'; readonly reference: ImageReference }
  /**
   * The runtime does not know the repository, because the image was built or loaded on the node. The digest is that of
   * the image's configuration, which registries cannot look up.
   */
  | { readonly kind: 'Digest'; readonly digest: string };

/** The schemes of dockershim and cri-dockerd. After `docker-pullable://`, a repository follows. */
const SCHEME = /^docker(?:-pullable)?:\/\//;

/**
 * Parses `imageID` in the status of a container (k8s.io/api/core/v1, ContainerStatus). Accepts the forms of containerd
 * (`repository@digest`, `sha256:…`), CRI-O (also 64 hex digits alone) and Docker (`docker-pullable://repository@digest`,
 * `docker://sha256:…`).
 *
 * @throws ImageReferenceError, and nothing else, for any other text. This includes the empty text of a container that
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
