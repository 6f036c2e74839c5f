import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dump } from 'js-yaml';

/** Path of the kubeconfig of a user. */
export function kubeconfigFile(directory: string, name: string): string {
  return join(directory, `${name}.kubeconfig`);
}

/** Path of the PEM file of the authority that signed the API server's certificate. */
export function caFile(directory: string): string {
  return join(directory, 'ca.crt');
}

/** Writes `<name>.kubeconfig`, with the authority from {@link caFile} in it, and returns its path. */
export async function writeKubeconfig(
  directory: string,
  server: string,
  { name, token }: { readonly name: string; readonly token: string },
): Promise<string> {
  const ca = await readFile(caFile(directory));
  const file = kubeconfigFile(directory, name);
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority-data': ca.toString('base64') } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
  await writeFile(file, dump(kubeconfig), { mode: 0o600 });
  return file;
}
