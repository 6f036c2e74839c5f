import { GROUP } from '../api/index.ts';
import { quoted } from '../text/index.ts';

/** The hosts to which the credential of a Secret may be sent. The Secret itself names no registry, so its owner must. */
export const REGISTRIES_ANNOTATION = `${GROUP}/registries`;

/** The content of {@link REGISTRIES_ANNOTATION}. */
export type Registries =
  | { readonly result: 'Hosts'; readonly hosts: readonly string[] }
  | { readonly result: 'NotAnnotated'; readonly message: string }
  | { readonly result: 'Malformed'; readonly message: string };

const MOST_HOSTS = 16;
/** A name, an IPv4 address, or an IPv6 address in brackets, with or without a port. No wildcards, and no paths. */
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?$/;

/**
 * The message for a Secret that is not a pull secret and has no annotation, so that the controller has not read its
 * content or type.
 */
export const NOT_ANNOTATED =
  `expected the type kubernetes.io/dockerconfigjson, or the annotation ${REGISTRIES_ANNOTATION}, found neither; if it has ` +
  'the key .dockerconfigjson, it needs that type; otherwise list its registry hosts in the annotation';

/** The message for a Secret with a credential, but without the annotation. */
const CREDENTIAL_NOT_ANNOTATED =
  `expected the annotation ${REGISTRIES_ANNOTATION}, found none; list in it the registry hosts that may receive the ` +
  'credential, because the Secret itself names no registry';

/**
 * Reads the {@link REGISTRIES_ANNOTATION}: exact hosts as in canonical image references, separated by commas or
 * whitespace.
 */
export function readRegistries(annotations: Readonly<Record<string, string>>): Registries {
  const written = Object.hasOwn(annotations, REGISTRIES_ANNOTATION)
    ? annotations[REGISTRIES_ANNOTATION]
    : undefined;
  if (written === undefined) {
    return { result: 'NotAnnotated', message: CREDENTIAL_NOT_ANNOTATED };
  }
  const hosts = [...new Set(written.split(/[\s,]+/).filter((host) => host !== ''))];
  const wrong = hosts.find((host) => !HOST.test(host));
  if (wrong !== undefined) return notHosts(`found ${quoted(wrong)}`);
  if (hosts.length === 0) return notHosts('found none');
  if (hosts.length > MOST_HOSTS) return notHosts(`found ${hosts.length}`);
  return { result: 'Hosts', hosts };
}

function notHosts(found: string): Registries {
  return {
    result: 'Malformed',
    message:
      `expected 1 to ${MOST_HOSTS} hosts in the annotation ${REGISTRIES_ANNOTATION}, ${found}; write each host as in ` +
      'an image, without scheme, path or "*", and separate them with commas',
  };
}
