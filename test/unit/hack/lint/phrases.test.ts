import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bannedIn } from '../../../../hack/lint/phrases.ts';

/** File, text, and the lines with a banned phrase. */
const CASES: readonly (readonly [string, string, string, readonly number[]])[] = [
  ['a comment', 'a.ts', 'const a = 1;\n// Nothing, but for this.\n', [2]],
  ['a contract of several lines', 'a.ts', '/**\n * Sends it.\n * Whoever reads it waits.\n */\n', [3]],
  ['a comment at the end of a line', 'a.ts', 'const a = 1; // for ever\n', [1]],
  ['two phrases in one line', 'a.md', 'Unless told, it lists anew.\n', [1, 1]],
  ['a comment in YAML', 'a.yaml', 'a: 1 # stands for one\n# hears of it\n', [1, 2]],
  ['a description of several lines in YAML', 'a.yaml', 'description: |-\n  Lists\n  all anew.\n', [3]],
  ['an alert', 'a.yaml', '          summary: The scan was let go.\n', [1]],
  ['Markdown after a code block', 'a.md', '```sh\necho anew\n```\nStart anew.\n', [4]],
  ['no code', 'a.ts', "const anew = 'so many';\n", []],
  ['no code block', 'a.md', '```text\nwhoever\n```\n', []],
  ['no quotation', 'a.md', 'Say "again", not "anew" or “for ever”, and not `whoever`.\n', []],
  ['no comparison', 'a.md', 'Wait so long as the answer is missing.\n', []],
  ['no data in YAML', 'a.yaml', 'reason: anew\n', []],
];

describe('the check of phrases', () => {
  for (const [name, file, text, lines] of CASES)
    it(`${lines.length > 0 ? 'refuses a banned phrase in' : 'reads'} ${name}`, () => {
      assert.deepEqual(
        bannedIn(file, text).map((message) => Number(message.split(':')[1])),
        lines,
      );
    });

  it('says what to write instead', () => {
    assert.deepEqual(bannedIn('a.md', 'All of it, but for this.'), ['a.md:1: "but for": write except']);
  });
});
