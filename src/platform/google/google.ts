import type { PlatformDefinition } from '../platform.ts';
import { GOOGLE_OFF } from './credential.ts';
import { ACCESS_TOKEN_USER } from './exchange.ts';
import { isGoogle } from './hosts.ts';
import { readKeyFile } from './key-file.ts';
import { KEY_FILE_USER } from './service-account.ts';

/** Artifact Registry, including the host names of Container Registry. */
export const google: PlatformDefinition<'Google'> = {
  name: 'Google',
  owns: isGoogle,
  off: GOOGLE_OFF,
  // cloud.google.com/artifact-registry/docs/docker/authentication
  publicUsernames: [KEY_FILE_USER, '_json_key_base64', ACCESS_TOKEN_USER],
  readSecret: readKeyFile,
};
