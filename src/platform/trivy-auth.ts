import { type Credential, DOCKER_HUB_KEY, SecretValue } from '../credential/index.ts';
import type { EnvVar } from '../object/index.ts';

/** Where the files of a {@link TrivyAuth} are mounted in Trivy's container. */
export const MOUNT_PATH = '/var/run/secrets/image-credential-binding';

/** How Trivy authenticates: files that are mounted at {@link MOUNT_PATH}, and the environment that makes Trivy use them. */
export interface TrivyAuth {
  readonly files: Readonly<Record<string, SecretValue>>;
  /** Variables that point to the files, or disable what Trivy would prefer to them. No secret values. */
  readonly env: readonly EnvVar[];
}

/** Disables Trivy's own variables. Trivy would send their values to every registry, and would prefer them to files. */
const TRIVY_OFF = off('TRIVY_USERNAME', 'TRIVY_PASSWORD', 'TRIVY_REGISTRY_TOKEN');

/** Empty variables, which Trivy and the clouds' libraries treat as unset. */
export function off(...names: readonly string[]): readonly EnvVar[] {
  return names.map((name) => ({ name, value: '' }));
}

/** Docker's library, which Trivy uses, prefers this variable to the file: github.com/docker/cli, `DockerEnvConfigKey`. */
const DOCKER_ENVIRONMENT_OFF = off('DOCKER_AUTH_CONFIG');

/** The environment that makes Trivy use the login of {@link loginFiles}. `others`: what the host's platform disables. */
export function loginEnvironment(others: readonly EnvVar[]): readonly EnvVar[] {
  return [{ name: 'DOCKER_CONFIG', value: MOUNT_PATH }, ...DOCKER_ENVIRONMENT_OFF, ...TRIVY_OFF, ...others];
}

/** A Docker config file with one entry, which Trivy sends to this host only. */
export function loginFiles(login: Credential, host: string): TrivyAuth['files'] {
  const config = { auths: { [host === 'docker.io' ? DOCKER_HUB_KEY : host]: authOf(login) } };
  return { 'config.json': new SecretValue(JSON.stringify(config)) };
}

/** A file for the cloud's own library in Trivy. The variable points to the file. `others`: what the platform disables. */
export function authByFile(
  variable: string,
  file: string,
  content: SecretValue,
  others: readonly EnvVar[],
): TrivyAuth {
  const pointer = { name: variable, value: `${MOUNT_PATH}/${file}` };
  const rest = others.filter(({ name }) => name !== variable);
  return { files: { [file]: content }, env: [pointer, ...TRIVY_OFF, ...rest] };
}

/** Encodes the login again, because Trivy rejects the whole file if one `auth` is not padded base64. */
function authOf(login: Credential): Readonly<Record<string, string>> {
  switch (login.kind) {
    case 'basic': {
      const pair = `${login.username.reveal()}:${login.password.reveal()}`;
      return { auth: Buffer.from(pair, 'utf8').toString('base64') };
    }
    case 'identityToken':
      return { identitytoken: login.token.reveal() };
    case 'registryToken':
      return { registrytoken: login.token.reveal() };
  }
}
