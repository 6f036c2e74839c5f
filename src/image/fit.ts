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

/**
 * A string that is equal for two patterns exactly if they fit the same images: `name`, `name:tag` or `name@digest`,
 * with the repository in canonical form.
 */
export function patternOf(pattern: ImageReference): string {
  const name = repositoryName(pattern);
  if (pattern.digest !== undefined) return `${name}@${pattern.digest}`;
  return pattern.tag === undefined ? name : `${name}:${pattern.tag}`;
}

/**
 * The {@link patternOf} strings of all patterns that fit an image, the most exact one first and the repository last.
 */
export function patternsOf(image: ImageReference): readonly string[] {
  const name = repositoryName(image);
  const tag = namedTag(image);
  return [
    ...(image.digest === undefined ? [] : [`${name}@${image.digest}`]),
    ...(tag === undefined ? [] : [`${name}:${tag}`]),
    name,
  ];
}
