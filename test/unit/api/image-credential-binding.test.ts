import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ImageCredentialBinding } from '../../../src/api/index.ts';
import { badImages, goodImages } from '../../support/images.ts';

type Parts = ConstructorParameters<typeof ImageCredentialBinding>[0];

const metadata = { name: 'payments', namespace: 'shop' };
const minimal = { image: 'reg.io/payments', imagePullSecrets: [{ name: 'pull' }] };

/** A binding as parsed from a file, whose parts have no static type. */
function binding(spec: unknown, status?: unknown): ImageCredentialBinding {
  return new ImageCredentialBinding({ metadata, spec, status } as Parts);
}

const full = {
  ...minimal,
  verification: 'Never',
  delivery: 'Shared',
  mode: 'Observe',
  scanSelector: {
    matchLabels: { team: 'payments', 'example.org/empty': '' },
    matchExpressions: [
      { key: 'tier', operator: 'In', values: ['a', 'b'] },
      { key: 'example.org/off', operator: 'DoesNotExist' },
    ],
  },
};

const status = {
  observedGeneration: 3,
  platform: 'Generic',
  credential: { secret: { name: 'pull', uid: '1' }, registryKey: 'reg.io', username: 'AWS' },
  candidates: [
    { secret: 'pull', registryKey: 'reg.io', result: 'Selected', reason: 'FirstMatch' },
    { secret: 'spare', result: 'Unusable', reason: 'NoMatch' },
  ],
  trivySecret: { name: 'trivy-pull-5f0c1a' },
  scans: { matched: 2, bound: 1, failing: 1, names: [{ name: 'a', reason: 'why' }, { name: 'b' }] },
  conditions: [
    {
      type: 'Ready',
      status: 'True',
      reason: 'Ready',
      message: '',
      observedGeneration: 3,
      lastTransitionTime: '2026-01-02T03:04:05Z',
    },
  ],
};

const good: Readonly<Record<string, ImageCredentialBinding>> = {
  'only the required fields': binding(minimal),
  'no secrets': binding({ ...minimal, imagePullSecrets: [] }),
  'all fields of a spec': binding(full),
  'all fields of a status': binding(minimal, status),
  'an empty selector': binding({ ...minimal, scanSelector: {} }),
};

/** What is wrong → the binding and the expected message. */
const bad: Readonly<Record<string, readonly [ImageCredentialBinding, RegExp]>> = {
  'nothing at all': [
    new ImageCredentialBinding(),
    /^the object must have required property 'metadata'\nthe object must have required property 'spec'$/,
  ],
  'another kind': [
    new ImageCredentialBinding({ kind: 'Secret', metadata, spec: minimal } as Parts),
    /^kind must be ImageCredentialBinding; found "Secret"$/,
  ],
  'no image': [binding({ imagePullSecrets: [] }), /^spec must have required property 'image'$/],
  'no list of secrets': [
    binding({ image: 'nginx' }),
    /^spec must have required property 'imagePullSecrets'$/,
  ],
  'an invalid image': [
    binding({ ...minimal, image: 'https://reg.io/payments' }),
    /^spec\.image is invalid: expected an image as in a pod, .*; found "https:\/\/reg\.io\/payments"$/,
  ],
  'an invalid name of a secret': [
    binding({ ...minimal, imagePullSecrets: [{ name: 'a' }, { name: 'Pull_Secret' }] }),
    /^spec\.imagePullSecrets\[1\]\.name is invalid: expected the name of a Secret: .*; found "Pull_Secret"$/,
  ],
  'more than 16 secrets': [
    binding({
      ...minimal,
      imagePullSecrets: Array.from({ length: 17 }, (_, index) => ({ name: `s${index}` })),
    }),
    /^spec\.imagePullSecrets must NOT have more than 16 items; found .{100}…$/,
  ],
  'a value that an enum does not have': [
    binding({ ...minimal, mode: 'Off' }),
    /^spec\.mode must be one of Enforce, Observe; found "Off"$/,
  ],
  'an unknown field': [
    binding({ ...minimal, replaced: ['nginx'] }),
    /^spec has no field "replaced"; expected only image, replaces, imagePullSecrets, verification, .*$/,
  ],
  'a tag in replaces': [
    binding({ ...minimal, replaces: ['reg.io/old:1.0'] }),
    /^spec\.replaces\[0\] is invalid: expected a repository, .*; found "reg\.io\/old:1\.0"$/,
  ],
  'an invalid label value': [
    binding({ ...minimal, scanSelector: { matchLabels: { team: '-' } } }),
    /^spec\.scanSelector\.matchLabels\.team is invalid: expected a label value: .*; found "-"$/,
  ],
  'an unknown operator': [
    binding({ ...minimal, scanSelector: { matchExpressions: [{ key: 'a', operator: 'Is' }] } }),
    /^spec\.scanSelector\.matchExpressions\[0\]\.operator must be one of In, NotIn, Exists, DoesNotExist; found "Is"$/,
  ],
  'an invalid time': [
    binding(minimal, { conditions: [{ ...status.conditions[0], lastTransitionTime: 'yesterday' }] }),
    /^status\.conditions\[0\]\.lastTransitionTime must match format "date-time"; found "yesterday"$/,
  ],
};

describe('an ImageCredentialBinding', () => {
  for (const [what, each] of Object.entries(good)) {
    it(`is valid with ${what}`, () => each.validate());
  }

  for (const [what, [each, message]] of Object.entries(bad)) {
    it(`is refused with ${what}`, () => {
      assert.throws(() => each.validate(), { name: 'Error', message });
    });
  }

  it('is valid for exactly the images that the API server accepts, lengths aside', () => {
    const isValid = (image: string) => {
      try {
        binding({ ...minimal, image }).validate();
        return true;
      } catch {
        return false;
      }
    };
    const refused = Object.values(badImages).filter((image) => image.length < 250);
    assert.deepEqual(
      Object.values(goodImages).filter((image) => !isValid(image)),
      [],
    );
    assert.deepEqual(refused.filter(isValid), []);
  });

  it('reports all its errors at once', () => {
    const faulty = binding({ image: 'Nginx', imagePullSecrets: [], mode: 'Off' });
    assert.throws(
      () => faulty.validate(),
      (error: Error) => error.message.split('\n').length === 2,
    );
  });

  it('serializes to the object that it was made from, with its apiVersion and kind', () => {
    assert.deepEqual(JSON.parse(JSON.stringify(binding(minimal))), {
      apiVersion: 'credentials.securecodebox.io/v1alpha1',
      kind: 'ImageCredentialBinding',
      metadata,
      spec: minimal,
    });
  });

  it('is recognized by its apiVersion and kind', () => {
    assert.ok(ImageCredentialBinding.is(binding(minimal)));
    assert.ok(!ImageCredentialBinding.is({ apiVersion: 'v1', kind: 'Secret' }));
  });
});
