import { quoted } from '../text/index.ts';
import type { PlatformCredential } from './platform-credential.ts';
import { mayOpen, PLATFORMS, type PlatformName } from './platforms.ts';
import { REGISTRIES_ANNOTATION, readRegistries } from './registries-annotation.ts';
import type { SecretContent } from './secret-fields.ts';
import { unsupportedHint } from './unsupported-secret.ts';

/** The content of a Secret that is not a pull secret. No message contains a value of the Secret. */
export type CredentialRead =
  /** A credential, and the exact hosts that its owner has annotated, except those of other clouds. */
  | {
      readonly result: 'Credential';
      readonly credential: PlatformCredential;
      readonly hosts: readonly string[];
    }
  /** It holds a credential, but its owner has not annotated it with registries. */
  | { readonly result: 'NotAnnotated'; readonly message: string }
  | { readonly result: 'Malformed'; readonly message: string }
  /** It has none of the keys of a known credential. The message, if there is one, says how to make it usable. */
  | { readonly result: 'Unknown'; readonly message?: string };

/**
 * Reads a Secret that is not a pull secret: AWS keys, a Google key file, an Azure service principal, or
 * `kubernetes.io/basic-auth`. Such a Secret names no registry, so its owner names them in {@link REGISTRIES_ANNOTATION}.
 */
export function readCredential(
  secret: SecretContent,
  annotations: Readonly<Record<string, string>>,
): CredentialRead {
  const [found, ambiguous] = PLATFORMS.map((platform) => ({
    platform,
    credential: platform.readSecret(secret),
  })).filter(({ credential }) => credential !== undefined);
  if (found?.credential === undefined) return unknown(secret, annotations);
  const { platform, credential } = found;
  const registries = readRegistries(annotations);
  if (registries.result !== 'Hosts') return registries;
  if (ambiguous !== undefined) return SEVERAL;
  if (credential.result === 'Malformed') return credential;
  const hosts = registries.hosts.filter((host) => mayOpen(platform, host));
  return hosts.length === 0
    ? onlyOtherClouds(platform.name, registries.hosts)
    : { result: 'Credential', credential, hosts };
}

function unknown(secret: SecretContent, annotations: Readonly<Record<string, string>>): CredentialRead {
  const message = unsupportedHint(secret, Object.hasOwn(annotations, REGISTRIES_ANNOTATION));
  return { result: 'Unknown', ...(message !== undefined && { message }) };
}

function onlyOtherClouds(name: PlatformName, hosts: readonly string[]): CredentialRead {
  const more = hosts.length === 1 ? '' : ` and ${hosts.length - 1} more`;
  const message =
    `expected a registry of ${name}, or a custom host name, in the annotation ${REGISTRIES_ANNOTATION}, because the ` +
    `Secret holds a credential of ${name}, found only registries of other clouds (${quoted(hosts[0] ?? '')}${more}); ` +
    'correct the annotation, or name another Secret';
  return { result: 'Malformed', message };
}

const SEVERAL: CredentialRead = {
  result: 'Malformed',
  message: 'expected one credential in the Secret, found those of several clouds; create a Secret for each',
};
