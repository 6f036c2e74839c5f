import type { ImageReference } from './reference.ts';
import { repositoryName } from './reference.ts';

/** How closely a pattern names an image: one digest, one tag, or every version of its repository. */
export type ImageFit = 'digest' | 'tag' | 'repository';

/** What is pulled where neither tag nor digest is written. */
const DEFAULT_TAG = 'latest';

/**
 * Whether an image (what a scan names) falls under a pattern (a binding's `spec.image`), and by which part.
 * The most exact part that the pattern has decides alone:
 *
 * | pattern          | fits images of that repository                                                  |
 * |------------------|---------------------------------------------------------------------------------|
 * | `name`           | of every version                                                                |
 * | `name:tag`       | with that tag, also beside a digest; without tag and digest an image is `latest` |
 * | `name@digest`    | with that digest, whatever tag stands beside it                                 |
 * | `name:tag@digest`| likewise: as in Docker and containerd, the digest decides and the tag is a note |
 *
 * @returns undefined if the image does not fall under the pattern.
 */
export function fit(pattern: ImageReference, image: ImageReference): ImageFit | undefined {
  if (repositoryName(pattern) !== repositoryName(image)) {
    return undefined;
  }
  if (pattern.digest !== undefined) {
    return pattern.digest === image.digest ? 'digest' : undefined;
  }
  if (pattern.tag !== undefined) {
    return pattern.tag === namedTag(image) ? 'tag' : undefined;
  }
  return 'repository';
}

function namedTag(image: ImageReference): string | undefined {
  return image.tag ?? (image.digest === undefined ? DEFAULT_TAG : undefined);
}
