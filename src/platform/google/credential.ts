import type { SecretValue } from '../../credential/index.ts';
import { quoted } from '../../text/index.ts';
import type { Access, PlatformCredential } from '../platform-credential.ts';
import { authByFile, off } from '../trivy-auth.ts';
import { trivyKnows } from './hosts.ts';

/** Disables the Application Default Credentials, which Trivy would prefer to the Docker config file. */
export const GOOGLE_OFF = off('GOOGLE_APPLICATION_CREDENTIALS');

/**
 * The credential in a key file.
 *
 * @param content - the part of the file that Trivy gets
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

/** Trivy gets the key file, and requests a login from Google itself. */
export function byKeyFile(content: SecretValue) {
  const trivyAuth = authByFile('GOOGLE_APPLICATION_CREDENTIALS', 'google-key.json', content, GOOGLE_OFF);
  return { way: 'Files', trivyAuth } as const;
}

/** The credential in a key file that only Trivy can use. */
export function trivyOnlyCredential(description: string, content: SecretValue): PlatformCredential {
  return keyFileCredential(description, content, (host) => trivyOnly(host, content));
}

function trivyOnly(host: string, content: SecretValue): Access {
  const check = {
    way: 'NotCheckable',
    message: 'only Trivy can use a Google key file of this type, in the pod of the scan',
  } as const;
  if (trivyKnows(host)) return { delivery: byKeyFile(content), check };
  const message =
    `expected the key file of a service account for the host ${quoted(host)}, which Trivy does not recognize as a ` +
    'Google registry, found a key file of another type; create a service account key, or name the registry by its ' +
    '*-docker.pkg.dev host';
  return { delivery: { way: 'None', message }, check };
}
