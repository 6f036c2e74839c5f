export { fit, patternOf, patternsOf } from './fit.ts';
export { parseImageId } from './image-id.ts';
export {
  formatFamiliar,
  formatReference,
  type ImageReference,
  ImageReferenceError,
  parseImageReference,
  repositoryName,
} from './reference.ts';
