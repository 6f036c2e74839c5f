import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { DOCS } from '../../../hack/root.ts';
import { ADVICE, EVENT_REASONS } from '../../../src/api/index.ts';

const page = readFileSync(join(DOCS, 'troubleshooting.md'), 'utf8');

/** The entries of a section of the page, in its order. */
function entriesOf(section: string): readonly string[] {
  const text = page.split(/^## /m).find((part) => part.startsWith(`${section}\n`)) ?? '';
  return [...text.matchAll(/^### (?<reason>.+)$/gm)].map(({ groups }) => groups?.['reason'] ?? '');
}

describe('docs/troubleshooting.md', () => {
  it('has an entry for each reason of a condition, in the order of the constants, and no other', () => {
    assert.deepEqual(entriesOf('Conditions'), Object.keys(ADVICE));
  });

  it('has an entry for each Event, and no other', () => {
    assert.deepEqual(entriesOf('Events'), EVENT_REASONS);
  });

  for (const reason of [...Object.keys(ADVICE), ...EVENT_REASONS])
    it(`says what the reason means, how to look, and what to do: ${reason}`, () => {
      const entry = page.split(`\n### ${reason}\n`)[1]?.split(/^#{2,3} /m)[0] ?? '';
      assert.match(entry, /^\n[A-Z`]/);
      assert.match(entry, /^- \*\*Look:\*\* `(?:kubectl|helm) [^`]+`/m);
      assert.match(entry, /^- \*\*Do:\*\* [A-Z]/m);
    });
});
