import { type Credential, SecretValue } from '../credential/index.ts';
import { MOUNT_PATH, type Platform } from './platform.ts';

/** The only key under which Trivy looks up Docker Hub; for other registries it is the host. */
const DOCKER_HUB_KEY = 'https://index.docker.io/v1/';

/**
 * Every registry that speaks basic or token authentication. Trivy gets a Docker config file with one entry; its
 * own variables are emptied, for it would show them to every registry and prefers them to the file.
 */
export const generic: Platform = {
  name: 'Generic',
  owns: () => true,
  handOver: (credential, host) => ({
    files: {
      'config.json': new SecretValue(JSON.stringify({ auths: { [trivyKey(host)]: authOf(credential) } })),
    },
    env: [
      { name: 'DOCKER_CONFIG', value: MOUNT_PATH },
      { name: 'TRIVY_USERNAME', value: '' },
      { name: 'TRIVY_PASSWORD', value: '' },
      { name: 'TRIVY_REGISTRY_TOKEN', value: '' },
    ],
  }),
};

function trivyKey(host: string): string {
  return host === 'docker.io' ? DOCKER_HUB_KEY : host;
}

/** Re-encoded: Trivy rejects the whole file where one `auth` is no padded base64. */
function authOf(credential: Credential): Readonly<Record<string, string>> {
  switch (credential.kind) {
    case 'basic': {
      const pair = `${credential.username.reveal()}:${credential.password.reveal()}`;
      return { auth: Buffer.from(pair, 'utf8').toString('base64') };
    }
    case 'identityToken':
      return { identitytoken: credential.token.reveal() };
    case 'registryToken':
      return { registrytoken: credential.token.reveal() };
  }
}
