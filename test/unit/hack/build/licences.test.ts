import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ROOT } from '../../../../hack/root.ts';

/**
 * What may be shipped beside Apache-2.0: the ASF's categories A, and of "public domain" what it lists there.
 * https://www.apache.org/legal/resolved.html
 */
const ALLOWED: readonly string[] = [
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
/** What is installed where the controller runs; not this package itself. */
const shipped = Object.entries(lock.packages).filter(([path, { dev }]) => path !== '' && dev !== true);

describe('the licences of what is shipped', () => {
  it('are all on the list', () => {
    const others = shipped.filter(([, { license }]) => license === undefined || !ALLOWED.includes(license));
    assert.deepEqual(others, []);
  });

  it('are all that the list has', () => {
    const found = new Set(shipped.map(([, { license }]) => license));
    assert.deepEqual(
      ALLOWED.filter((license) => !found.has(license)),
      [],
    );
  });
});
