import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { includesPod } from '../../../src/pod/inclusion.ts';
import { Interned } from '../../../src/pod/interned.ts';
import { readPod } from '../../../src/pod/pod.ts';
import type { RawPod } from '../../../src/pod/raw-pod.ts';
import type { PodUse } from '../../../src/pod/use.ts';
import { workloadOf } from '../../../src/pod/workload.ts';
import { type PodShape, rawPod } from '../controllers/discovery/namespace.ts';

const HEX = '0123456789abcdef'.repeat(4);
const DIGEST = `sha256:${HEX}`;
const read = (pod: RawPod) => readPod(pod, new Interned<PodUse>()).use;

describe('the use of a pod', () => {
  const cases: readonly (readonly [
    what: string,
    shape: PodShape,
    repositories: string,
    problems: RegExp | undefined,
  ])[] = [
    ['a tag', { image: 'reg.example/app:1' }, 'reg.example/app', undefined],
    ["Docker's short form", { image: 'nginx' }, 'docker.io/library/nginx', undefined],
    ['a digest', { image: `reg.example/app@${DIGEST}` }, 'reg.example/app', undefined],
    ['no image yet', { image: '' }, '', undefined],
    [
      'a container that has not started',
      { image: 'reg.example/app', imageID: '' },
      'reg.example/app',
      undefined,
    ],
    ['an ID of a loaded image', { image: 'reg.example/app', imageID: DIGEST }, 'reg.example/app', undefined],
    [
      'an ID that cannot be read',
      { image: 'reg.example/app', imageID: 'x://y z' },
      'reg.example/app',
      undefined,
    ],
    [
      'another repository in the image ID',
      { image: 'reg.example/app:1', imageID: `docker-pullable://mirror.example/app@${DIGEST}` },
      'reg.example/app = mirror.example/app',
      undefined,
    ],
    [
      'another repository with another digest',
      { image: `reg.example/app@sha256:${'1'.repeat(64)}`, imageID: `mirror.example/app@${DIGEST}` },
      'reg.example/app',
      undefined,
    ],
    [
      'another repository without a digest',
      { image: 'reg.example/app', imageID: 'mirror.example/app:1' },
      'reg.example/app',
      undefined,
    ],
    [
      'a bare digest of an image that the runtime knows',
      { image: DIGEST, imageID: `reg.example/app@${DIGEST}` },
      'reg.example/app',
      undefined,
    ],
    ['a bare digest', { image: DIGEST }, '', /^container app: its image is a digest without a repository/],
    ['64 hex digits', { image: HEX }, '', /digest without a repository/],
    [
      'upper case',
      { image: 'reg.example/App:1' },
      '',
      /^container app: Not an image reference: .*Write it in lower case/,
    ],
    ['a scheme', { image: `docker://reg.example/app@${DIGEST}` }, '', /without a scheme/],
    [
      'invalid text',
      { image: 'x y', images: { second: 'reg.example/app' } },
      'reg.example/app',
      /Not an image reference/,
    ],
    [
      'an invalid name of a secret',
      { image: 'reg.example/app', secrets: ['My_Secret', 'pull'] },
      'reg.example/app',
      /not a valid Secret name/,
    ],
  ];
  for (const [what, shape, repositories, problems] of cases) {
    it(`is read from ${what}`, () => {
      const use = read(rawPod(shape));
      const shown = use.containers.map(({ repository, reported }) =>
        reported === undefined ? repository : `${repository} = ${reported}`,
      );
      assert.equal(shown.join(), repositories);
      assert.match(use.problems.join(' '), problems ?? /^$/);
      assert.ok(!use.imagePullSecrets.includes('My_Secret'));
    });
  }

  it('includes every kind of container, up to a hundred, and none of a pod without a spec', () => {
    const images = Object.fromEntries(
      Array.from({ length: 99 }, (_, index) => [`c${index}`, `reg.example/c${index}`]),
    );
    assert.equal(read(rawPod({ image: 'nginx', images })).containers.length, 100);
    const pod: RawPod = {
      metadata: { name: 'p', namespace: 'ns' },
      spec: {
        initContainers: [{ name: 'i', image: 'a/i' }],
        ephemeralContainers: [{ name: 'e', image: 'a/e' }],
      },
    };
    assert.deepEqual(
      read(pod).containers.map(({ name, ephemeral }) => [name, ephemeral]),
      [
        ['i', undefined],
        ['e', true],
      ],
    );
    assert.deepEqual(read({ metadata: { name: 'p' } }).containers, []);
  });

  it('is read from the status of every kind of container', () => {
    const container = (name: string) => ({ name, image: DIGEST });
    const status = (name: string) => ({ name, imageID: `reg.example/${name}@${DIGEST}` });
    const pod: RawPod = {
      metadata: { name: 'p' },
      spec: {
        containers: [container('app')],
        initContainers: [container('init')],
        ephemeralContainers: [container('debug')],
      },
      status: {
        containerStatuses: [status('app')],
        initContainerStatuses: [status('init')],
        ephemeralContainerStatuses: [status('debug')],
      },
    };
    assert.deepEqual(
      read(pod).containers.map(({ repository }) => repository),
      ['reg.example/app', 'reg.example/init', 'reg.example/debug'],
    );
  });
});

