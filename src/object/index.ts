export type { EnvVar } from './env-var.ts';
export {
  apiVersionOf,
  isNewer,
  type KubeObject,
  keyOf,
  namespaceOf,
  type ObjectMeta,
  type Resource,
  type Stored,
  splitKey,
  storedMeta,
} from './object.ts';
export { SCANS, SCHEDULED_SCANS, SECRETS } from './resources.ts';
