import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { includesPod, modeWithin } from '../../../src/discovery/inclusion.ts';
import { Interned } from '../../../src/discovery/interned.ts';
import { bindingNames } from '../../../src/discovery/name.ts';
import { type PodUse, type RawPod, readPod } from '../../../src/discovery/pod.ts';
import { workloadOf } from '../../../src/discovery/workload.ts';
import { type PodShape, rawPod } from './namespace.ts';

const HEX = '0123456789abcdef'.repeat(4);
const DIGEST = `sha256:${HEX}`;
const read = (pod: RawPod) => readPod(pod, new Interned<PodUse>()).use;

describe('what a pod uses', () => {
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
      'a digest alone, of an image that the runtime knows',
      { image: DIGEST, imageID: `reg.example/app@${DIGEST}` },
      'reg.example/app',
      undefined,
    ],
    ['a digest alone', { image: DIGEST }, '', /^container app: its image is a digest without a repository/],
    ['64 hex digits', { image: HEX }, '', /digest without a repository/],
    [
      'upper case',
      { image: 'reg.example/App:1' },
      '',
      /^container app: Not an image reference: .*Write it in lower case/,
    ],
    ['a scheme', { image: `docker://reg.example/app@${DIGEST}` }, '', /without a scheme/],
    [
      'anything',
      { image: 'x y', images: { second: 'reg.example/app' } },
      'reg.example/app',
      /Not an image reference/,
    ],
    [
      'a secret whose name is none',
      { image: 'reg.example/app', secrets: ['My_Secret', 'pull'] },
      'reg.example/app',
      /not the name of a Secret/,
    ],
  ];
  for (const [what, shape, repositories, problems] of cases) {
    it(`is told from ${what}`, () => {
      const use = read(rawPod(shape));
      const shown = use.containers.map(({ repository, reported }) =>
        reported === undefined ? repository : `${repository} = ${reported}`,
      );
      assert.equal(shown.join(), repositories);
      assert.match(use.problems.join(' '), problems ?? /^$/);
      assert.ok(!use.imagePullSecrets.includes('My_Secret'));
    });
  }

  it('is told of every kind of container, of a hundred, and of a pod that says nothing', () => {
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

  it('is told from the status of every kind of container', () => {
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
    const { kind = 'nobody', name = '' } = pod.metadata.ownerReferences?.[1] ?? {};
    it(`of ${kind} ${name.slice(0, 40)} with ${Object.keys(pod.metadata.labels ?? {})} is ${workload}`, () => {
      assert.deepEqual(workloadOf(pod), { name: workload, templated });
    });
  }
});

describe('which pods are looked at', () => {
  const pod = (annotations: Record<string, string>, labels: Record<string, string> = {}): RawPod => ({
    metadata: { name: 'p', annotations, labels },
  });
  const enabled = { 'auto-discovery.securecodebox.io/enabled': 'true' };
  const ignored = { 'auto-discovery.securecodebox.io/ignore': 'true' };
  const theirs = { 'app.kubernetes.io/managed-by': 'securecodebox-autodiscovery' };
  const cases = [
    ['a plain pod', pod({}), [true, false, true]],
    ['one that is enabled', pod(enabled), [true, true, true]],
    ['one that is enabled and ignored', pod({ ...enabled, ...ignored }), [false, false, false]],
    ["one of secureCodeBox's own", pod(enabled, theirs), [false, false, false]],
    ['one of its scans', pod({}, { 'app.kubernetes.io/managed-by': 'securecodebox' }), [false, false, false]],
    ['one that others manage', pod({}, { 'app.kubernetes.io/managed-by': 'Helm' }), [true, false, true]],
    ['one that says no', pod({ 'auto-discovery.securecodebox.io/enabled': 'false' }), [true, false, true]],
  ] as const;
  for (const [what, each, expected] of cases) {
    it(`for ${what}`, () => {
      const modes = ['enabled-per-namespace', 'enabled-per-resource', 'all'] as const;
      assert.deepEqual(
        modes.map((mode) => includesPod(mode, each)),
        expected,
      );
    });
  }

  it('takes a list of namespaces for the opt-in of each of them, and of their pods for none', () => {
    const modes = ['enabled-per-namespace', 'enabled-per-resource', 'all'] as const;
    assert.deepEqual(
      modes.map((mode) => modeWithin(['team-a'], mode)),
      ['all', 'enabled-per-resource', 'all'],
    );
    assert.deepEqual(
      modes.map((mode) => modeWithin('all', mode)),
      modes,
    );
  });
});

describe("a binding's name", () => {
  it('is readable, valid, and another for each repository', () => {
    const long = `reg.example/${'team.a__b/'.repeat(20)}app`;
    const repositories = [
      'docker.io/library/nginx',
      'quay.io/library/nginx',
      'reg.example:5000/a/b',
      'reg.example:5000/a-b',
      long,
      `reg.example/a/${'b'.repeat(47)}`,
    ];
    const names = repositories.map((repository) => bindingNames(repository).next().value ?? '');
    assert.equal(new Set(names).size, names.length);
    for (const name of names) assert.match(name, /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/);
    assert.match(names[0] ?? '', /^nginx-[0-9a-f]{8}$/);
  });
});
