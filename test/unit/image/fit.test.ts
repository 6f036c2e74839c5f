import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fit } from '../../../src/image/fit.ts';
import { parseImageReference } from '../../../src/image/reference.ts';
import { SHA256, SHA512 } from './digests.ts';

type Row = readonly [pattern: string, image: string, expected: ReturnType<typeof fit>];

const CASES: Readonly<Record<string, readonly Row[]>> = {
  'a repository fits each of its versions': [
    ['nginx', 'nginx', 'repository'],
    ['nginx', 'nginx:1.27', 'repository'],
    ['nginx', `nginx@${SHA256}`, 'repository'],
    ['nginx', `nginx:1.27@${SHA256}`, 'repository'],
  ],
  'names are compared in canonical form': [
    ['nginx', 'index.docker.io/library/nginx:1', 'repository'],
    ['docker.io/library/nginx:1', 'nginx:1', 'tag'],
  ],
  'another repository, host, port or letter case of the host does not fit': [
    ['nginx', 'acme/nginx', undefined],
    ['r.io/app', 's.io/app', undefined],
    ['r.io/app', 'r.io:443/app', undefined],
    ['r.io/app', 'R.io/app', undefined],
    ['r.io/app', 'r.io/app/sub', undefined],
    ['r.io/app/sub', 'r.io/app', undefined],
  ],
  'a tag fits that tag alone': [
    ['r.io/app:1', 'r.io/app:1', 'tag'],
    ['r.io/app:1', 'r.io/app:2', undefined],
    ['r.io/app:V1', 'r.io/app:v1', undefined],
    ['r.io/app:1', 'r.io/app', undefined],
  ],
  'a tag fits an image that names a digest beside it': [
    ['r.io/app:1', `r.io/app:1@${SHA256}`, 'tag'],
    ['r.io/app:1', `r.io/app:2@${SHA256}`, undefined],
  ],
  'an image without tag and digest is latest': [
    ['nginx:latest', 'nginx', 'tag'],
    ['nginx', 'nginx:latest', 'repository'],
    ['nginx:latest', `nginx@${SHA256}`, undefined],
  ],
  'a digest fits that digest alone, whatever the tags': [
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
