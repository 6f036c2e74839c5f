export { readFiles } from './files.ts';
export type { Manifest } from './manifest.ts';
export { type FileProblem, type FilesRead, readManifests } from './manifests.ts';
export { isRelevant, type ObjectFault, readObjects, versionProblem } from './objects.ts';
