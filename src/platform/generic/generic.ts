import type { PlatformDefinition } from '../platform.ts';
import { readBasicAuth } from './basic-auth.ts';

/** Any registry that accepts basic or token authentication. Trivy gets a Docker config file with one entry. */
export const generic: PlatformDefinition<'Generic'> = {
  name: 'Generic',
  owns: () => true,
  off: [],
  publicUsernames: [
    // org.ngc.nvidia.com/setup/api-keys
    '$oauthtoken',
    // cloud.ibm.com/docs/Registry?topic=Registry-registry_access
    'iamapikey',
  ],
  readSecret: (secret) => (secret.type === 'kubernetes.io/basic-auth' ? readBasicAuth(secret) : undefined),
};
