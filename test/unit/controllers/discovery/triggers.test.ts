import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../../../../src/api/index.ts';
import { type RawBinding, readBinding } from '../../../../src/binding/binding.ts';
import { observe } from '../../../../src/controllers/discovery/observe.ts';
import { connectDiscoveryTriggers } from '../../../../src/controllers/discovery/triggers.ts';
import type { InclusionMode } from '../../../../src/pod/inclusion.ts';
import { type RawScheduledScan, readScheduledScan } from '../../../../src/scan/scheduled-scan.ts';
import { createDiscoveryStores, podProjection } from '../../../../src/state/pod-stores.ts';
import { createStores } from '../../../../src/state/stores.ts';
import { type PodShape, rawPod } from './namespace.ts';

/** A pod, a scan and a discovered binding of `reg.example/app`, and a user-created binding of another image. */
class Stage {
  readonly stores = createStores();
  readonly discoveryStores = createDiscoveryStores();
  /** Delays in milliseconds by enqueued namespace. */
  readonly enqueued = new Map<string, number>();
  /** Size of the last decision, which determines the delay. */
  size = 0;
  readonly #project = podProjection('enabled-per-namespace');
  #version = 0;

  constructor() {
    this.pod();
    this.scan('reg.example/app:1');
    this.binding('found', { discovered: true });
    this.binding('mine', { spec: { image: 'reg.example/mine:1.0' } });
    const queue = {
      addAfter: (key: string, milliseconds: number) => void this.enqueued.set(key, milliseconds),
    };
    connectDiscoveryTriggers(this.stores, this.discoveryStores, queue, () => this.size);
  }

