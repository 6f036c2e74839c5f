import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ROOT } from '../../../../hack/root.ts';

/**
 * The licenses that may be distributed with Apache-2.0: category A of the ASF, and the "public domain" licenses that the ASF
 * lists. Source: https://www.apache.org/legal/resolved.html. 0BSD is the ISC license without its only condition.
 */
const ALLOWED: readonly string[] = [
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'PSF-2.0',
  'Unlicense',
];

interface Locked {
  readonly license?: string;
  readonly dev?: boolean;
}

const lock: { readonly packages: Readonly<Record<string, Locked>> } = JSON.parse(
  readFileSync(join(ROOT, 'package-lock.json'), 'utf8'),
);
/** The packages that are distributed with the controller, without this package itself. */
const distributed = Object.entries(lock.packages).filter(([path, { dev }]) => path !== '' && dev !== true);

describe('the licenses of the distributed packages', () => {
  it('are all on the list', () => {
    const others = distributed.filter(
      ([, { license }]) => license === undefined || !ALLOWED.includes(license),
    );
    assert.deepEqual(others, []);
  });

  it('include every license on the list', () => {
    const found = new Set(distributed.map(([, { license }]) => license));
    assert.deepEqual(
      ALLOWED.filter((license) => !found.has(license)),
      [],
    );
  });
});
