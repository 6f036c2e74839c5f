/**
 * Hands each change of a pull secret on to Trivy: `bare-rotate KUBECONFIG`. One replace of the Trivy secret that is made from
 * it, and no other request. Ends when it is ended.
 */

import { keyOf, storedMeta } from '../../../src/object/object.ts';
import { SECRETS } from '../../../src/object/resources.ts';
import { connect, follow, PULL_SECRETS, TRIVY_SECRETS } from './bare.ts';
import { authIn, type SecretObject, sourceOf, trivySecretData } from './secrets.ts';

const [, , kubeconfig = ''] = process.argv;
const client = connect(kubeconfig);
/** By the key of the pull secret that each is made from. */
const trivySecrets = new Map<string, SecretObject>();
let isListed = false;
await follow(client, (watch, object) => {
  if (watch === TRIVY_SECRETS) trivySecrets.set(sourceOf(object), object);
  if (watch === PULL_SECRETS && isListed) void handOn(object);
});
isListed = true;

async function handOn(pullSecret: SecretObject): Promise<void> {
  const present = trivySecrets.get(keyOf(storedMeta(pullSecret)));
  const auth = authIn(pullSecret);
  if (present === undefined || auth === undefined)
    throw new Error('expected a Trivy secret and a credential');
  await client.replace(SECRETS, { ...present, data: trivySecretData(auth) });
}