describe('the projection of a pod', () => {
  const many = (count: number, image = 'reg.example/app') =>
    Object.fromEntries(Array.from({ length: count - 1 }, (_, index) => [`c${index}`, `${image}${index}`]));

  it('includes at most 100 containers, and a problem if the pod has more', () => {
    const whole = read(rawPod({ image: 'nginx', images: many(100) }));
    assert.deepEqual([whole.containers.length, whole.problems], [100, []]);
    const more = read(
      rawPod({ image: 'nginx', images: many(99), ephemeral: { debug: 'a/b', other: 'a/c' } }),
    );
    assert.deepEqual([more.containers.length, more.containers.at(-1)?.ephemeral], [100, true]);
    assert.match(
      more.problems.join(),
      /^Discovery reads at most the first 100 containers, but the pod has 101\. Create bindings for/,
    );
  });

  it('includes at most 32 pull secrets, and a problem if the pod names more', () => {
    const secrets = Array.from({ length: 40 }, (_, index) => `s${index}`);
    const whole = read(rawPod({ image: 'nginx', secrets: secrets.slice(0, 32) }));
    assert.deepEqual([whole.imagePullSecrets.length, whole.problems], [32, []]);
    const more = read(rawPod({ image: 'nginx', secrets: ['Not_A_Name', ...secrets] }));
    assert.deepEqual(more.imagePullSecrets, secrets.slice(0, 32));
    assert.match(
      more.problems.join(' '),
      /^Discovery reads at most the first 32 imagePullSecrets, but the pod names 40\. N/,
    );
    assert.match(more.problems.join(' '), /An entry of imagePullSecrets is not a valid Secret name/);
  });

  it('includes at most three problems of bounded length, and the number of further ones', () => {
    const { problems } = read(rawPod({ image: 'nginx', images: many(100, `UPPER/${'é'.repeat(10_000)}`) }));
    assert.equal(problems.length, 4);
    assert.equal(problems[3], '96 more problems are not listed.');
    for (const problem of problems) assert.ok(problem.length < 2_000);
  });

  it('includes the annotation with binding names only if its length is plausible', () => {
    const names = `${'n'.repeat(253)},${'m'.repeat(253)}`;
    const images = { second: 'redis' };
    assert.equal(read(rawPod({ image: 'nginx', images, marked: names })).marked, names);
    assert.equal(read(rawPod({ image: 'nginx', images, marked: 'x'.repeat(200_000) })).marked, '');
    assert.equal(read(rawPod({ image: 'nginx' })).marked, undefined);
  });

  it('is less than 128 KiB, whatever the API server has stored', () => {
    fc.assert(
      fc.property(rawPods, (pod) => {
        const { containers, imagePullSecrets, problems, workload } = read(pod);
        assert.ok(containers.length <= 100 && imagePullSecrets.length <= 32 && problems.length <= 6);
        assert.ok(workload.length <= 63 + 1 + 253);
        assert.ok(JSON.stringify({ containers, imagePullSecrets, problems, workload }).length < 128 * 1024);
      }),
    );
  });
});

const texts = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '',
    'nginx',
    DIGEST,
    HEX,
    `reg.example/app@${DIGEST}`,
    'x://y',
    'A/b',
    'ReplicaSet',
    'Job',
    'web-12345678',
  ),
  fc.constantFrom(
    'x'.repeat(300_000),
    `${'a/'.repeat(100_000)}b`,
    `${'a-'.repeat(100_000)}`,
    'a.'.repeat(100_000),
  ),
);
const optional = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
const lists = <Value>(value: fc.Arbitrary<Value>) => optional(fc.array(value, { maxLength: 200 }));
const containers = lists(
  fc.record({ name: fc.stringMatching(/^[a-z]{1,63}$/), image: texts }, { requiredKeys: ['name'] }),
);
const statuses = lists(
  fc.record({ name: fc.constantFrom('a', 'app'), imageID: texts }, { requiredKeys: ['name'] }),
);
const labels = optional(
  fc.dictionary(fc.constantFrom('pod-template-hash', 'rollouts-pod-template-hash', 'x'), texts),
);

