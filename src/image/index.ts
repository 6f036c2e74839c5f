export { fit, type ImageFit } from './fit.ts';
export { quoted } from './quote.ts';
export {
  formatReference,
  type ImageReference,
  ImageReferenceError,
  parseImageReference,
  repositoryName,
} from './reference.ts';
