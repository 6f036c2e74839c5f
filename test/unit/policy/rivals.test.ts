import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readBinding, type ValidBinding } from '../../../src/binding/binding.ts';
import { bindingKeys, previousRepositoryKey } from '../../../src/policy/precedence.ts';
import { LONGEST_CHAIN, replacesChain } from '../../../src/policy/replaces-chain.ts';
import { MOST_RIVALS, Rivals } from '../../../src/policy/rivals.ts';

interface Parts {
  readonly name: string;
  readonly image?: string;
  readonly replaces?: readonly string[];
  /** Seconds since the epoch. */
  readonly created?: number;
  readonly discovered?: boolean;
  readonly mode?: 'Enforce' | 'Observe';
}

function binding({ name, created = 0, discovered = false, ...spec }: Parts): ValidBinding {
  const labels: Record<string, string> = discovered
    ? { 'app.kubernetes.io/managed-by': 'image-credential-binding' }
    : {};
  const creationTimestamp = new Date(created * 1000).toISOString();
  const read = readBinding({
    metadata: { namespace: 'ns', name, uid: name, resourceVersion: '1', creationTimestamp, labels },
    spec: { image: 'reg.example/app', imagePullSecrets: [], ...spec },
  });
  if (read.validity === 'Invalid') throw new Error(read.message);
  return read;
}

const parts = fc.record({
  created: fc.integer({ min: 0, max: 3 }),
  discovered: fc.boolean(),
  mode: fc.constantFrom('Enforce' as const, 'Observe' as const),
});

describe('rivals for an image', () => {
  it('are in the order of precedence, whatever the order of additions and removals', () => {
    fc.assert(
      fc.property(fc.array(parts, { minLength: 1, maxLength: 12 }), fc.integer(), (list, seed) => {
        const all = list.map((each, index) => binding({ name: `b${index}`, ...each }));
        const rivals = new Rivals();
        for (const each of all) rivals.add(each);
        const removed = all[Math.abs(seed) % all.length];
        if (removed !== undefined) rivals.remove(removed);
        const left = all.filter((each) => each !== removed);
        const sorted = left.toSorted(
          (a, b) =>
            Number(a.mode === 'Observe') - Number(b.mode === 'Observe') ||
            Number(a.discovered) - Number(b.discovered) ||
            a.createdAt - b.createdAt ||
            (a.name < b.name ? -1 : 1),
        );
        assert.deepEqual(
          rivals.under('ns', 'reg.example/app').map(({ name }) => name),
          sorted.map(({ name }) => name),
        );
      }),
    );
  });

  it(`are limited to ${MOST_RIVALS}, and a further binding moves up only when one before it is deleted`, () => {
    const rivals = new Rivals();
    const all = Array.from({ length: MOST_RIVALS + 2 }, (_, index) =>
      binding({ name: `b${index}`, created: index }),
    );
    for (const each of all) rivals.add(each);
    const beyondLimit = () => all.filter((each) => rivals.isBeyondLimit(each)).map(({ name }) => name);
    assert.equal(rivals.under('ns', 'reg.example/app').length, MOST_RIVALS);
    assert.deepEqual(beyondLimit(), [`b${MOST_RIVALS}`, `b${MOST_RIVALS + 1}`]);
    // The binding that moves up is among the affected ones.
    const [first] = all;
    assert.ok(first !== undefined);
    rivals.remove(first);
    assert.ok(rivals.affectedUnder('ns', 'reg.example/app').some(({ name }) => name === `b${MOST_RIVALS}`));
    assert.deepEqual(beyondLimit(), [`b${MOST_RIVALS + 1}`]);
  });

  it('are only those of the same namespace', () => {
    const rivals = new Rivals();
    rivals.add({ ...binding({ name: 'app' }), namespace: 'other' });
    assert.deepEqual(rivals.under('ns', 'reg.example/app'), []);
  });
});

describe('a chain of bindings that replace each other', () => {
  /**
   * The result of {@link replacesChain} for the first of these bindings, and its number of look-ups of replacing bindings.
   */
  function chain(bindings: readonly ValidBinding[]) {
    const rivals = new Rivals();
    for (const each of bindings) rivals.add(each);
    let lookups = 0;
    const [first] = bindings;
    assert.ok(first !== undefined);
    const found = replacesChain(first, (repository) => {
      lookups += 1;
      return rivals.under('ns', previousRepositoryKey(repository));
    });
    return { ...found, lookups };
  }
  const replacing = (name: string, image: string, replaces: readonly string[]) =>
    binding({ name, image: `reg.example/${image}`, replaces: replaces.map((each) => `reg.example/${each}`) });

  const cases: readonly { name: string; bindings: readonly ValidBinding[]; found: string }[] = [
    {
      name: 'that ends',
      bindings: [replacing('a', 'b', ['a']), replacing('b', 'c', ['b'])],
      found: 'Acyclic',
    },
    { name: 'of a binding that replaces nothing', bindings: [replacing('a', 'b', [])], found: 'Acyclic' },
    { name: 'of two', bindings: [replacing('a', 'b', ['a']), replacing('b', 'a', ['b'])], found: 'Cycle' },
    {
      name: 'of three',
      bindings: [replacing('a', 'b', ['a']), replacing('b', 'c', ['b']), replacing('c', 'a', ['c'])],
      found: 'Cycle',
    },
    {
      name: 'that leads into a cycle of others',
      bindings: [replacing('a', 'b', ['a']), replacing('b', 'c', ['b']), replacing('c', 'b', ['c'])],
      found: 'Acyclic',
    },
  ];
  for (const { name, bindings, found } of cases)
    it(`${name} is ${found}`, () => assert.equal(chain(bindings).chain, found));

  it('is followed up to a limit, however long it is', () => {
    const long = (length: number) =>
      chain(Array.from({ length }, (_, index) => replacing(`b${index}`, `r${index + 1}`, [`r${index}`])));
    const [once, twice] = [long(2 * LONGEST_CHAIN), long(4 * LONGEST_CHAIN)];
    assert.equal(once.chain, 'TooLong');
    assert.equal(once.lookups, twice.lookups);
    assert.equal(once.others.length, LONGEST_CHAIN + 1);
  });

  it('does not include bindings that merely replace the same repositories', () => {
    const hubs = Array.from({ length: 16 }, (_, index) => `hub${index}`);
    const sharing = Array.from({ length: 1_000 }, (_, index) => replacing(`b${index}`, `x${index}`, hubs));
    const { chain: found, lookups, others } = chain(sharing);
    assert.deepEqual([found, lookups, others.length], ['Acyclic', 1, 0]);
  });
});

describe('the keys of a binding', () => {
  it('include its image exactly as in the spec, and each previous repository', () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    assert.deepEqual(bindingKeys(binding({ name: 'a', image: `reg.example/app:1@${digest}` })), [
      `reg.example/app@${digest}`,
    ]);
    assert.deepEqual(bindingKeys(binding({ name: 'a', image: 'nginx', replaces: ['old.example/nginx'] })), [
      'docker.io/library/nginx',
      previousRepositoryKey('old.example/nginx'),
    ]);
  });
});
