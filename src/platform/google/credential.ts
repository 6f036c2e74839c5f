import type { SecretValue } from '../../credential/index.ts';
import type { Access, PlatformCredential } from '../platform-credential.ts';
import { authByFile, off } from '../trivy-auth.ts';
import { trivyKnows } from './hosts.ts';

/** Disables the Application Default Credentials, which Trivy prefers to the Docker config file. */
export const GOOGLE_OFF = off('GOOGLE_APPLICATION_CREDENTIALS');

/**
 * The credential of a key file.
 *
 * @param content - what of the file Trivy gets
 */
export function keyFileCredential(
  description: string,
  content: SecretValue,
  accessTo: PlatformCredential['accessTo'],
): PlatformCredential {
  return {
    result: 'Credential',
    kind: 'platform',
    description,
    identity: content,
    expires: undefined,
    accessTo,
  };
}

/** Trivy gets the key file, and a login from Google itself. */
export function byKeyFile(content: SecretValue) {
  const trivyAuth = authByFile('GOOGLE_APPLICATION_CREDENTIALS', 'google-key.json', content, GOOGLE_OFF);
  return { way: 'Files', trivyAuth } as const;
}

/** The credential of a key file that only Trivy can use. */
export function trivyOnlyCredential(description: string, content: SecretValue): PlatformCredential {
  return keyFileCredential(description, content, (host) => trivyOnly(host, content));
}

function trivyOnly(host: string, content: SecretValue): Access {
  const check = {
    way: 'NotCheckable',
    message: 'a Google key file of this type is used by Trivy alone, where the scan runs',
  } as const;
  if (trivyKnows(host)) return { delivery: byKeyFile(content), check };
  const message =
    "expected the key file of a service account for a host that Trivy does not know as Google's, found one of " +
    'another type; create a service account key, or name the registry by its *-docker.pkg.dev host';
  return { delivery: { way: 'None', message }, check };
}
