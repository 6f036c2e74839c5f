import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Semaphore } from '../../../src/registry/semaphore.ts';

describe('Semaphore', () => {
  it('lets in as many as it has places, the others in order, and hands a place on after a failure too', async () => {
    const semaphore = new Semaphore(2);
    const begun: string[] = [];
    const works = new Map<string, PromiseWithResolvers<void>>();
    const run = (name: string) =>
      semaphore.run(() => {
        begun.push(name);
        const work = Promise.withResolvers<void>();
        works.set(name, work);
        return work.promise;
      });
    const turn = () => new Promise(setImmediate);
    assert.equal(semaphore.idle, true);
    const runs = ['a', 'b', 'c', 'd'].map(run);
    const settled = Promise.allSettled(runs);
    await turn();
    assert.deepEqual(begun, ['a', 'b']);
    works.get('b')?.reject(new Error('b failed'));
    await turn();
    assert.deepEqual(begun, ['a', 'b', 'c']);
    works.get('a')?.resolve();
    await turn();
    assert.deepEqual(begun, ['a', 'b', 'c', 'd']);
    assert.equal(semaphore.idle, false);
    works.get('c')?.resolve();
    works.get('d')?.resolve();
    assert.deepEqual(
      (await settled).map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
    );
    assert.equal(semaphore.idle, true);
  });
});
