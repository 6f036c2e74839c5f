import { SecretValue } from '../../credential/index.ts';
import { quoted } from '../../text/index.ts';
import type { Access, PlatformCredential } from '../platform-credential.ts';
import type { Malformed, SecretContent } from '../secret-fields.ts';
import { endpointOf, trivyCanLogIn } from './ecr.ts';
import { tokenExchange } from './exchange.ts';
import { type AwsKeys, type AwsSecret, readAwsSecret } from './keys.ts';
import { credentialsFile } from './sdk.ts';

/** Reads the AWS keys in a Secret as a credential for ECR. `undefined`: the Secret has none. */
export function readAwsCredential(secret: SecretContent): PlatformCredential | Malformed | undefined {
  const found = readAwsSecret(secret);
  return found?.result === 'AwsSecret' ? credentialOf(found) : found;
}

function credentialOf({ keys, region, expiration }: AwsSecret): PlatformCredential {
  const { accessKeyId, secretAccessKey, sessionToken } = keys;
  const parts = ['AWS', accessKeyId, secretAccessKey.reveal(), sessionToken?.reveal(), region];
  return {
    result: 'Credential',
    kind: 'platform',
    description: sessionToken === undefined ? 'AWS keys' : 'temporary AWS keys',
    identity: new SecretValue(JSON.stringify(parts)),
    expires: expiration,
    accessTo: (host) => accessTo(host, keys, region),
  };
}

function accessTo(host: string, keys: AwsKeys, region: string | undefined): Access {
  const endpoint = endpointOf(host, region);
  if (endpoint === undefined) {
    const message =
      `expected the AWS region of the registry ${quoted(host)}, whose host name does not contain it, found no key ` +
      '"region" in the Secret with the AWS keys; add it';
    return { delivery: { way: 'None', message }, check: { way: 'NotCheckable', message } };
  }
  const check = { way: 'Exchange', exchange: tokenExchange(endpoint, keys) } as const;
  return {
    check,
    delivery: trivyCanLogIn(host) ? { way: 'Files', trivyAuth: credentialsFile(keys) } : check,
  };
}
