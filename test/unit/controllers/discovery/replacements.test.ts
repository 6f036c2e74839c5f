import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type Replacement,
  ReplacementGraph,
} from '../../../../src/controllers/discovery/replacements/graph.ts';
import { operationsOf } from '../../../support/operations.ts';

const repository = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
const replacement: fc.Arbitrary<Replacement> = fc.tuple(repository, repository);
const replacements = fc.array(replacement, { maxLength: 20 });

/** Whether `from` is `to`, or replaces it directly or through others; a simple reference implementation. */
function reaches(all: readonly Replacement[], from: string, to: string): boolean {
  const reached = new Set([from]);
  for (const next of reached) for (const [by, replaced] of all) if (by === next) reached.add(replaced);
  return reached.has(to);
}

function graphOf(all: readonly Replacement[]): ReplacementGraph {
  const graph = new ReplacementGraph();
  for (const [to, from] of all) graph.add(to, from);
  return graph;
}

/** Each repository replaces 16 others, and all replace each other in cycles. */
function tangle(count: number): readonly Replacement[] {
  return Array.from({ length: count * 16 }, (_, index): Replacement => {
    const [to, way] = [Math.floor(index / 16), index % 16];
    return [`r${to}`, `r${(to * 7 + way * 13 + 1) % count}`];
  });
}

/** The sixteen repositories of each layer replace all of the next layer. */
function layers(count: number): readonly Replacement[] {
  return Array.from({ length: count * 16 }, (_, index): Replacement => {
    const [to, way] = [Math.floor(index / 16), index % 16];
    return [`r${to}`, `r${(Math.floor(to / 16) + 1) * 16 + way}`];
  });
}

function chain(count: number): readonly Replacement[] {
  return Array.from({ length: count }, (_, index): Replacement => [`r${index}`, `r${index + 1}`]);
}

describe('replacements', () => {
  it('are added one after another, except those that would close a cycle', () => {
    fc.assert(
      fc.property(replacements, replacements, (required, added) => {
        const graph = graphOf(required);
        graph.addAcyclic(added);
        const expected = [...required];
        for (const [to, from] of added) if (!reaches(expected, from, to)) expected.push([to, from]);
        for (const to of 'abcdef') {
          const froms = expected.filter(([by]) => by === to).map(([, from]) => from);
          assert.deepEqual(graph.of(to), [...new Set(froms)].sort());
        }
        assert.deepEqual(graph.omitted, []);
      }),
    );
  });

  it('assign two repositories to the same cycle if and only if each replaces the other', () => {
    fc.assert(
      fc.property(replacements, repository, repository, (all, one, other) => {
        const cycles = graphOf(all).components();
        const [mine, others] = [cycles.get(one), cycles.get(other)];
        if (mine === undefined || others === undefined) return;
        assert.equal(mine === others, reaches(all, one, other) && reaches(all, other, one));
      }),
    );
  });

  const shapes: Readonly<Record<string, (count: number) => readonly Replacement[]>> = {
    layers,
    chain,
    tangle,
  };
  for (const [title, shape] of Object.entries(shapes)) {
    it(`of twice as many repositories take twice as many operations: ${title}`, () => {
      const [once, twice] = [1_000, 2_000].map((count) => {
        const all = shape(count);
        return {
          cycles: operationsOf(() => graphOf(all).components()),
          add: operationsOf(() => new ReplacementGraph().addAcyclic(all)),
        };
      });
      assert.ok(once !== undefined && twice !== undefined);
      assert.ok(once.cycles > 1_000 && twice.cycles <= 2.1 * once.cycles, JSON.stringify([once, twice]));
      assert.ok(twice.add <= 2.1 * once.add, JSON.stringify([once, twice]));
    });
  }

  it('that take too long to check are left out and reported, and no cycle remains', () => {
    const graph = new ReplacementGraph();
    const all = tangle(4_000);
    graph.addAcyclic([['a', 'b'], ...all]);
    assert.deepEqual(graph.of('a'), ['b']);
    assert.ok(graph.omitted.length > 0 && graph.omitted.length < all.length);
    const cycles = graph.components();
    const added = all.filter(([to, from]) => graph.of(to).includes(from));
    assert.ok(added.every(([to, from]) => cycles.get(to) !== cycles.get(from)));
  });

  it('beyond 100,000 are left out and reported', () => {
    const graph = new ReplacementGraph();
    const all = Array.from({ length: 150_000 }, (_, index): Replacement => ['to', `from-${index}`]);
    graph.addAcyclic(all);
    assert.equal(graph.of('to').length, 100_000);
    assert.deepEqual(graph.omitted, [['to', 'from-100000']]);
  });
});
