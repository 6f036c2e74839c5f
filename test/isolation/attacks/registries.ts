import { imageCredentialBindings } from '../../../src/api/index.ts';
import { type Attack, binding, type Hostile, pullSecret, SECRETS } from '../hostile.ts';
import { HOSTILE_USER } from '../registry.ts';

/** Of libuv, unless UV_THREADPOOL_SIZE says otherwise. */
const POOL_THREADS = 4;

/** A7: each look-up holds a thread until the resolver gives up. */
export const silentZone: Attack = {
  name: 'silent-zone',
  about: 'bindings for 40 hosts of a zone whose name server does not answer',
  begin: (hostile) =>
    createChecks(hostile, {
      name: 'zone',
      hosts: hostile.count(40, POOL_THREADS).map((index) => `registry-${index}.silent.example`),
    }),
};

/** B3: each check holds a place until its request times out. */
export const silentRegistries: Attack = {
  name: 'silent-registries',
  about: 'bindings for 160 registries that accept connections and never answer',
  begin: (hostile) => createChecks(hostile, { name: 'silent', hosts: hostile.silentRegistries }),
};

/** B2: what the registry says to one user is heeded for all, until somebody else is answered: so it is asked again and again. */
export const retryAfter: Attack = {
  name: 'retry-after',
  about:
    "a credential that the victim's registry answers with 429 and Retry-After: 21600, used for a repository more each second",
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
