import { SecretValue } from '../../credential/index.ts';
import { authByFile, off, type TrivyAuth } from '../trivy-auth.ts';
import type { AwsKeys } from './keys.ts';

/** Disables the credential chain of the AWS SDK, which Trivy tries before the Docker config file. */
export const SDK_OFF = [
  ...off(
    'AWS_ACCESS_KEY_ID',
    'AWS_ACCESS_KEY',
    'AWS_SECRET_ACCESS_KEY',
    'AWS_SECRET_KEY',
    'AWS_SESSION_TOKEN',
    'AWS_PROFILE',
    'AWS_DEFAULT_PROFILE',
    'AWS_CONFIG_FILE',
    'AWS_SHARED_CREDENTIALS_FILE',
    'AWS_ROLE_ARN',
    'AWS_WEB_IDENTITY_TOKEN_FILE',
    'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
    'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  ),
  { name: 'AWS_EC2_METADATA_DISABLED', value: 'true' },
];

/** The shared credentials file of the AWS SDK: docs.aws.amazon.com/sdkref/latest/guide/file-format.html. */
export function credentialsFile({ accessKeyId, secretAccessKey, sessionToken }: AwsKeys): TrivyAuth {
  const lines = [
    '[default]',
    `aws_access_key_id = ${accessKeyId}`,
    `aws_secret_access_key = ${secretAccessKey.reveal()}`,
    ...(sessionToken === undefined ? [] : [`aws_session_token = ${sessionToken.reveal()}`]),
  ];
  const content = new SecretValue(`${lines.join('\n')}\n`);
  return authByFile('AWS_SHARED_CREDENTIALS_FILE', 'aws-credentials', content, SDK_OFF);
}
