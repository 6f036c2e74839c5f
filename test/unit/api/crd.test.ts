import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fromRule } from '../../../hack/codegen/schema.ts';
import { ImageReferenceError, parseImageReference } from '../../../src/image/reference.ts';
import { badImages, goodImages } from '../../support/images.ts';
import { fields } from './crd.ts';

/** The enum values that the code implements. The CRD publishes no others. */
const implemented: Readonly<Record<string, readonly string[]>> = {
  'spec.verification': ['Required', 'Preferred', 'Never'],
  'spec.delivery': ['Shared', 'Direct', 'Temporary'],
  'spec.scanSelector.matchExpressions[].operator': ['In', 'NotIn', 'Exists', 'DoesNotExist'],
  'spec.mode': ['Enforce', 'Observe'],
  'status.delivery': ['Shared', 'Direct', 'Temporary'],
  'status.platform': ['Generic', 'AWS', 'Google', 'Azure'],
  'status.candidates[].result': ['Selected', 'Available', 'Refused', 'Unusable'],
  'status.conditions[].status': ['True', 'False', 'Unknown'],
};

/** The API server rejects a CRD that describes `metadata`. */
const undescribed = ['metadata'];

interface Check {
  readonly pattern?: string;
  readonly not?: { readonly pattern: string };
}

const imageRules = fields.get('spec.image')?.['x-kubernetes-validations'] ?? [];
const imageChecks = imageRules.map(fromRule).filter((check) => check !== undefined) as readonly Check[];

/** Applies the rules of spec.image that are regular expressions. JavaScript accepts all RE2 syntax that they use. */
function fitsImageRules(image: string): boolean {
  return imageChecks.every(({ pattern, not }) =>
    pattern === undefined ? !new RegExp(not?.pattern ?? '').test(image) : new RegExp(pattern).test(image),
  );
}

function parses(image: string): boolean {
  try {
    parseImageReference(image);
    return true;
  } catch (error) {
    if (error instanceof ImageReferenceError) return false;
    throw error;
  }
}

describe('the CRD', () => {
  it('describes every field', () => {
    const missing = [...fields]
      .filter(([, { description }]) => description === undefined)
      .map(([path]) => path);
    assert.deepEqual(missing, undescribed);
  });

  it('publishes only the enum values that the code implements', () => {
    const published = [...fields].filter(([, each]) => each.enum !== undefined);
    assert.deepEqual(Object.fromEntries(published.map(([path, each]) => [path, each.enum])), implemented);
  });

  it('uses one of the values of an enum as the default of each field of the spec', () => {
    const defaults = [...fields].filter(
      ([path, each]) => path.startsWith('spec.') && each.default !== undefined,
    );
    assert.notEqual(defaults.length, 0);
    for (const [path, each] of defaults) assert.ok(each.enum?.includes(each.default), path);
  });

  it('gives a new object a status that shows that the controller has not seen it', () => {
    assert.deepEqual(fields.get('status')?.default, { observedGeneration: 0 });
  });

  it('limits the size of every list and map of a spec', () => {
    const unbounded = [...fields].filter(
      ([path, { type, maxItems, maxProperties, properties }]) =>
        path.startsWith('spec.') &&
        ((type === 'array' && maxItems === undefined) ||
          (type === 'object' && properties === undefined && maxProperties === undefined)),
    );
    assert.deepEqual(unbounded, []);
  });
});

describe("the CRD's validation rules for an image", () => {
  it('are regular expressions that JavaScript can parse, except for the rule about lengths', () => {
    assert.deepEqual([imageRules.length, imageChecks.length], [3, 2]);
  });

  for (const [what, image] of Object.entries(goodImages)) {
    it(`accept ${what}`, () => assert.ok(fitsImageRules(image), image));
  }

  const ofLength = /of (255|256|259|260) characters/;
  for (const [what, image] of Object.entries(badImages).filter(([name]) => !ofLength.test(name))) {
    it(`refuse ${what}`, () => assert.ok(!fitsImageRules(image), image));
  }

  it('agree with the image parser on the table of images', () => {
    for (const image of Object.values(goodImages)) assert.ok(parses(image), image);
    for (const image of Object.values(badImages)) assert.ok(!parses(image), image);
  });

  it('agree with the image parser on images that are composed of random parts', () => {
    const digests = [`@sha256:${'a'.repeat(64)}`, `@sha512:${'0'.repeat(128)}`, '@sha256:abc'];
    const parts = [
      ...'aA0.-_/:@[] %',
      'localhost',
      'reg.io',
      'docker.io/',
      '[::1]',
      ':5000',
      '://',
      ...digests,
    ];
    const images = fc
      .array(fc.constantFrom(...parts), { minLength: 1, maxLength: 8 })
      .map((chosen) => chosen.join(''));
    fc.assert(
      fc.property(images, (image) => assert.equal(fitsImageRules(image), parses(image), image)),
      { numRuns: 5_000 },
    );
  });
});
