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
    // docs.quay.io/glossary/access-token.html
    '$token',
    // cloud.ibm.com/docs/Registry?topic=Registry-registry_access
    'iamapikey',
    'iambearer',
    // docs.gitlab.com/ci/jobs/ci_job_token
    'gitlab-ci-token',
    // scaleway.com/en/docs/container-registry
    'nologin',
    // yandex.cloud/en/docs/container-registry/operations/authentication
    'json_key',
    'iam',
    'oauth',
  ],
  readSecret: (secret) => (secret.type === 'kubernetes.io/basic-auth' ? readBasicAuth(secret) : undefined),
};
