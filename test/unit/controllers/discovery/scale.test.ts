import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decide } from '../../../../src/controllers/discovery/decide.ts';
import type { DiscoveredBinding, ObservedNamespace } from '../../../../src/controllers/discovery/observed.ts';
import { Interned } from '../../../../src/pod/interned.ts';
import { type Pod, readPod } from '../../../../src/pod/pod.ts';
import type { PodUse } from '../../../../src/pod/use.ts';
import { operationsOf } from '../../../support/operations.ts';
import { GRACE, Namespace, rawPod } from './namespace.ts';

const uses = new Interned<PodUse>();

function observed(more: Partial<ObservedNamespace>): ObservedNamespace {
  const now = Date.parse('2026-01-01T00:00:00Z');
  const empty = {
    pods: [],
    discovered: [],
    userCreated: [],
    missingSince: new Map(),
    readyBindings: new Set<string>(),
  };
  return { now, graceMs: GRACE, isScanned: () => true, ...empty, ...more };
}

function own(index: number, more: Partial<DiscoveredBinding>): DiscoveredBinding {
  return {
    ...{ namespace: 'ns', name: `own-${index}`, uid: `uid-${index}`, resourceVersion: '1' },
    ...{ repository: repository(index), imagePullSecrets: ['pull'], replaces: [], users: [] },
    unusedSince: undefined,
    ...more,
  };
}

function repository(index: number): string {
  return `reg.example/app-${index}`;
}

function pod(index: number, images: readonly string[]): Pod {
  const [image = '', ...others] = images;
  return readPod(
    rawPod({
      ...{
        name: `pod-${index}`,
        workload: `Deployment/web-${index}`,
        image,
        secrets: ['pull'],
        at: 100 + index,
      },
      images: Object.fromEntries(others.map((each, place) => [`c${place}`, each])),
    }),
    uses,
  );
}

function times<Item>(count: number, make: (index: number) => Item): readonly Item[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** Namespaces of a given size, each of a kind that once took quadratic time. */
const SHAPES: Readonly<Record<string, (count: number) => ObservedNamespace>> = {
  'ordinary pods and bindings': (count) =>
    observed({
      pods: times(count, (index) => pod(index, [repository(index)])),
      discovered: times(count, (index) => own(index, { users: [`Deployment/web-${index}/app`] })),
    }),
  'bindings that replace each other in layers': (count) =>
    observed({ discovered: times(count, (index) => own(index, { replaces: layer(index) })) }),
  'layered bindings whose images no scan names': (count) =>
    observed({
      discovered: times(count, (index) => own(index, { replaces: layer(index) })),
      isScanned: () => false,
    }),
  'bindings that replace each other in one large cycle': (count) =>
    observed({
      discovered: times(count, (index) => own(index, { replaces: [repository((index + 1) % count)] })),
    }),
  'user-created bindings that replace each other in cycles': (count) =>
    observed({
      pods: times(count, (index) => pod(index, [`new.example/app-${index}`])),
      userCreated: times(count, (index) => ({
        ...{ name: `mine-${index}`, repository: repository(index) },
        replaces: times(16, (way) => repository((index * 7 + way * 13 + 1) % count)),
      })),
    }),
  'bindings that all list the same users': (count) =>
    observed({
      pods: times(20, (index) => pod(index, [`new.example/app-${index}`])),
      discovered: times(count, (index) =>
        own(index, { users: times(20, (user) => `Deployment/web-${user}/app`), replaces: layer(index) }),
      ),
    }),
  'pods with a hundred containers each': (count) =>
    observed({
      pods: times(count / 10, (index) =>
        pod(
          index,
          times(100, (place) => repository(index * 100 + place)),
        ),
      ),
    }),
};

function layer(index: number): readonly string[] {
  return times(16, (way) => repository((Math.floor(index / 16) + 1) * 16 + way));
}

describe('a decision on a namespace', () => {
  for (const [title, shape] of Object.entries(SHAPES)) {
    it(`of twice the size takes twice as many operations: ${title}`, () => {
      const [once = 0, twice = 0] = [200, 400].map((count) => {
        const namespace = shape(count);
        return operationsOf(() => decide(namespace));
      });
      assert.ok(once > 200 && twice < 2.2 * once, `${once} and ${twice}`);
    });
  }

  it('reads 20,000 different containers, and reports the first pod beyond that limit', () => {
    const pods = times(505, (index) =>
      pod(
        1_000 + index,
        times(100, (place) => repository(place)),
      ),
    );
    const { problems, writes } = decide(observed({ pods }));
    assert.deepEqual(
      problems.map(({ about, reason }) => [about.kind === 'Pod' && about.pod.name, reason]),
      [['pod-1200', 'NotDiscovered']],
    );
    assert.match(
      problems[0]?.note ?? '',
      /^Discovery reads at most 20000 different containers per namespace.*Create bindings/,
    );
    assert.equal(writes.flat().length, 100);
  });

  it('creates at most 5,000 bindings, and reports the first image without one', () => {
    const pods = times(51, (index) =>
      pod(
        100 + index,
        times(100, (place) => repository(index * 100 + place)),
      ),
    );
    const { problems, writes } = decide(observed({ pods }));
    assert.equal(writes.flat().length, 5_000);
    assert.deepEqual(
      problems.map(({ reason }) => reason),
      ['NotDiscovered'],
    );
    assert.match(
      problems[0]?.note ?? '',
      /^Discovery creates at most 5000 bindings per namespace, so it creates none for reg\.example\/app-\d+\. Create/,
    );
  });

  it('reports omitted replacements on a binding, and then leaves the namespace unchanged', () => {
    const count = 4_000;
    const namespace = new Namespace();
    for (let index = 0; index < count; index += 1) {
      const replaces = times(16, (way) => repository((index * 7 + way * 13 + 1) % count));
      namespace.addDiscovered(repository(index), { replaces }).scans.add(repository(index));
    }
    const { problems } = namespace.decide();
    assert.deepEqual(
      problems.map(({ about, reason }) => [about.kind, reason]),
      [['Binding', 'NotDiscovered']],
    );
    assert.match(problems[0]?.note ?? '', /^Discovery omits entries from spec\.replaces/);
    namespace.settle();
  });
});
