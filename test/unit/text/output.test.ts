import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { columns } from '../../../src/text/columns.ts';
import { csv } from '../../../src/text/csv.ts';
import { printableJson } from '../../../src/text/printable.ts';

describe('csv', () => {
  const cases: readonly { readonly name: string; readonly cell: string; readonly written: string }[] = [
    { name: 'leaves plain text as it is', cell: 'reg.example/app:1.0', written: 'reg.example/app:1.0' },
    { name: 'leaves an empty cell empty', cell: '', written: '' },
    { name: 'quotes a comma', cell: 'a,b', written: '"a,b"' },
    { name: 'doubles quotes', cell: 'say "hi"', written: '"say ""hi"""' },
    { name: 'quotes what only some take for a separator', cell: 'a;b', written: '"a;b"' },
    { name: 'writes line ends out, so that a row is a line', cell: 'a\r\nb', written: '"a\\u000d\\u000ab"' },
    { name: 'disarms =', cell: '=HYPERLINK("x")', written: '"\'=HYPERLINK(""x"")"' },
    { name: 'disarms +', cell: '+1', written: '"\'+1"' },
    { name: 'disarms -', cell: '-1', written: '"\'-1"' },
    { name: 'disarms @', cell: '@SUM(A1)', written: '"\'@SUM(A1)"' },
    { name: 'disarms it behind blanks', cell: '  =1', written: '"\'  =1"' },
    { name: 'disarms full-width forms', cell: '＝1', written: '"\'＝1"' },
    { name: 'writes a tab out', cell: '\t=1', written: '"\\u0009=1"' },
    { name: 'does not let text turn its direction', cell: 'a\u202eb', written: '"a\\u202eb"' },
  ];
  for (const { name, cell, written } of cases) {
    it(name, () => assert.equal(csv([[cell, 'x']]), `${written},x\r\n`));
  }
});

describe('columns', () => {
  it('aligns cells and leaves no blanks at the end', () => {
    assert.deepEqual(
      columns([
        ['A', 'LONGER', 'C'],
        ['abc', 'b', ''],
      ]),
      ['A    LONGER  C', 'abc  b'],
    );
    assert.deepEqual(columns([]), []);
  });

  it('writes out what could steer a terminal', () => {
    assert.deepEqual(columns([['\u001b[31m']]), ['\\u001b[31m']);
  });
});

describe('printableJson', () => {
  it('holds the same value, and nothing that could steer a terminal', () => {
    const value = ['\u009b31m', '\u202e'];
    const text = printableJson(value);
    assert.doesNotMatch(text, /[\u007f-\u009f\u202e]/);
    assert.deepEqual(JSON.parse(text), value);
  });
});
