import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseImageId } from '../../../src/image/image-id.ts';
import { formatReference } from '../../../src/image/reference.ts';
import { SHA256, SHA512 } from './digests.ts';

const REPOSITORIES = {
  [`docker.io/library/nginx@${SHA256}`]: `docker.io/library/nginx@${SHA256}`,
  [`nginx@${SHA256}`]: `docker.io/library/nginx@${SHA256}`,
  [`docker-pullable://nginx@${SHA256}`]: `docker.io/library/nginx@${SHA256}`,
  [`docker-pullable://reg.io:5000/team/app@${SHA512}`]: `reg.io:5000/team/app@${SHA512}`,
  [`docker://reg.io/app@${SHA256}`]: `reg.io/app@${SHA256}`,
  'docker://reg.io/app:1.0': 'reg.io/app:1.0',
};

const DIGESTS = {
  [SHA256]: SHA256,
  [`docker://${SHA256}`]: SHA256,
  [`docker-pullable://${SHA256}`]: SHA256,
  [SHA512]: SHA512,
  ['a'.repeat(64)]: SHA256,
  [`docker://${'a'.repeat(64)}`]: SHA256,
};

const NO_IMAGE_IDS = [
  '',
  'docker://',
  'docker-pullable://',
  `containerd://${SHA256}`,
  `docker://docker://${SHA256}`,
  `${SHA256.slice(0, -1)}@`,
  `@${SHA256}`,
];

describe('parseImageId', () => {
  for (const [text, canonical] of Object.entries(REPOSITORIES)) {
    it(`finds the repository in ${text.slice(0, 60)}`, () => {
      const id = parseImageId(text);
      assert.ok(id.kind === 'Repository');
      assert.equal(formatReference(id.reference), canonical);
    });
  }

  for (const [text, digest] of Object.entries(DIGESTS)) {
    it(`finds only a digest in ${text.slice(0, 60)}`, () => {
      assert.deepEqual(parseImageId(text), { kind: 'Digest', digest });
    });
  }

  for (const text of NO_IMAGE_IDS) {
    it(`refuses ${JSON.stringify(text.slice(0, 40))}`, () => {
      assert.throws(() => parseImageId(text), { name: 'ImageReferenceError' });
    });
  }
});
