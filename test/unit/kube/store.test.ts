import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Change, Store } from '../../../src/kube/cache/store.ts';
import { keyOf, type Stored } from '../../../src/object/object.ts';

interface Item extends Stored {
  readonly color: string;
}

function item(name: string, resourceVersion: string, color = 'red', uid = `uid-${name}`): Item {
  return { namespace: 'ns', name, uid, resourceVersion, color };
}

function storeWithLog() {
  const store = new Store({ color: ({ color }: Item) => [color] });
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
    assert.equal(store.get('ns/a')?.color, 'red');
    assert.deepEqual(log, ['- a@100']);
  });

  it('compares versions as numbers', () => {
    const { store } = storeWithLog();
    store.set(item('a', '99'));
    store.set(item('a', '100', 'blue'));
    assert.equal(store.get('ns/a')?.color, 'blue');
  });

  it('finds only current objects by index', () => {
    const { store } = storeWithLog();
    store.set(item('a', '1', 'red'));
    store.set(item('b', '2', 'red'));
    store.set(item('a', '3', 'blue'));
    store.delete(item('b', '2'));
    assert.deepEqual(store.byIndex('color', 'red'), []);
    assert.deepEqual(
      store.byIndex('color', 'blue').map(({ name }) => name),
      ['a'],
    );
  });

  it('reports a recreated object as deleted and as added', () => {
    const { store, log } = storeWithLog();
    store.set(item('a', '1'));
    store.set(item('a', '2', 'red', 'another'));
    assert.deepEqual(log, ['- a@1', 'a@1 -', '- a@2']);
  });

  it('does not delete the successor of a deleted object', () => {
    const { store } = storeWithLog();
    store.set(item('a', '2', 'red', 'second'));
    store.delete(item('a', '1', 'red', 'first'));
    assert.equal(store.size, 1);
  });

  it('drops objects that a complete list lacks, except those that are newer than the list', () => {
    const { store } = storeWithLog();
    store.set(item('old', '5'));
    store.set(item('kept', '6'));
    store.set(item('new', '11'));
    store.retain(new Set(['ns/kept']), '10');
    assert.deepEqual([...store.values()].map(({ name }) => name).sort(), ['kept', 'new']);
  });

  it('accepts the response to a write only before the watch has passed that version', () => {
    const { store, log } = storeWithLog();
    store.setResponse(item('a', '10'));
    store.set(item('a', '10'));
    store.advance('10');
    store.delete(item('a', '12'));
    store.advance('12');
    // The late response to a write from before the deletion.
    store.setResponse(item('a', '11'));
    assert.equal(store.size, 0);
    store.setResponse(item('a', '13', 'blue', 'recreated'));
    assert.equal(store.get('ns/a')?.color, 'blue');
    assert.deepEqual(log, ['- a@10', 'a@10 -', '- a@13']);
  });

  it('drops an object when its successor is deleted', () => {
    const { store } = storeWithLog();
    store.set(item('a', '1', 'red', 'first'));
    store.delete(item('a', '2', 'red', 'second'));
    assert.equal(store.size, 0);
  });

  it('accepts older versions from a server that was restored from a backup', () => {
    const { store, log } = storeWithLog();
    for (const name of ['a', 'b', 'c']) store.set(item(name, '100'));
    log.length = 0;
    store.rewind();
    store.set(item('a', '7', 'blue'));
    store.set(item('b', '8'));
    store.set(item('b', '6', 'blue'));
    store.retain(new Set(['ns/a', 'ns/b']), '9');
    assert.deepEqual(log, ['a@100 a@7', 'b@100 b@8', 'c@100 -']);
    // From here on, versions are compared again, including those of responses.
    store.setResponse(item('d', '9'));
    store.set(item('a', '6'));
    store.setResponse(item('e', '10'));
    assert.deepEqual(log.slice(3), ['- e@10']);
  });

  describe('with one watch per namespace', () => {
    const of = (namespace: string, name: string, resourceVersion: string): Item => ({
      ...item(name, resourceVersion),
      namespace,
      uid: `${namespace}-${name}`,
    });
    const keys = (store: Store<Item, 'color'>) => [...store.values()].map(keyOf);

    it('drops no object of another namespace because of a list', () => {
      const { store } = storeWithLog();
      for (const namespace of ['one', 'two']) store.set(of(namespace, 'a', '5'));
      store.retain(new Set(), '10', 'one');
      assert.deepEqual(keys(store), ['two/a']);
    });

    it('tracks the version of each watch independently', () => {
      const { store } = storeWithLog();
      store.advance('20', 'one');
      store.setResponse(of('two', 'early', '11'));
      store.retain(new Set(), '10', 'two');
      store.setResponse(of('one', 'late', '15'));
      store.setResponse(of('two', 'a', '15'));
      assert.deepEqual(keys(store), ['two/early', 'two/a']);
      store.advance('16', 'two');
      store.delete(of('two', 'a', '16'));
      store.setResponse(of('two', 'a', '15'));
      store.setResponse(of('one', 'new', '21'));
      assert.deepEqual(keys(store), ['two/early', 'one/new']);
    });

    it('accepts older versions only in the namespace whose watch was rewound', () => {
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
      store.setResponse(of('one', 'new', '8'));
      store.setResponse(of('two', 'new', '8'));
      store.retain(new Set(['one/kept', 'one/new']), '9', 'one');
      const versions = [...store.values()].map((each) => `${keyOf(each)}@${each.resourceVersion}`).sort();
      assert.deepEqual(versions, ['one/kept@7', 'one/new@8', 'two/gone@100', 'two/kept@100']);
    });
  });

  it('notifies every listener, even if one before it throws', () => {
    const errors: unknown[] = [];
    const store = new Store<Item>({}, (error) => errors.push(error));
    const notified: string[] = [];
    store.onChange(() => {
      throw new Error('mistake');
    });
    store.onChange(({ after }) => notified.push(after?.name ?? '-'));
    store.set(item('a', '1'));
    store.delete(item('a', '2'));
    assert.deepEqual(notified, ['a', '-']);
    assert.equal(errors.length, 2);
    assert.equal(store.size, 0);
  });
});
