import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Change, Store } from '../../../src/kube/cache/store.ts';
import { keyOf, type Stored } from '../../../src/object/object.ts';

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

  describe('that one watch for each namespace fills', () => {
    const of = (namespace: string, name: string, resourceVersion: string): Item => ({
      ...item(name, resourceVersion),
      namespace,
      uid: `${namespace}-${name}`,
    });
    const keys = (store: Store<Item, 'colour'>) => [...store.values()].map(keyOf);

    it('drops by a list of one namespace nothing of another', () => {
      const { store } = storeWithLog();
      for (const namespace of ['one', 'two']) store.set(of(namespace, 'a', '5'));
      store.retain(new Set(), '10', 'one');
      assert.deepEqual(keys(store), ['two/a']);
    });

    it('knows of each how far it has come, whatever comes first', () => {
      const { store } = storeWithLog();
      store.advance('20', 'one');
      store.setAnswer(of('two', 'early', '11'));
      store.retain(new Set(), '10', 'two');
      store.setAnswer(of('one', 'late', '15'));
      store.setAnswer(of('two', 'a', '15'));
      assert.deepEqual(keys(store), ['two/early', 'two/a']);
      store.advance('16', 'two');
      store.delete(of('two', 'a', '16'));
      store.setAnswer(of('two', 'a', '15'));
      store.setAnswer(of('one', 'new', '21'));
      assert.deepEqual(keys(store), ['two/early', 'one/new']);
    });

    it('goes back in time where the watch of one says so, and there alone', () => {
      const { store } = storeWithLog();
      const all = ['one', 'two'].flatMap((namespace) => [
        of(namespace, 'kept', '100'),
        of(namespace, 'gone', '100'),
      ]);
      for (const each of all) store.set(each);
      store.advance('100', 'one');
      store.advance('100', 'two');
      store.rewind('one');
      for (const each of all.filter(({ name }) => name === 'kept'))
        store.set({ ...each, resourceVersion: '7' });
      store.setAnswer(of('one', 'new', '8'));
      store.setAnswer(of('two', 'new', '8'));
      store.retain(new Set(['one/kept', 'one/new']), '9', 'one');
      const versions = [...store.values()].map((each) => `${keyOf(each)}@${each.resourceVersion}`).sort();
      assert.deepEqual(versions, ['one/kept@7', 'one/new@8', 'two/gone@100', 'two/kept@100']);
    });
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
