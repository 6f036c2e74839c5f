import type { PlatformDefinition } from '../platform.ts';
import { readAwsCredential } from './credential.ts';
import { isEcr } from './ecr.ts';
import { ECR_USER, expirationOfEcrLogin } from './ecr-login.ts';
import { SDK_OFF } from './sdk.ts';

/** Amazon ECR, private and public. */
export const aws: PlatformDefinition<'AWS'> = {
  name: 'AWS',
  owns: isEcr,
  off: SDK_OFF,
  publicUsernames: [ECR_USER],
  readSecret: readAwsCredential,
  expirationOfLogin: expirationOfEcrLogin,
};
