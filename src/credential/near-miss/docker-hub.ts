import { quoted } from '../../text/index.ts';
import { DOCKER_HUB, DOCKER_HUB_LEGACY } from '../keyring.ts';
import type { RegistryKey } from '../registry-key.ts';
import type { Difference } from './difference.ts';
import { missingSlash } from './path.ts';

/** The key that `docker login` writes for Docker Hub. It fits because `index.docker.io` is the fallback. */
export const DOCKER_LOGIN_KEY = 'https://index.docker.io/v1/';

const DOMAIN = /(?:^|\.)docker\.(?:io|com)$/i;

/** Whether a host name, without a port, is that of one of Docker Hub's servers or websites. */
export function isDockerHub(name: string): boolean {
  return DOMAIN.test(name);
}

/**
 * How a key with a host of Docker Hub other than `docker.io` differs from the key that fits.
 *
 * @param isBlocked - whether an entry without a credential fits the image, so that `index.docker.io` is not used
 */
export function dockerHubDifference(key: RegistryKey, isBlocked: boolean): Difference {
  const name = key.hosts.labels.join('.');
  if (name !== DOCKER_HUB_LEGACY) return otherName(name);
  if (key.canonical === DOCKER_HUB_LEGACY && isBlocked) return BLOCKED;
  return portDifference(key) ?? missingSlash(key.path) ?? otherSpelling(key);
}

const BLOCKED: Difference = {
  distance: 1,
  clause: `it is used only if no entry names ${DOCKER_HUB}, and an entry without a credential does`,
};

function otherName(name: string): Difference {
  const isCase = [DOCKER_HUB, DOCKER_HUB_LEGACY].includes(name.toLowerCase());
  const clause = isCase
    ? "its host differs from Docker Hub's in letter case"
    : `it names ${quoted(name)}, but credentials for Docker Hub are looked up under ${quoted(DOCKER_HUB_LEGACY)}`;
  return { distance: isCase ? 1 : 2, clause };
}

function portDifference({ hosts: { port } }: RegistryKey): Difference | undefined {
  return port === '' ? undefined : { distance: 1, clause: "it names a port, and Docker Hub's key none" };
}

function otherSpelling({ path }: RegistryKey): Difference {
  const clause =
    path === ''
      ? "it is not written like Docker Hub's key"
      : `it names the path ${quoted(path)}, and an entry for ${DOCKER_HUB_LEGACY} may have no path but /v1/`;
  return { distance: 2, clause };
}
