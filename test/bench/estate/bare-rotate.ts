/**
 * Delivers each change of a pull secret to Trivy: `bare-rotate KUBECONFIG`. It makes one replace of the Trivy Secret per
 * change, and no other request. It runs until it is stopped.
 */

import { keyOf, storedMeta } from '../../../src/object/object.ts';
import { SECRETS } from '../../../src/object/resources.ts';
import { connect, follow, PULL_SECRETS, TRIVY_SECRETS } from './bare.ts';
import { authIn, type SecretObject, sourceOf, trivySecretData } from './secrets.ts';

const [, , kubeconfig = ''] = process.argv;
const client = connect(kubeconfig);
/** Trivy Secrets by the key of their source. */
const trivySecrets = new Map<string, SecretObject>();
let isListed = false;
await follow(client, (watch, object) => {
  if (watch === TRIVY_SECRETS) trivySecrets.set(sourceOf(object), object);
  if (watch === PULL_SECRETS && isListed) void deliver(object);
});
isListed = true;

async function deliver(pullSecret: SecretObject): Promise<void> {
  const present = trivySecrets.get(keyOf(storedMeta(pullSecret)));
  const auth = authIn(pullSecret);
  if (present === undefined || auth === undefined)
    throw new Error('expected a Trivy Secret and a credential');
  await client.replace(SECRETS, { ...present, data: trivySecretData(auth) });
}
