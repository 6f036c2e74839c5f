import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { columns } from '../../../src/text/columns.ts';
import { csv } from '../../../src/text/csv.ts';
import { printableJson } from '../../../src/text/printable.ts';

describe('csv', () => {
  const cases: readonly { readonly name: string; readonly cell: string; readonly written: string }[] = [
    { name: 'does not change plain text', cell: 'reg.example/app:1.0', written: 'reg.example/app:1.0' },
    { name: 'leaves an empty cell empty', cell: '', written: '' },
    { name: 'quotes a comma', cell: 'a,b', written: '"a,b"' },
    { name: 'doubles quotes', cell: 'say "hi"', written: '"say ""hi"""' },
    { name: 'quotes characters that only some programs treat as separators', cell: 'a;b', written: '"a;b"' },
    {
      name: 'escapes line breaks, so that each row is one line',
      cell: 'a\r\nb',
      written: '"a\\u000d\\u000ab"',
    },
    { name: 'prevents formulas with =', cell: '=HYPERLINK("x")', written: '"\'=HYPERLINK(""x"")"' },
    { name: 'prevents formulas with +', cell: '+1', written: '"\'+1"' },
    { name: 'prevents formulas with -', cell: '-1', written: '"\'-1"' },
    { name: 'prevents formulas with @', cell: '@SUM(A1)', written: '"\'@SUM(A1)"' },
    { name: 'prevents formulas after spaces', cell: '  =1', written: '"\'  =1"' },
    { name: 'prevents formulas with full-width characters', cell: '＝1', written: '"\'＝1"' },
    { name: 'escapes a tab', cell: '\t=1', written: '"\\u0009=1"' },
    {
      name: 'escapes characters that change the direction of text',
      cell: 'a\u202eb',
      written: '"a\\u202eb"',
    },
  ];
  for (const { name, cell, written } of cases) {
    it(name, () => assert.equal(csv([[cell, 'x']]), `${written},x\r\n`));
  }
});

describe('columns', () => {
  it('aligns cells without trailing spaces', () => {
    assert.deepEqual(
      columns([
        ['A', 'LONGER', 'C'],
        ['abc', 'b', ''],
      ]),
      ['A    LONGER  C', 'abc  b'],
    );
    assert.deepEqual(columns([]), []);
  });

  it('escapes terminal control characters', () => {
    assert.deepEqual(columns([['\u001b[31m']]), ['\\u001b[31m']);
  });
});

describe('printableJson', () => {
  it('has the same value, with terminal control characters escaped', () => {
    const value = ['\u009b31m', '\u202e'];
    const text = printableJson(value);
    assert.doesNotMatch(text, /[\u007f-\u009f\u202e]/);
    assert.deepEqual(JSON.parse(text), value);
  });
});
