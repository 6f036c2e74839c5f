/** The users of the API server, and the key that signs service account tokens. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** User name of the administrator. */
export const ADMIN = 'admin';

/** Name of the kube-controller-manager; its user is `system:` with this name. */
export const CONTROLLER_MANAGER = 'kube-controller-manager';

/** Tokens of the two users. */
export interface Tokens {
  readonly admin: string;
  readonly controllerManager: string;
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
  const tokens = {
    admin: randomBytes(24).toString('hex'),
    controllerManager: randomBytes(24).toString('hex'),
  };
  const { publicKey, privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
  });
  const controllerManager = `system:${CONTROLLER_MANAGER}`;
  const users = [
    `${tokens.admin},${ADMIN},${ADMIN},"system:masters"`,
    `${tokens.controllerManager},${controllerManager},${controllerManager}`,
  ];
  const files = credentialFiles(directory);
  await Promise.all([
    writeFile(files.serviceAccountPublicKey, publicKey),
    writeFile(files.serviceAccountKey, privateKey),
    writeFile(files.tokens, `${users.join('\n')}\n`),
  ]);
  return tokens;
}
