import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runEach, settleEach } from '../../../src/concurrency/settle-each.ts';
import { Works } from '../../support/work.ts';

describe('work for each of several items', () => {
  it('runs for a limited number of items at a time, and for the next one as soon as any work ends', async () => {
    const works = new Works();
    const results = settleEach(['a', 'b', 'c', 'd'], 2, (item) => works.begin(item));
    assert.deepEqual(works.open, ['a', 'b']);
    await works.end('b');
    assert.deepEqual(works.open, ['a', 'c']);
    await works.end('c');
    assert.deepEqual(works.open, ['a', 'd']);
    await works.end('d');
    await works.end('a');
    assert.deepEqual(
      (await results).map((result) => result.status === 'fulfilled' && result.value),
      ['a', 'b', 'c', 'd'],
    );
  });

  it('runs for all items even if some of it fails, and reports results in the order of the items', async () => {
    const ended: number[] = [];
    const results = await settleEach([30, 20, 10, 0], 4, async (milliseconds) => {
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      ended.push(milliseconds);
      if (milliseconds % 20 === 0) throw new Error(`broken ${milliseconds}`);
      return milliseconds;
    });
    assert.equal(ended.length, 4);
    assert.deepEqual(
      results.map((result) => (result.status === 'rejected' ? result.reason.message : result.value)),
      [30, 'broken 20', 10, 'broken 0'],
    );
  });

  it('fails with the error of the first item whose work failed, after all other work', async () => {
    const works = new Works();
    const all = runEach(['a', 'b', 'c'], 1, async (item) => {
      await works.begin(item);
    });
    const failed = assert.rejects(all, /first/);
    await works.end('a', new Error('first'));
    await works.end('b', new Error('second'));
    assert.deepEqual(works.open, ['c']);
    await works.end('c');
    await failed;
  });

  it('does not reject because of work that throws instead of returning a promise', async () => {
    const [result] = await settleEach(['a'], 1, () => {
      throw new Error('broken');
    });
    assert.equal(result?.status, 'rejected');
  });

  it('resolves at once without items', async () => {
    assert.deepEqual(await settleEach([], 4, () => Promise.reject(new Error('no item'))), []);
  });
});
