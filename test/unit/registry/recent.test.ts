import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Recent } from '../../../src/registry/recent.ts';

describe('a bounded memory', () => {
  it('drops the least recently used entry of a single group', () => {
    const recent = new Recent<number>(3);
    for (const key of [1, 2, 3]) recent.set(`k${key}`, key, 'a');
    assert.equal(recent.get('k1'), 1);
    recent.set('k4', 4, 'a');
    assert.deepEqual(
      ['k1', 'k2', 'k3', 'k4'].map((key) => recent.get(key)),
      [1, undefined, 3, 4],
    );
  });

  for (const flood of [1_000, 2_000]) {
    it(`keeps the entries of a group when another group adds ${flood}`, () => {
      const recent = new Recent<number>(100);
      for (let index = 0; index < 20; index += 1) recent.set(`b${index}`, index, 'b');
      for (let index = 0; index < flood; index += 1) recent.set(`a${index}`, index, 'a');
      const kept = (prefix: string, count: number) =>
        Array.from({ length: count }, (_, index) => recent.get(`${prefix}${index}`)).filter(
          (value) => value !== undefined,
        ).length;
      assert.deepEqual([kept('b', 20), kept('a', flood)], [20, 80]);
    });
  }

  it('counts an entry for the group that wrote it last, and lets the caller delete it', () => {
    const recent = new Recent<number>(2);
    recent.set('k', 1, 'a');
    recent.set('k', 2, 'b');
    recent.set('other', 3, 'a');
    recent.set('more', 4, 'a');
    assert.deepEqual([recent.get('k'), recent.get('other'), recent.get('more')], [2, undefined, 4]);
    recent.delete('k');
    recent.delete('k');
    assert.equal(recent.get('k'), undefined);
  });
});
