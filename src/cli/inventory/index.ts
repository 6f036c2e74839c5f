export {
  type FileProblem,
  type FilesRead,
  isRelevant,
  type Manifest,
  type ObjectFault,
  readFiles,
  readManifests,
  readObjects,
  versionProblem,
} from './files/index.ts';
export { type Inventory, withDelivery } from './inventory.ts';
export { type ReadSecret, readSecret, secretsIn } from './secrets.ts';
