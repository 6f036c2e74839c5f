import { imageCredentialBindings } from '../../../../src/api/index.ts';
import { type Attack, binding, type Hostile, pullSecret, SECRETS } from '../hostile.ts';
import { HOSTILE_USER } from '../registry.ts';

/** Default size of libuv's thread pool. */
const POOL_THREADS = 4;

/** Aims at the thread pool: each look-up holds a thread until the resolver gives up. */
export const silentZone: Attack = {
  name: 'silent-zone',
  about: 'bindings for 40 hosts of a zone whose name server does not answer',
  begin: (hostile) =>
    createChecks(hostile, {
      name: 'zone',
      hosts: hostile.count(40, POOL_THREADS).map((index) => `registry-${index}.silent.example`),
    }),
};

/** Aims at the concurrency limit: each check runs until its request times out. */
export const silentRegistries: Attack = {
  name: 'silent-registries',
  about: 'bindings for 160 registries that accept connections and never answer',
  begin: (hostile) => createChecks(hostile, { name: 'silent', hosts: hostile.silentRegistries }),
};

/**
 * Aims at the wait that a registry requests from one user. The attack repeats, because an answer to another user may end
 * the wait.
 */
export const retryAfter: Attack = {
  name: 'retry-after',
  about:
    "a credential that the victim's registry answers with 429 and Retry-After: 21600, used for another repository every second",
  begin: (hostile) => createChecks(hostile, { name: 'limited', hosts: [hostile.registry] }),
  async change(hostile, count) {
    const image = `${hostile.registry}/hostile/app-${count}`;
    await hostile.createOne(imageCredentialBindings, check(`limited-again-${count}`, image, 'limited'));
  },
};

async function createChecks(
  hostile: Hostile,
  { name, hosts }: { readonly name: string; readonly hosts: readonly string[] },
): Promise<void> {
  const auth = btoa(`${HOSTILE_USER}:canary`);
  const auths = Object.fromEntries(hosts.map((host) => [host, { auth }]));
  await hostile.createOne(SECRETS, pullSecret(name, JSON.stringify({ auths })));
  const bindings = hosts.map((host, index) => check(`${name}-${index}`, `${host}/hostile/app`, name));
  await hostile.create(imageCredentialBindings, bindings);
}

function check(name: string, image: string, secret: string) {
  return binding(name, { image, imagePullSecrets: [{ name: secret }], verification: 'Required' });
}
