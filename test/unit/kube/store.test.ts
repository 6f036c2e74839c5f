import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Change, Store, type Stored } from '../../../src/kube/index.ts';

interface Item extends Stored {
  readonly colour: string;
}

function item(name: string, resourceVersion: string, colour = 'red', uid = `uid-${name}`): Item {
  return { namespace: 'ns', name, uid, resourceVersion, colour };
}

function storeWithLog() {
  const store = new Store({ colour: ({ colour }: Item) => [colour] });
  const log: string[] = [];
  const show = (side: Item | undefined) =>
    side === undefined ? '-' : `${side.name}@${side.resourceVersion}`;
  store.onChange(({ before, after }: Change<Item>) => log.push(`${show(before)} ${show(after)}`));
  return { store, log };
}

describe('Store', () => {
  it('ignores a version that is not newer than the one it holds', () => {
    const { store, log } = storeWithLog();
    store.set(item('a', '100'));
    store.set(item('a', '99', 'blue'));
    store.set(item('a', '100', 'blue'));
    assert.equal(store.get('ns/a')?.colour, 'red');
    assert.deepEqual(log, ['- a@100']);
  });

  it('compares versions as numbers', () => {
    const { store } = storeWithLog();
    store.set(item('a', '99'));
    store.set(item('a', '100', 'blue'));
    assert.equal(store.get('ns/a')?.colour, 'blue');
  });

  it('finds by index what is there now, and nothing that was there', () => {
    const { store } = storeWithLog();
    store.set(item('a', '1', 'red'));
    store.set(item('b', '2', 'red'));
    store.set(item('a', '3', 'blue'));
    store.delete(item('b', '2'));
    assert.deepEqual(store.byIndex('colour', 'red'), []);
    assert.deepEqual(
      store.byIndex('colour', 'blue').map(({ name }) => name),
      ['a'],
    );
  });

  it('reports an object that was created anew as gone and as new', () => {
    const { store, log } = storeWithLog();
    store.set(item('a', '1'));
    store.set(item('a', '2', 'red', 'another'));
    assert.deepEqual(log, ['- a@1', 'a@1 -', '- a@2']);
  });

  it('does not delete the successor of the object that is gone', () => {
    const { store } = storeWithLog();
    store.set(item('a', '2', 'red', 'second'));
    store.delete(item('a', '1', 'red', 'first'));
    assert.equal(store.size, 1);
  });

  it('drops what a complete list lacks, but not what is newer than the list', () => {
    const { store } = storeWithLog();
    store.set(item('old', '5'));
    store.set(item('kept', '6'));
    store.set(item('new', '11'));
    store.retain(new Set(['ns/kept']), '10');
    assert.deepEqual([...store.values()].map(({ name }) => name).sort(), ['kept', 'new']);
  });

  it('takes in the answer to a write of ours before the watch brings it, and not after', () => {
    const { store, log } = storeWithLog();
    store.setAnswer(item('a', '10'));
    store.set(item('a', '10'));
    store.advance('10');
    store.delete(item('a', '12'));
    store.advance('12');
    // The answer of a write that came before the deletion, read late.
    store.setAnswer(item('a', '11'));
    assert.equal(store.size, 0);
    store.setAnswer(item('a', '13', 'blue', 'created anew'));
    assert.equal(store.get('ns/a')?.colour, 'blue');
    assert.deepEqual(log, ['- a@10', 'a@10 -', '- a@13']);
  });

  it('drops an object whose successor is nothing to keep', () => {
    const { store } = storeWithLog();
    store.set(item('a', '1', 'red', 'first'));
    store.delete(item('a', '2', 'red', 'second'));
    assert.equal(store.size, 0);
  });

  it('takes what a server has that has gone back in time, also where it is older', () => {
    const { store, log } = storeWithLog();
    for (const name of ['a', 'b', 'c']) store.set(item(name, '100'));
    log.length = 0;
    store.rewind();
    store.set(item('a', '7', 'blue'));
    store.set(item('b', '8'));
    store.set(item('b', '6', 'blue'));
    store.retain(new Set(['ns/a', 'ns/b']), '9');
    assert.deepEqual(log, ['a@100 a@7', 'b@100 b@8', 'c@100 -']);
    // From here on versions count again, also those of answers.
    store.setAnswer(item('d', '9'));
    store.set(item('a', '6'));
    store.setAnswer(item('e', '10'));
    assert.deepEqual(log.slice(3), ['- e@10']);
  });

  it('tells every listener, also where one before it throws', () => {
    const errors: unknown[] = [];
    const store = new Store<Item>({}, (error) => errors.push(error));
    const told: string[] = [];
    store.onChange(() => {
      throw new Error('mistake');
    });
    store.onChange(({ after }) => told.push(after?.name ?? '-'));
    store.set(item('a', '1'));
    store.delete(item('a', '2'));
    assert.deepEqual(told, ['a', '-']);
    assert.equal(errors.length, 2);
    assert.equal(store.size, 0);
  });
});
