import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fit } from '../../../src/image/fit.ts';
import { parseImageReference } from '../../../src/image/reference.ts';
import { SHA256, SHA512 } from './digests.ts';

type Row = readonly [pattern: string, image: string, expected: ReturnType<typeof fit>];

const CASES: Readonly<Record<string, readonly Row[]>> = {
  'matches a repository with each of its versions': [
    ['nginx', 'nginx', 'repository'],
    ['nginx', 'nginx:1.27', 'repository'],
    ['nginx', `nginx@${SHA256}`, 'repository'],
    ['nginx', `nginx:1.27@${SHA256}`, 'repository'],
  ],
  'compares names in canonical form': [
    ['nginx', 'index.docker.io/library/nginx:1', 'repository'],
    ['docker.io/library/nginx:1', 'nginx:1', 'tag'],
  ],
  'does not match another repository, host, port, or letter case of the host': [
    ['nginx', 'acme/nginx', undefined],
    ['r.io/app', 's.io/app', undefined],
    ['r.io/app', 'r.io:443/app', undefined],
    ['r.io/app', 'R.io/app', undefined],
    ['r.io/app', 'r.io/app/sub', undefined],
    ['r.io/app/sub', 'r.io/app', undefined],
  ],
  'matches a tag only with the same tag': [
    ['r.io/app:1', 'r.io/app:1', 'tag'],
    ['r.io/app:1', 'r.io/app:2', undefined],
    ['r.io/app:V1', 'r.io/app:v1', undefined],
    ['r.io/app:1', 'r.io/app', undefined],
  ],
  'matches a tag with an image that has the tag and a digest': [
    ['r.io/app:1', `r.io/app:1@${SHA256}`, 'tag'],
    ['r.io/app:1', `r.io/app:2@${SHA256}`, undefined],
  ],
  'treats an image without tag and digest as latest': [
    ['nginx:latest', 'nginx', 'tag'],
    ['nginx', 'nginx:latest', 'repository'],
    ['nginx:latest', `nginx@${SHA256}`, undefined],
  ],
  'matches a digest only with the same digest, whatever the tags': [
    [`r.io/app@${SHA256}`, `r.io/app@${SHA256}`, 'digest'],
    [`r.io/app@${SHA256}`, `r.io/app:1@${SHA256}`, 'digest'],
    [`r.io/app:1@${SHA256}`, `r.io/app@${SHA256}`, 'digest'],
    [`r.io/app:1@${SHA256}`, `r.io/app:2@${SHA256}`, 'digest'],
    [`r.io/app@${SHA256}`, `r.io/app@${SHA512}`, undefined],
    [`r.io/app:1@${SHA256}`, 'r.io/app:1', undefined],
    [`r.io/app@${SHA256}`, `r.io/other@${SHA256}`, undefined],
  ],
};

describe('fit', () => {
  for (const [title, rows] of Object.entries(CASES)) {
    it(title, () => {
      for (const [pattern, image, expected] of rows) {
        const actual = fit(parseImageReference(pattern), parseImageReference(image));
        assert.equal(actual, expected, `${pattern} and ${image}`);
      }
    });
  }
});
