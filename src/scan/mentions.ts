import { formatReference, type ImageReference } from '../image/index.ts';
import { imageIn } from './image-text.ts';

/** Limit on the images that {@link mentionedImages} finds. */
const MOST_MENTIONS = 8;
/** Limit on the characters that {@link mentionedImages} reads. */
const MOST_CHARACTERS = 16_384;
/** Longest image, in characters. The parts of an image have at most 780. */
const LONGEST_IMAGE = 1_024;
/** Everything that cannot be part of an image. */
const SEPARATORS = /[^\w.:/@[\]-]+/;

/**
 * The images that parameters mention, although Trivy would not scan them: inside quotes, after a scheme, as the value of a
 * flag. An image whose tag or digest cannot be read has neither. Reads at most 16,384 characters, and returns at most eight
 * images, those with a path first.
 */
export function mentionedImages(parameters: readonly string[]): readonly ImageReference[] {
  const words = wordsIn(parameters);
  const found = new Map<string, ImageReference>();
  for (const word of [...words.filter(hasPath), ...words.filter((word) => !hasPath(word))]) {
    const image = mentionIn(word);
    if (image !== undefined) found.set(formatReference(image), image);
    if (found.size === MOST_MENTIONS) break;
  }
  return [...found.values()];
}

function wordsIn(parameters: readonly string[]): readonly string[] {
  const words: string[] = [];
  let left = MOST_CHARACTERS;
  for (const parameter of parameters) {
    words.push(...parameter.slice(0, left).split(SEPARATORS));
    left -= parameter.length + 1;
    if (left <= 0) break;
  }
  return words
    .filter(({ length }) => length <= LONGEST_IMAGE)
    .map(withoutScheme)
    .filter((word) => /^[a-z0-9[]/i.test(word));
}

/** Also removes `oci:` and `user:password@` before a host, and what cannot be the end of an image. */
function withoutScheme(word: string): string {
  const rest = word.slice(word.lastIndexOf('//') + 1).replace(/^\//, '');
  const at = rest.indexOf('@');
  const name = (at < rest.indexOf('/') ? rest.slice(at + 1) : rest).replace(/[/.:@-]{1,9}$/, '');
  return name.replace(/^[a-z-]{1,20}:(?=[^/]*[.:][^/]*\/)/i, '');
}

function hasPath(word: string): boolean {
  return word.includes('/');
}

/** The image, or only its repository if the rest cannot be read; undefined: the text contains neither. */
function mentionIn(word: string): ImageReference | undefined {
  const [name = ''] = word.split('@');
  const colon = hasPath(name) ? name.indexOf(':', name.indexOf('/')) : -1;
  const repository = colon < 0 ? name : name.slice(0, colon);
  return imageIn(word) ?? imageIn(name) ?? imageIn(repository) ?? imageIn(lowerCasePath(repository));
}

function lowerCasePath(name: string): string {
  const at = name.indexOf('/');
  return at < 0 ? name : name.slice(0, at) + name.slice(at).toLowerCase();
}
