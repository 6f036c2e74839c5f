import { imageCredentialBindings } from '../../../../src/api/index.ts';
import { REGISTRIES_ANNOTATION } from '../../../../src/platform/registries-annotation.ts';
import { type Attack, binding, type Hostile, SECRETS } from '../hostile.ts';
import { rsaKey } from '../rsa.ts';

const HOST = 'eu-docker.pkg.dev';

/** Aims at errors: a padded SHA-256 digest is longer than the key, so signing throws. */
export const smallKey: Attack = {
  name: 'small-key',
  about: 'a Google key file with an RSA key of 384 bits',
  begin: (hostile) => createKeyFiles(hostile, { name: 'small-key', bits: 384, count: 1 }),
};

/** Aims at the event loop: one signature takes seconds. */
export const largeKey: Attack = {
  name: 'large-key',
  about: '8 Google key files with RSA keys of 16,384 bits',
  begin: (hostile) => createKeyFiles(hostile, { name: 'large-key', bits: 16_384, count: 8 }),
};

async function createKeyFiles(
  hostile: Hostile,
  { name, bits, count }: { readonly name: string; readonly bits: number; readonly count: number },
): Promise<void> {
  const key = rsaKey(bits);
  for (const index of hostile.count(count)) {
    const secret = `${name}-${index}`;
    const file = {
      type: 'service_account',
      client_email: `${secret}@project.example`,
      private_key: key,
      private_key_id: secret,
    };
    await hostile.createOne(SECRETS, {
      metadata: { name: secret, annotations: { [REGISTRIES_ANNOTATION]: HOST } },
      type: 'Opaque',
      data: { 'key.json': Buffer.from(JSON.stringify(file)).toString('base64') },
    });
    const spec = { image: `${HOST}/project/${secret}/app`, imagePullSecrets: [{ name: secret }] };
    await hostile.createOne(imageCredentialBindings, binding(secret, { ...spec, verification: 'Preferred' }));
  }
}
