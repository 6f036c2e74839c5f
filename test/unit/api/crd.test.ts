import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fromRule } from '../../../hack/codegen/schema.ts';
import { ImageReferenceError, parseImageReference } from '../../../src/image/reference.ts';
import { badImages, goodImages } from '../../support/images.ts';
import { fields } from './crd.ts';

/** What the code serves: a value that nothing serves is not published. */
const served: Readonly<Record<string, readonly string[]>> = {
  'spec.verification': ['Required', 'Preferred', 'Never'],
  'spec.delivery': ['Shared'],
  'spec.scanSelector.matchExpressions[].operator': ['In', 'NotIn', 'Exists', 'DoesNotExist'],
  'spec.mode': ['Enforce', 'Observe'],
  'status.platform': ['Generic', 'AWS', 'Google', 'Azure'],
  'status.candidates[].result': ['Selected', 'Available', 'Refused', 'Unusable'],
  'status.conditions[].status': ['True', 'False', 'Unknown'],
};

/** The API server takes no description of `metadata`, which is its own. */
const undescribed = ['metadata'];

interface Check {
  readonly pattern?: string;
  readonly not?: { readonly pattern: string };
}

const imageRules = fields.get('spec.image')?.['x-kubernetes-validations'] ?? [];
const imageChecks = imageRules.map(fromRule).filter((check) => check !== undefined) as readonly Check[];

/** The rules of spec.image that are a regular expression. RE2's syntax is a part of JavaScript's here. */
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
    const bare = [...fields].filter(([, { description }]) => description === undefined).map(([path]) => path);
    assert.deepEqual(bare, undescribed);
  });

  it('publishes no enum value beyond those that are served', () => {
    const published = [...fields].filter(([, each]) => each.enum !== undefined);
    assert.deepEqual(Object.fromEntries(published.map(([path, each]) => [path, each.enum])), served);
  });

  it('takes as the default of an enum one of its values', () => {
    const defaults = [...fields].filter(([, each]) => each.default !== undefined);
    assert.notEqual(defaults.length, 0);
    for (const [path, each] of defaults) assert.ok(each.enum?.includes(each.default), path);
  });

  it('bounds every list and map of a spec', () => {
    const unbounded = [...fields].filter(
      ([path, { type, maxItems, maxProperties, properties }]) =>
        path.startsWith('spec.') &&
        ((type === 'array' && maxItems === undefined) ||
          (type === 'object' && properties === undefined && maxProperties === undefined)),
    );
    assert.deepEqual(unbounded, []);
  });
});

describe("the CRD's rules for an image", () => {
  it('are regular expressions that JavaScript reads too, but for the one about lengths', () => {
    assert.deepEqual([imageRules.length, imageChecks.length], [3, 2]);
  });

  for (const [what, image] of Object.entries(goodImages)) {
    it(`accept ${what}`, () => assert.ok(fitsImageRules(image), image));
  }

  const ofLength = /of (255|256|259|260) characters/;
  for (const [what, image] of Object.entries(badImages).filter(([name]) => !ofLength.test(name))) {
    it(`refuse ${what}`, () => assert.ok(!fitsImageRules(image), image));
  }

  it('and the parser of images agree on the table', () => {
    for (const image of Object.values(goodImages)) assert.ok(parses(image), image);
    for (const image of Object.values(badImages)) assert.ok(!parses(image), image);
  });

  it('and the parser of images agree on whatever is put together from their parts', () => {
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
