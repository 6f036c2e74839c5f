export { type ImageArchive, type ImageConfig, imageArchive } from './archive.ts';
export { buildImage, sourceVersion } from './image.ts';
export { type TarEntry, tar } from './tar.ts';
