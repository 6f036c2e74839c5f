import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { jsonFault, type TextPosition } from '../../../src/text/json-fault.ts';
import { operationsOf } from '../../support/operations.ts';

const RUNS = 20_000;
const TEXTS = [
  '{"a": [1, -2.5e+3, true, false, null, {}], "b": {"c": "x\\u00e9\\n\\"", "d": []}}',
  '[[[]], {"": ""}, 0, -0, 1E9, "\\\\"]',
  ' "text" ',
  'null\n',
];
const PIECES = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  '\n',
  '\t',
  '0',
  '-',
  '.',
  'e',
  '+',
  'u',
  'true',
  ' ',
  'é',
];

/** Valid JSON with some characters removed, inserted or replaced. */
const damaged = fc
  .tuple(
    fc.oneof(fc.constantFrom(...TEXTS), fc.json()),
    fc.array(fc.tuple(fc.nat(), fc.nat({ max: 2 }), fc.constantFrom('', ...PIECES)), { maxLength: 3 }),
  )
  .map(([text, edits]) =>
    edits.reduce((before, [at, length, piece]) => {
      const from = at % (before.length + 1);
      return before.slice(0, from) + piece + before.slice(from + length);
    }, text),
  );

describe('jsonFault', () => {
  const faults: readonly (readonly [text: string, line: number, column: number])[] = [
    ['', 1, 1],
    ['{', 1, 2],
    ['{"a"', 1, 5],
    ['{"a": x}', 1, 7],
    ['{"a": 1,}', 1, 9],
    ['{"a": 1 "b": 2}', 1, 9],
    ['{\n  "a": "b\n"}', 2, 10],
    ['[1,\r\n2,\r\n}', 3, 1],
    ['"\\x"', 1, 2],
    ["{'a': 1}", 1, 2],
    ['{"a": 01}', 1, 8],
    ['{} {}', 1, 4],
    ['\ufeff{}', 1, 1],
  ];
  for (const [text, line, column] of faults) {
    it(`finds the error in ${JSON.stringify(text)} at line ${line}, column ${column}`, () => {
      assert.deepEqual(jsonFault(text), { line, column });
    });
  }

  it(`finds an error in the token in which the parser of Node does, in ${RUNS} random texts`, (context) => {
    let positions = 0;
    let valid = 0;
    const check = (text: string) => {
      const expected = nodesFault(text);
      const found = jsonFault(text);
      assert.equal(found !== undefined, expected !== 'None', text);
      if (expected === 'None') valid += 1;
      if (typeof expected === 'string') return;
      positions += 1;
      assert.ok(found !== undefined && isSameToken(text, found, expected), text);
    };
    fc.assert(fc.property(damaged, check), { numRuns: RUNS });
    context.diagnostic(`${valid} valid texts, ${positions} errors with a position`);
    assert.ok(valid > RUNS / 20 && positions > RUNS / 20);
  });

  it('takes linear time, and no recursion', () => {
    for (const unit of ['[', '{"":', '"\\n', '\\', ' ']) {
      const [once, twice] = [20_000, 40_000].map((count) =>
        operationsOf(() => jsonFault(unit.repeat(count))),
      );
      assert.ok((twice ?? 0) <= 2.1 * (once ?? 0) + 100, `${unit}: ${once}, then ${twice}`);
    }
  });
});

/** Whether at most a part of a scalar or an escape is between the two positions. Node names the last character that fits. */
function isSameToken(text: string, found: TextPosition, expected: TextPosition): boolean {
  const line = text.split(/\r\n|[\r\n]/)[found.line - 1] ?? '';
  const between = line.slice(found.column - 1, expected.column - 1);
  return found.line === expected.line && found.column <= expected.column && /^[\w+.\\-]*$/.test(between);
}

/** Where Node's parser finds an error. `Somewhere`: its message names no position. */
function nodesFault(text: string): 'None' | 'Somewhere' | TextPosition {
  try {
    JSON.parse(text);
    return 'None';
  } catch (error) {
    const match = /\(line (\d+) column (\d+)\)$/.exec(String(error));
    return match === null ? 'Somewhere' : { line: Number(match[1]), column: Number(match[2]) };
  }
}
