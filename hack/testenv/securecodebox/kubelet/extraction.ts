/**
 * A stand-in for autodiscovery's init container, which copies a pull secret into the Secret that the scanner's environment
 * reads. It finds a host only by its exact key, uses the first match, and fails without a match. It also fails on each run
 * after the first, because its Secret already exists. Here, the Scan owns that Secret, because there is no pod.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasReason, type KubeClient } from '../../../../src/kube/index.ts';
import type { KubeObject } from '../../../../src/object/index.ts';
import { type Container, SCANS, type Scan, SECRETS } from '../objects.ts';
import { PodFailed } from './secrets.ts';

export const EXTRACTION = 'secret-extraction-to-env';

interface Auth {
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
}

/**
 * Does what the init container does.
 *
 * @param directory - the folder of the pod's volumes
 * @throws PodFailed if the init container would fail
 */
export async function extractSecret(
  container: Container,
  scan: Scan,
  { client, directory }: { readonly client: KubeClient; readonly directory: string },
): Promise<void> {
  const [image = '', secretName = ''] = container.args ?? [];
  const host = hostOf(image);
  const folders = (container.volumeMounts ?? []).toSorted((a, b) => (a.mountPath < b.mountPath ? -1 : 1));
  for (const { name } of folders) {
    const auth = (await authsIn(join(directory, name, '.dockerconfigjson')))[host];
    if (auth !== undefined) {
      await createSecret(client, secretFor(scan, secretName, credentialOf(auth, host)));
      return;
    }
  }
  throw new PodFailed(`${EXTRACTION}: no authentication found for domain: ${host}`);
}

async function authsIn(file: string): Promise<Readonly<Record<string, Auth>>> {
  try {
    const config = JSON.parse(await readFile(file, 'utf8')) as { auths?: Readonly<Record<string, Auth>> };
    return config.auths ?? {};
  } catch {
    // Skip a file that is missing or malformed.
    return {};
  }
}

function credentialOf({ auth, username, password }: Auth, host: string): readonly [string, string] {
  if (!auth && username && password) return [username, password];
  const decoded = Buffer.from(auth ?? '', 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  if (colon === -1) throw new PodFailed(`${EXTRACTION}: the entry for ${host} has no credential`);
  return [decoded.slice(0, colon), decoded.slice(colon + 1)];
}

function secretFor(scan: Scan, name: string, [username, password]: readonly [string, string]): KubeObject {
  const { namespace = '', uid = '' } = scan.metadata;
  const owner = {
    apiVersion: `${SCANS.group}/${SCANS.version}`,
    kind: SCANS.kind,
    name: scan.metadata.name,
    uid,
  };
  const secret: KubeObject & Readonly<Record<string, unknown>> = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace, ownerReferences: [owner] },
    type: 'Opaque',
    stringData: { username, password },
  };
  return secret;
}

async function createSecret(client: KubeClient, secret: KubeObject): Promise<void> {
  try {
    await client.create(SECRETS, secret);
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists', 'Forbidden', 'Invalid')) throw error;
    throw new PodFailed(`${EXTRACTION}: failed to create temporary secret: ${error.reason}`);
  }
}

/** As in containerd: a first part without a dot, colon or capital letter belongs to a repository on Docker Hub. */
function hostOf(image: string): string {
  const slash = image.indexOf('/');
  const first = slash === -1 ? '' : image.slice(0, slash);
  const isHost = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  return isHost && first !== 'index.docker.io' ? first : 'docker.io';
}