/** Pods as the API server stores them. It validates names of containers, but accepts nearly any image and owner. */
const rawPods: fc.Arbitrary<RawPod> = fc
  .record({
    metadata: fc.record({
      name: fc.constant('pod'),
      creationTimestamp: fc.constantFrom('', 'x', '2026-01-01T00:00:00Z', '+275760-09-13T00:00:00Z'),
      labels,
      annotations: optional(
        fc.dictionary(fc.constantFrom('credentials.securecodebox.io/binding', 'x'), texts),
      ),
      ownerReferences: lists(
        fc.record({
          apiVersion: texts,
          kind: texts,
          name: texts,
          uid: texts,
          controller: optional(fc.boolean()),
        }),
      ),
    }),
    spec: optional(
      fc.record({
        imagePullSecrets: lists(fc.record({ name: texts }, { requiredKeys: [] })),
        containers,
        initContainers: containers,
        ephemeralContainers: containers,
      }),
    ),
    status: optional(
      fc.record({
        phase: optional(texts),
        containerStatuses: statuses,
        initContainerStatuses: statuses,
        ephemeralContainerStatuses: statuses,
      }),
    ),
  })
  // As JSON, which has no fields with the value undefined.
  .map((pod) => JSON.parse(JSON.stringify(pod)));

describe('the workload of a pod', () => {
  const owned = (kind: string, name: string, labels: Record<string, string> = {}): RawPod => ({
    metadata: {
      name: 'p',
      labels,
      ownerReferences: [
        { apiVersion: 'v1', kind: 'Other', name: 'x', uid: 'u' },
        { apiVersion: 'v1', kind, name, uid: 'u', controller: true },
      ],
    },
  });
  const cases: readonly (readonly [pod: RawPod, workload: string, templated: boolean])[] = [
    [owned('ReplicaSet', 'web-abc', { 'pod-template-hash': 'abc' }), 'Deployment/web', true],
    [owned('ReplicaSet', 'web-abc', { 'rollouts-pod-template-hash': 'abc' }), 'Rollout/web', true],
    [owned('ReplicaSet', 'web-abc', { 'pod-template-hash': 'def' }), 'ReplicaSet/web-abc', true],
    [owned('ReplicaSet', 'web-abc'), 'ReplicaSet/web-abc', true],
    [owned('StatefulSet', 'db'), 'StatefulSet/db', true],
    [owned('DaemonSet', 'agent'), 'DaemonSet/agent', true],
    [owned('Job', 'report-28500000'), 'CronJob/report', true],
    [owned('Job', 'report-2850000'), 'Job/report-2850000', true],
    [owned('Workflow', 'build'), 'Workflow/build', false],
    [owned('Node', 'node-1'), 'Pod', false],
    [owned('Deployment', 'web,Deployment/api'), 'Pod', false],
    [owned('StatefulSet', 'x'.repeat(300_000)), 'Pod', false],
    [owned('Stateful/Set', 'db'), 'Pod', false],
    [{ metadata: { name: 'p' } }, 'Pod', false],
  ];
  for (const [pod, workload, templated] of cases) {
    const { kind = 'no owner', name = '' } = pod.metadata.ownerReferences?.[1] ?? {};
    it(`of ${kind} ${name.slice(0, 40)} with ${Object.keys(pod.metadata.labels ?? {})} is ${workload}`, () => {
      assert.deepEqual(workloadOf(pod), { name: workload, templated });
    });
  }
});

describe('the pods that discovery includes', () => {
  const pod = (annotations: Record<string, string>, labels: Record<string, string> = {}): RawPod => ({
    metadata: { name: 'p', annotations, labels },
  });
  const enabled = { 'auto-discovery.securecodebox.io/enabled': 'true' };
  const ignored = { 'auto-discovery.securecodebox.io/ignore': 'true' };
  const theirs = { 'app.kubernetes.io/managed-by': 'securecodebox-autodiscovery' };
  const cases = [
    ['a plain pod', pod({}), [true, false, true]],
    ['an enabled pod', pod(enabled), [true, true, true]],
    ['an enabled and ignored pod', pod({ ...enabled, ...ignored }), [false, false, false]],
    ["a pod of secureCodeBox's autodiscovery", pod(enabled, theirs), [false, false, false]],
    [
      "a pod of secureCodeBox's scans",
      pod({}, { 'app.kubernetes.io/managed-by': 'securecodebox' }),
      [false, false, false],
    ],
    ['a pod with another manager', pod({}, { 'app.kubernetes.io/managed-by': 'Helm' }), [true, false, true]],
    ['a disabled pod', pod({ 'auto-discovery.securecodebox.io/enabled': 'false' }), [true, false, true]],
  ] as const;
  for (const [what, each, expected] of cases) {
    it(`depend on the mode as documented for ${what}`, () => {
      const modes = ['enabled-per-namespace', 'enabled-per-resource', 'all'] as const;
      assert.deepEqual(
        modes.map((mode) => includesPod(mode, each)),
        expected,
      );
    });
  }
});
