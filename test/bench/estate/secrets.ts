import { GROUP } from '../../../src/api/index.ts';
import { type KubeObject, keyOf } from '../../../src/object/object.ts';

/** Registry host of all images. */
export const HOST = 'reg.example';

export interface SecretObject extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** What stands in a pull secret, and in the Docker config file that Trivy is handed of it. */
interface DockerConfig {
  readonly auths: Readonly<Record<string, { readonly auth: string }>>;
}

/** The data of a pull secret with this credential. */
export function pullSecretData(auth: string): Readonly<Record<string, string>> {
  return { '.dockerconfigjson': toBase64(auth) };
}

/** The data of the Trivy secret for this credential. */
export function trivySecretData(auth: string): Readonly<Record<string, string>> {
  return { 'config.json': toBase64(auth) };
}

/** The credential in either. */
export function authIn({ data = {} }: SecretObject): string | undefined {
  // There is no other in what the benches make.
  const config = JSON.parse(atob(Object.values(data).join())) as DockerConfig;
  return config.auths[HOST]?.auth;
}

/** Key of the pull secret that a Trivy secret is made from. */
export function sourceOf({ metadata }: SecretObject): string {
  const { namespace = '', annotations = {} } = metadata;
  return keyOf({ namespace, name: annotations[`${GROUP}/source-secret`] ?? '' });
}

function toBase64(auth: string): string {
  const config: DockerConfig = { auths: { [HOST]: { auth } } };
  return btoa(JSON.stringify(config));
}
