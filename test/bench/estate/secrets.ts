import { GROUP } from '../../../src/api/index.ts';
import { type KubeObject, keyOf } from '../../../src/object/object.ts';

/** Registry host of all images. */
export const HOST = 'reg.example';

export interface SecretObject extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** Content of a pull secret, and of the Docker configuration that is delivered to Trivy. */
interface DockerConfig {
  readonly auths: Readonly<Record<string, { readonly auth: string }>>;
}

/** The data of a pull secret with this credential. */
export function pullSecretData(auth: string): Readonly<Record<string, string>> {
  return { '.dockerconfigjson': toBase64(auth) };
}

/** The data of the Trivy Secret for this credential. */
export function trivySecretData(auth: string): Readonly<Record<string, string>> {
  return { 'config.json': toBase64(auth) };
}

/** The credential in a pull secret or a Trivy Secret. undefined: it has none for {@link HOST}. */
export function authIn({ data = {} }: SecretObject): string | undefined {
  // The Secrets of the benches have only one key.
  const config = JSON.parse(atob(Object.values(data).join())) as DockerConfig;
  return config.auths[HOST]?.auth;
}

/** Key of the pull secret from which a Trivy Secret was made. */
export function sourceOf({ metadata }: SecretObject): string {
  const { namespace = '', annotations = {} } = metadata;
  return keyOf({ namespace, name: annotations[`${GROUP}/source-secret`] ?? '' });
}

function toBase64(auth: string): string {
  const config: DockerConfig = { auths: { [HOST]: { auth } } };
  return btoa(JSON.stringify(config));
}
