import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { loadAll } from 'js-yaml';
import { tools } from '../../hack/tools.ts';

const repository = join(import.meta.dirname, '../..');

interface Container {
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
}

interface PodSpec {
  readonly containers: readonly Container[];
  readonly volumes?: readonly { readonly name: string; readonly configMap: { readonly name: string } }[];
}

interface Deployment {
  readonly kind: 'Deployment';
  readonly spec: { readonly template: { readonly spec: PodSpec } };
}

/** What the chart makes, as far as tests look into it. */
type Rendered =
  | Deployment
  | {
      readonly kind: 'ClusterRole' | 'Role';
      readonly metadata: { readonly name: string; readonly namespace?: string };
      readonly rules: readonly { readonly resources: readonly string[] }[];
    }
  | { readonly kind: 'ClusterRoleBinding' | 'RoleBinding' | 'ServiceAccount'; readonly metadata: object };

function docs(name: string): string {
  return readFileSync(join(repository, 'docs', name), 'utf8');
}

describe('the chart', () => {
  let helm: string;
  before(async () => {
    helm = (await tools(['helm'], (line) => process.stderr.write(`${line}\n`))).helm;
  });

  /** All objects, with these values. */
  function objects(...values: readonly string[]): readonly Rendered[] {
    const set = values.flatMap((value) => ['--set', value]);
    const chart = join(repository, 'charts/image-credential-binding');
    const args = ['template', 'icb', chart, '--kube-version', '1.30.0', '--namespace', 'icb', ...set];
    const { status, stdout, stderr } = spawnSync(helm, args, { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    return loadAll(stdout) as readonly Rendered[];
  }

  /** What the Deployment runs, with these values. */
  function rendered(...values: readonly string[]): { readonly pod: PodSpec; readonly container: Container } {
    const deployment = objects(...values).find((object) => object.kind === 'Deployment');
    const pod = deployment?.spec.template.spec;
    const container = pod?.containers[0];
    assert.ok(pod !== undefined && container !== undefined);
    return { pod, container };
  }

  /** All flags are checked before the cluster is looked for, and there is none here. */
  function assertTaken({ args }: Container): void {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['src/main.ts', ...args], {
      cwd: repository,
      encoding: 'utf8',
      env: { KUBECONFIG: '/nonexistent/config' },
    });
    assert.equal(stderr, '');
    assert.equal(status, 1);
    assert.match(stdout, /the kubeconfig \(\/nonexistent\/config\) cannot be read/);
  }

  it('gives the controller flags that it takes, as it is', () => {
    const { pod, container } = rendered();
    assertTaken(container);
    assert.ok(container.args.includes('--check-interval=12h'));
    assert.deepEqual([pod.volumes, container.volumeMounts], [undefined, undefined]);
    assert.deepEqual(
      container.env.map(({ name }) => name),
      ['NODE_OPTIONS'],
    );
  });

  it('bounds the heap by what the container may use, with an option that Node takes', () => {
    const [options] = rendered().container.env;
    const script =
      'const most = Math.min(process.constrainedMemory() || Infinity, os.totalmem());' +
      'console.log(v8.getHeapStatistics().heap_size_limit / most)';
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], {
      encoding: 'utf8',
      env: { NODE_OPTIONS: options?.value ?? '' },
    });
    assert.equal(stderr, '');
    const part = Number(stdout);
    assert.ok(part > 0.5 && part < 0.7, stdout);
  });

  it('gives it a list of namespaces, with the same rights in each, and none for the cluster', () => {
    const [, list = ''] = /--set '(namespaces=\{shop,payments\})'/.exec(docs('namespaces.md')) ?? [];
    const values = [list, 'config.discovery.enabled=true', 'config.discovery.markPods=true'];
    const { container } = rendered(...values);
    assertTaken(container);
    assert.ok(container.args.includes('--namespaces=shop,payments'));
    const roles = (all: readonly Rendered[]) =>
      all.flatMap((object) => (object.kind === 'Role' || object.kind === 'ClusterRole' ? [object] : []));
    const made = objects(...values);
    assert.deepEqual(
      made.map(({ kind }) => kind).filter((kind) => kind.startsWith('Cluster')),
      [],
    );
    const places = roles(made).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
    assert.deepEqual(places.sort(), [
      ...['icb/icb-leader-election', 'icb/icb-release'],
      ...['payments/icb', 'payments/icb-release-objects'],
      ...['shop/icb', 'shop/icb-release-objects'],
    ]);
    // A list makes the rule about Namespaces needless, and nothing else.
    const everywhere = roles(objects(...values.slice(1))).find(({ metadata }) => metadata.name === 'icb');
    const wanted = everywhere?.rules.filter(({ resources }) => !resources.includes('namespaces'));
    assert.equal(wanted?.length, (everywhere?.rules.length ?? 0) - 1);
    for (const role of roles(made).filter(({ metadata }) => metadata.name === 'icb'))
      assert.deepEqual(role.rules, wanted);
  });

  it('brings the admission policy unless told otherwise, for the namespaces that are served', () => {
    const [, off = ''] = /--set (policy\.enabled=false)/.exec(docs('policy.md')) ?? [];
    const policies = (...values: readonly string[]) =>
      objects(...values).filter(({ kind }) => kind.startsWith('ValidatingAdmissionPolicy'));
    assert.deepEqual(policies(off), []);
    const kinds = policies().map(({ kind }) => kind);
    assert.deepEqual(kinds, ['ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding']);
    assert.doesNotMatch(JSON.stringify(policies()), /"shop"/);
    assert.match(JSON.stringify(policies('namespaces={shop}')), /"values":\["shop"\]/);
  });

  it('gives it every setting about registries', () => {
    const { pod, container } = rendered(
      'config.registries.checkInterval=6h',
      'config.registries.allowed={*.example,other.example:5000}',
      'config.registries.denied={bad.example}',
      'config.registries.insecure={lab.example:5000}',
      'config.registries.privateRealms={auth.example}',
      'config.registries.caConfigMap=our-ca',
      'config.registries.proxy.https=http://proxy:3128',
      'config.registries.proxy.none=.internal',
    );
    assertTaken(container);
    const expected = [
      '--check-interval=6h',
      '--allowed-registries=*.example,other.example:5000',
      '--denied-registries=bad.example',
      '--insecure-registries=lab.example:5000',
      '--private-realms=auth.example',
      '--registry-ca-file=/etc/registry-ca/ca.crt',
    ];
    for (const flag of expected) assert.ok(container.args.includes(flag), flag);
    assert.deepEqual(pod.volumes, [{ name: 'registry-ca', configMap: { name: 'our-ca' } }]);
    const mount = { name: 'registry-ca', mountPath: '/etc/registry-ca', readOnly: true };
    assert.deepEqual(container.volumeMounts, [mount]);
    assert.deepEqual(container.env.slice(1), [
      { name: 'HTTPS_PROXY', value: 'http://proxy:3128' },
      { name: 'NO_PROXY', value: '.internal' },
    ]);
  });
});
