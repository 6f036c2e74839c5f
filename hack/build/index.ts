export { bundle, bundledFiles, PROGRAM } from './bundle.ts';
export { sbom } from './sbom.ts';