  pod(shape: Partial<PodShape> = {}): void {
    const pod = this.#project(
      rawPod({ workload: 'Deployment/web', image: 'reg.example/app:1', secrets: ['pull'], ...shape }),
    );
    if (pod !== undefined) this.discoveryStores.pods.set({ ...pod, ...this.#meta('pod') });
  }

  scan(image: string, name = 'scan'): void {
    const raw: RawScheduledScan = {
      metadata: this.#meta(name),
      spec: { interval: '1h', scanSpec: { scanType: 'trivy-image', parameters: [image] } },
    };
    this.stores.scheduledScans.set(readScheduledScan(raw));
  }

  binding(
    name: string,
    more: {
      readonly discovered?: boolean;
      readonly generation?: number;
      readonly annotations?: Readonly<Record<string, string>>;
      readonly ready?: 'True' | 'False';
      readonly spec?: Partial<RawBinding['spec']>;
    } = {},
  ): void {
    const { discovered = false, generation = 1, annotations = {}, ready, spec = {} } = more;
    const labels: Record<string, string> = discovered ? { [MANAGED_BY_LABEL]: MANAGED_BY } : {};
    const lastTransitionTime = '2026-01-01T00:00:00Z';
    const condition = {
      type: 'Ready',
      reason: 'Ready',
      message: '',
      lastTransitionTime,
      observedGeneration: 1,
    };
    this.stores.bindings.set(
      readBinding({
        metadata: { ...this.#meta(name), generation, labels, annotations },
        spec: { image: 'reg.example/app', imagePullSecrets: [{ name: 'pull' }], ...spec },
        status: ready === undefined ? {} : { conditions: [{ ...condition, status: ready }] },
      }),
    );
  }

  observe(mode: InclusionMode = 'all', markPods = false) {
    const settings = { mode, graceMs: 1, markPods };
    return observe(
      'ns',
      { stores: this.stores, discoveryStores: this.discoveryStores, settings },
      { now: 0, missingSince: new Map() },
    );
  }

  optIn(): void {
    this.discoveryStores.namespaces.set({ ...this.#meta('ns'), namespace: '' });
  }

  #meta(name: string) {
    this.#version += 1;
    return { namespace: 'ns', name, uid: `uid-${name}`, resourceVersion: String(this.#version) };
  }
}

describe('a namespace is enqueued', () => {
  const workloads = { 'credentials.securecodebox.io/workloads': 'Deployment/web/app' };
  const cases: readonly (readonly [what: string, change: (stage: Stage) => void, isEnqueued: boolean])[] = [
    ['a pod uses another repository', (stage) => stage.pod({ image: 'reg.example/other' }), true],
    ['a pod uses another version', (stage) => stage.pod({ image: 'reg.example/app:2' }), false],
    ['a pod ends', (stage) => stage.pod({ phase: 'Failed' }), true],
    ['the namespace is opted in', (stage) => stage.optIn(), true],
    ['a scan is created', (stage) => stage.scan('reg.example/app:1', 'second'), true],
    ['a scan names another repository', (stage) => stage.scan('reg.example/other'), true],
    ['a scan names another version', (stage) => stage.scan('reg.example/app:2'), false],
    ['a binding is created', (stage) => stage.binding('third'), true],
    ['a spec changes', (stage) => stage.binding('found', { discovered: true, generation: 2 }), true],
    ['a label is removed', (stage) => stage.binding('found'), true],
    [
      'an annotation changes',
      (stage) => stage.binding('found', { discovered: true, annotations: workloads }),
      true,
    ],
    ['a binding becomes Ready', (stage) => stage.binding('found', { discovered: true, ready: 'True' }), true],
    [
      'a status changes in another way',
      (stage) => stage.binding('found', { discovered: true, ready: 'False' }),
      false,
    ],
  ];
  for (const [what, change, isEnqueued] of cases) {
    it(`${isEnqueued ? 'when' : 'not when'} ${what}`, () => {
      const stage = new Stage();
      change(stage);
      assert.deepEqual([...stage.enqueued.keys()], isEnqueued ? ['ns'] : []);
    });
  }

  it('after 250 milliseconds, or later if the namespace is large', () => {
    const stage = new Stage();
    const waits = [0, 2_500, 50_000].map((size) => {
      stage.size = size;
      stage.scan('reg.example/app:1', `scan-${size}`);
      return stage.enqueued.get('ns');
    });
    assert.deepEqual(waits, [250, 250, 5_000]);
  });
});

describe('the observation of a namespace', () => {
  it('has pods only if the namespace is opted in', () => {
    const stage = new Stage();
    assert.equal(stage.observe('enabled-per-namespace').pods.length, 0);
    assert.equal(stage.observe('all').pods.length, 1);
    stage.optIn();
    assert.equal(stage.observe('enabled-per-namespace').pods.length, 1);
  });

  it('separates discovered from user-created bindings, with their repositories', () => {
    const stage = new Stage();
    const annotations = {
      'credentials.securecodebox.io/workloads': 'Deployment/web/app,Pod/app',
      'credentials.securecodebox.io/unused-since': '2026-01-01T00:00:00Z',
    };
    stage.binding('found', {
      discovered: true,
      annotations,
      spec: { image: 'nginx', replaces: ['old'] },
    });
    stage.binding('mine', { annotations, spec: { replaces: ['redis'] } });
    stage.binding('broken', { spec: { image: 'No Image' } });
    stage.binding('pinned', { spec: { image: `reg.example/app@sha256:${'1'.repeat(64)}` } });
    const { discovered, userCreated, isScanned } = stage.observe();
    assert.deepEqual(
      discovered.map(({ repository, replaces, users, unusedSince }) => [
        repository,
        replaces,
        users,
        unusedSince,
      ]),
      [
        [
          'docker.io/library/nginx',
          ['docker.io/library/old'],
          ['Deployment/web/app', 'Pod/app'],
          Date.parse('2026-01-01T00:00:00Z'),
        ],
      ],
    );
    assert.deepEqual(
      userCreated.map(({ name, repository, replaces }) => [name, repository, replaces]),
      [
        ['mine', 'reg.example/app', ['docker.io/library/redis']],
        ['broken', undefined, []],
        ['pinned', undefined, []],
      ],
    );
    assert.deepEqual([isScanned('reg.example/app'), isScanned('reg.example/other')], [true, false]);
  });

  it('has the bindings that are Ready only if pods are to be annotated', () => {
    const stage = new Stage();
    stage.binding('found', { discovered: true, ready: 'True' });
    assert.equal(stage.observe().readyBindings, undefined);
    assert.deepEqual(stage.observe('all', true).readyBindings, new Set(['found']));
  });
});
