export { fit, type ImageFit } from './fit.ts';
export { type ImageId, parseImageId } from './image-id.ts';
export { quoted } from './quote.ts';
export {
  formatFamiliar,
  formatReference,
  type ImageReference,
  ImageReferenceError,
  parseImageReference,
  repositoryName,
} from './reference.ts';
