import type { ImageReference } from './reference.ts';
import { repositoryName } from './reference.ts';

/** How precisely a pattern matches an image: by digest, by tag, or every version of the repository. */
export type ImageFit = 'digest' | 'tag' | 'repository';

/** The tag that is pulled if an image has neither a tag nor a digest. */
const DEFAULT_TAG = 'latest';

/**
 * Whether a pattern (a binding's `spec.image`) matches an image (the image of a scan), and by which part. Only the most
 * precise part of the pattern is compared:
 *
 * | pattern          | images of that repository that it matches                                          |
 * |------------------|------------------------------------------------------------------------------------|
 * | `name`           | all images                                                                         |
 * | `name:tag`       | those with that tag, with or without a digest. `latest` also matches plain `name`  |
 * | `name@digest`    | those with that digest, with any tag or none                                       |
 * | `name:tag@digest`| the same as `name@digest`. As in Docker and containerd, the tag is ignored         |
 *
 * @returns undefined if the pattern does not match the image.
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
 * A string that is equal for two patterns if and only if they match the same images: `name`, `name:tag` or
 * `name@digest`, with the repository in canonical form.
 */
export function patternOf(pattern: ImageReference): string {
  const name = repositoryName(pattern);
  if (pattern.digest !== undefined) return `${name}@${pattern.digest}`;
  return pattern.tag === undefined ? name : `${name}:${pattern.tag}`;
}

/**
 * The {@link patternOf} strings of all patterns that match an image, the most precise one first and the repository last.
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
