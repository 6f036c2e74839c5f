/** The users of the API server, and the key that signs service account tokens. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** User name of the administrator. */
export const ADMIN = 'admin';

/** Name of the kube-controller-manager; its user is `system:` with this name. */
export const CONTROLLER_MANAGER = 'kube-controller-manager';

/** Name of the kube-scheduler; its user is `system:` with this name. */
export const KUBE_SCHEDULER = 'kube-scheduler';

/** User name of the kubelet of the node `node`, as the Node authorizer expects it. */
export const KUBELET = 'system:node:node';

/** Tokens of the users. */
export interface Tokens {
  readonly admin: string;
  readonly controllerManager: string;
  readonly scheduler: string;
  readonly kubelet: string;
}

/** Paths of the files that {@link writeCredentials} writes into a directory. */
export function credentialFiles(directory: string) {
  return {
    tokens: join(directory, 'tokens.csv'),
    serviceAccountPublicKey: join(directory, 'service-account.pub'),
    serviceAccountKey: join(directory, 'service-account.key'),
  };
}

/** Writes a new token for each user, and a new key for service account tokens. */
export async function writeCredentials(directory: string): Promise<Tokens> {
  const token = () => randomBytes(24).toString('hex');
  const tokens = { admin: token(), controllerManager: token(), scheduler: token(), kubelet: token() };
  const { publicKey, privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
  });
  const controllerManager = `system:${CONTROLLER_MANAGER}`;
  const scheduler = `system:${KUBE_SCHEDULER}`;
  const users = [
    `${tokens.admin},${ADMIN},${ADMIN},"system:masters"`,
    `${tokens.controllerManager},${controllerManager},${controllerManager}`,
    `${tokens.scheduler},${scheduler},${scheduler}`,
    `${tokens.kubelet},${KUBELET},${KUBELET},"system:nodes"`,
  ];
  const files = credentialFiles(directory);
  await Promise.all([
    writeFile(files.serviceAccountPublicKey, publicKey),
    writeFile(files.serviceAccountKey, privateKey),
    writeFile(files.tokens, `${users.join('\n')}\n`),
  ]);
  return tokens;
}
