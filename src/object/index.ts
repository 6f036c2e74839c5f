export type { EnvVar } from './env-var.ts';
export { DNS_LABEL, DNS_SUBDOMAIN, LONGEST_NAME } from './names.ts';
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
export { NAMESPACES, SCANS, SCHEDULED_SCANS, SECRETS } from './resources.ts';
