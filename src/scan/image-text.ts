import { type ImageReference, ImageReferenceError, parseImageReference } from '../image/index.ts';

/** The image that a text names; undefined: none. Never throws, because any user may have written the text. */
export function imageIn(text: string): ImageReference | undefined {
  try {
    return parseImageReference(text);
  } catch (error) {
    if (error instanceof ImageReferenceError) return undefined;
    throw error;
  }
}
