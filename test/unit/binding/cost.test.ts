import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MOST_RIVALS } from '../../../src/binding/rivals.ts';
import { connectTriggers } from '../../../src/binding/triggers.ts';
import { Namespace } from './cluster.ts';

const HUBS = Array.from({ length: 16 }, (_, index) => `reg.example/hub${index}`);

/** Bindings by tag of one repository, and a scan of each tag. */
function byTag(count: number): Namespace {
  const namespace = new Namespace();
  namespace.pullSecret('pull');
  for (let index = 0; index < count; index += 1) {
    namespace.binding(`app-${index}`, { spec: { image: `reg.example/app:${index}` } });
    namespace.scan(`scan-${index}`, { image: `reg.example/app:${index}` });
  }
  return namespace;
}

/** Bindings of different images that replace the same repositories, which scans name. */
function sharingHubs(count: number): Namespace {
  const namespace = new Namespace();
  namespace.pullSecret('pull');
  for (const hub of HUBS) namespace.scan(`scan-${hub.slice(-2)}`, { image: `${hub}:1` });
  for (let index = 0; index < count; index += 1)
    namespace.binding(`app-${index}`, { spec: { image: `reg.example/x${index}`, replaces: HUBS } });
  return namespace;
}

/** Bindings of one image with selectors of which each but the last fits nothing. */
function bySelector(count: number): Namespace {
  const namespace = new Namespace();
  namespace.pullSecret('pull');
  namespace.scan('scan');
  for (let index = 0; index < count; index += 1)
    namespace.binding(`app-${index}`, { spec: { scanSelector: { matchLabels: { no: `${index}` } } } });
  return namespace;
}

/** How many objects an observation of one binding takes out of the stores. */
function objectsRead(namespace: Namespace, name: string): number {
  const { scheduledScans, rivals } = namespace.stores;
  // What is known of each binding, as after its reconcile.
  namespace.observe(name);
  let read = 0;
  const byIndex = scheduledScans.byIndex.bind(scheduledScans);
  scheduledScans.byIndex = (index, value) => {
    const found = byIndex(index, value);
    read += found.length;
    return found;
  };
  const under = rivals.under.bind(rivals);
  rivals.under = (place, key) => {
    const found = under(place, key);
    read += found.length;
    return found;
  };
  namespace.observeAlone(name);
  return read;
}

/** How many keys a change of one binding adds to the queues. */
function keysAdded(namespace: Namespace): number {
  const added = new Set<string>();
  const queue = { add: (key: string) => void added.add(key) };
  connectTriggers(namespace.stores, {
    bindings: queue,
    trivySecrets: queue,
    runs: queue,
    sourceSecrets: queue,
  });
  namespace.binding('app-0', { spec: { image: 'reg.example/app:0', verification: 'Required' } });
  return added.size;
}

describe('the cost of one binding', () => {
  const estates = { 'by tag': byTag, 'that share 16 previous repositories': sharingHubs };
  for (const [name, estate] of Object.entries(estates)) {
    it(`does not grow with the number of bindings ${name}`, () => {
      const [once, twice] = [objectsRead(estate(100), 'app-0'), objectsRead(estate(200), 'app-0')];
      assert.equal(twice, once);
      assert.ok(once <= 2 * HUBS.length * (MOST_RIVALS + 1), `${once} objects are read`);
    });
  }

  it('does not grow with the number of bindings of one image, beyond those that may be rivals', () => {
    const [once, twice] = [objectsRead(bySelector(100), 'app-0'), objectsRead(bySelector(200), 'app-0')];
    assert.equal(twice, once);
  });

  it('grows with the number of scans of its image as these do', () => {
    const scans = (count: number) => {
      const namespace = bySelector(1);
      for (let index = 0; index < count; index += 1) namespace.scan(`more-${index}`);
      return objectsRead(namespace, 'app-0');
    };
    const [once, twice] = [scans(100), scans(200)];
    assert.ok(twice <= 2 * once, `${once} objects are read, then ${twice}`);
  });
});

describe('a change of one binding', () => {
  for (const [name, estate] of Object.entries({ byTag, sharingHubs })) {
    it(`enqueues as many others, however many there are (${name})`, () => {
      const [once, twice] = [keysAdded(estate(100)), keysAdded(estate(200))];
      assert.equal(twice, once);
      assert.ok(once <= MOST_RIVALS + 4, `${once} keys are added`);
    });
  }

  it('enqueues no binding that shares a previous repository that no scan names', () => {
    const namespace = new Namespace();
    for (let index = 0; index < 100; index += 1)
      namespace.binding(`app-${index}`, { spec: { image: `reg.example/x${index}`, replaces: HUBS } });
    assert.equal(keysAdded(namespace), 1);
  });
});
