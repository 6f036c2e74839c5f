export { type ImageArchive, imageArchive } from './archive.ts';
export { type TarEntry, tar } from './tar.ts';
