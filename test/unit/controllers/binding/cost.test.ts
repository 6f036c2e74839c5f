import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { MOST_RIVALS } from '../../../../src/policy/rivals.ts';
import { connectTriggers } from '../../../support/triggers.ts';
import { Namespace, objectOf } from './namespace.ts';

const ignoring = { add: () => undefined };
const NO_QUEUES = { bindings: ignoring, trivySecrets: ignoring, runs: ignoring, sourceSecrets: ignoring };

const HUBS = Array.from({ length: 16 }, (_, index) => `reg.example/hub${index}`);

/** Bindings for the tags of one repository, and a scan of each tag. */
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

/** Bindings of one image with selectors. Only the last selector matches any scan. */
function bySelector(count: number): Namespace {
  const namespace = new Namespace();
  namespace.pullSecret('pull');
  namespace.scan('scan');
  for (let index = 0; index < count; index += 1)
    namespace.binding(`app-${index}`, { spec: { scanSelector: { matchLabels: { no: `${index}` } } } });
  return namespace;
}

/** How many objects an observation of one binding reads from the stores. */
function objectsRead(namespace: Namespace, name: string): number {
  const { scheduledScans, rivals } = namespace.stores;
  // The selection of each binding, as after its reconcile.
  namespace.resolve(name);
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
  namespace.resolveAlone(name);
  return read;
}

/** How many keys a change of one binding adds to the queues. */
async function keysAdded(namespace: Namespace): Promise<number> {
  const added = new Set<string>();
  const queue = { add: (key: string) => void added.add(key) };
  connectTriggers(namespace.stores, {
    bindings: queue,
    trivySecrets: queue,
    runs: queue,
    sourceSecrets: queue,
  });
  namespace.binding('app-0', { spec: { image: 'reg.example/app:0', verification: 'Required' } });
  await turn();
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

  it('does not grow with the number of bindings of one image, beyond the limit on rivals', () => {
    const [once, twice] = [objectsRead(bySelector(100), 'app-0'), objectsRead(bySelector(200), 'app-0')];
    assert.equal(twice, once);
  });

  it('grows linearly with the number of scans of its image', () => {
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
    it(`enqueues a bounded number of others, however many there are (${name})`, async () => {
      const [once, twice] = [await keysAdded(estate(100)), await keysAdded(estate(200))];
      assert.equal(twice, once);
      assert.ok(once <= MOST_RIVALS + 4, `${once} keys are added`);
    });
  }

  it('enqueues no binding with the same previous repository if no scan names that repository', async () => {
    const namespace = new Namespace();
    for (let index = 0; index < 100; index += 1)
      namespace.binding(`app-${index}`, { spec: { image: `reg.example/x${index}`, replaces: HUBS } });
    // The binding itself, and those directly within and beyond the limit.
    assert.equal(await keysAdded(namespace), 3);
  });

  it('walks over the scans that could fit it once per turn of the event loop, however many changes there are', async () => {
    const walks = async (changes: number) => {
      const namespace = sharingHubs(changes);
      for (let index = 0; index < 200; index += 1)
        namespace.scan(`more-${index}`, { image: `${HUBS[index % HUBS.length]}:${index}` });
      const { scheduledScans } = namespace.stores;
      connectTriggers(namespace.stores, NO_QUEUES);
      const byIndex = scheduledScans.byIndex.bind(scheduledScans);
      let read = 0;
      scheduledScans.byIndex = (index, value) => {
        const found = byIndex(index, value);
        read += found.length;
        return found;
      };
      for (let index = 0; index < changes; index += 1)
        namespace.binding(`app-${index}`, { spec: { image: `reg.example/x${index}`, replaces: HUBS } });
      await turn();
      return read;
    };
    assert.equal(await walks(200), await walks(100));
  });

  it('enqueues the Trivy Secrets of a source once, however many bindings name it', async () => {
    const adds = async (bindings: number) => {
      const namespace = byTag(1);
      const observed = namespace.resolve('app-0');
      const object = observed.trivySecret && objectOf(observed.trivySecret.desired);
      assert.ok(object !== undefined);
      namespace.trivySecret(object);
      let count = 0;
      const trivySecrets = {
        add: () => {
          count += 1;
        },
      };
      connectTriggers(namespace.stores, { ...NO_QUEUES, trivySecrets });
      for (let index = 0; index < bindings; index += 1) namespace.binding(`more-${index}`);
      await turn();
      return count;
    };
    assert.equal(await adds(200), await adds(100));
  });
});
