import { type Credential, SecretValue } from '../credential/index.ts';

/** Where the files of a delivery are mounted in Trivy's container. */
export const MOUNT_PATH = '/var/run/secrets/image-credential-binding';

/** What Trivy is handed: files, mounted at {@link MOUNT_PATH}, and the environment that makes Trivy use them. */
export interface Handover {
  readonly files: Readonly<Record<string, SecretValue>>;
  /** Entries point at the files, or are empty to switch off what Trivy would prefer. No secret values. */
  readonly env: readonly EnvEntry[];
}

export interface EnvEntry {
  readonly name: string;
  readonly value: string;
}

/** Trivy's own variables: it would show them to every registry, and prefers them to files. */
const TRIVY_OFF = off('TRIVY_USERNAME', 'TRIVY_PASSWORD', 'TRIVY_REGISTRY_TOKEN');

/** The only key under which Trivy looks up Docker Hub; for other registries it is the host. */
const DOCKER_HUB_KEY = 'https://index.docker.io/v1/';

/** Empty entries: Trivy and the clouds' libraries take them as unset. */
export function off(...names: readonly string[]): readonly EnvEntry[] {
  return names.map((name) => ({ name, value: '' }));
}

/** What makes Trivy use a login that it is handed. `others`: what the host's platform switches off besides. */
export function loginEnvironment(others: readonly EnvEntry[]): readonly EnvEntry[] {
  return [{ name: 'DOCKER_CONFIG', value: MOUNT_PATH }, ...TRIVY_OFF, ...others];
}

/** A Docker config file with one entry, which Trivy shows to this host alone. */
export function loginFiles(credential: Credential, host: string): Handover['files'] {
  const config = { auths: { [host === 'docker.io' ? DOCKER_HUB_KEY : host]: authOf(credential) } };
  return { 'config.json': new SecretValue(JSON.stringify(config)) };
}

/** A file that a variable names, for the cloud's own library in Trivy. */
export function handOverFile(
  variable: string,
  file: string,
  content: SecretValue,
  others: readonly EnvEntry[],
): Handover {
  const pointer = { name: variable, value: `${MOUNT_PATH}/${file}` };
  const rest = others.filter(({ name }) => name !== variable);
  return { files: { [file]: content }, env: [pointer, ...TRIVY_OFF, ...rest] };
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
