import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CRDS } from '../../../hack/root.ts';
import { type ControlPlane, startControlPlane } from '../../../hack/testenv/control-plane/control-plane.ts';
import { CONTROLLER_USER, RELEASE, type RunningController } from '../../../hack/testenv/controller.ts';
import { SCAN_TYPES } from '../../../hack/testenv/securecodebox/objects.ts';
import { scanType } from '../../../hack/testenv/securecodebox/scan-types.ts';
import { Cluster, type TestNamespace } from '../../support/cluster/cluster.ts';
import { type Ran, runCommand } from '../../support/cluster/command.ts';
import { until } from '../../support/until.ts';

const CRD = 'customresourcedefinition/imagecredentialbindings.credentials.securecodebox.io';
const SCHEMA = '/spec/versions/0/schema/openAPIV3Schema/properties';

/** `state check` of each line. */
const states = ({ stdout }: Ran) =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/^(\w+) +(.+?) {2}.*$/, '$1 $2'));

describe('check before installation', () => {
  let controlPlane: ControlPlane;
  before(async () => {
    controlPlane = await startControlPlane({ auditLog: true });
  });
  after(async () => controlPlane?.stop());

  it('says what is missing to install, and writes nothing', async () => {
    const ran = await runCommand(controlPlane, ['check', '-A']);
    assert.equal(ran.code, 1, ran.stderr);
    assert.deepEqual(states(ran), [
      'missing CRD',
      'missing secureCodeBox',
      'missing controller',
      'missing leader',
      'ok your rights',
      'ok your rights',
    ]);
    assert.match(ran.stdout, /install the chart: helm install image-credential-binding <chart>/);
    assert.match(ran.stdout, /helm upgrade --install securecodebox-operator oci:/);
    assert.match(ran.stdout, /you may create the cluster-scoped objects of the chart\n/);
    assert.equal(ran.stderr, '');
    const writes = (await controlPlane.auditEvents()).filter(
      ({ user, verb, objectRef }) =>
        user.username === 'admin' &&
        !['get', 'list', 'watch'].includes(verb) &&
        objectRef?.apiGroup !== 'authorization.k8s.io',
    );
    assert.deepEqual(writes, []);
  });

  it('names the rights that a user lacks to install the chart', async () => {
    const account = { namespace: 'default', name: 'installer' };
    await controlPlane.kubectl(['create', 'serviceaccount', account.name]);
    await controlPlane.kubectl([
      'create',
      'clusterrole',
      'lists',
      '--verb=list',
      '--resource=deployments.apps',
    ]);
    await controlPlane.kubectl([
      ...['create', 'clusterrolebinding', 'lists', '--clusterrole=lists'],
      '--serviceaccount=default:installer',
    ]);
    const ran = await runCommand(controlPlane, ['check'], await controlPlane.kubeconfigFor(account));
    assert.equal(ran.code, 1);
    assert.match(
      ran.stdout,
      /^warning +your rights +you may not install the chart: you lack create customresourced/m,
    );
  });

  it('exits with 2 without a connection', async () => {
    const kubeconfig = join(controlPlane.directory, 'nobody.kubeconfig');
    await controlPlane.kubectl([
      'config',
      'set-cluster',
      'x',
      '--server=https://127.0.0.1:1',
      '--kubeconfig',
      kubeconfig,
    ]);
    await controlPlane.kubectl(['config', 'set-context', 'x', '--cluster=x', '--kubeconfig', kubeconfig]);
    await controlPlane.kubectl(['config', 'use-context', 'x', '--kubeconfig', kubeconfig]);
    const ran = await runCommand(controlPlane, ['check'], kubeconfig);
    assert.equal(ran.code, 2, ran.stdout);
    assert.match(
      ran.stderr,
      /^error: expected an answer from the API server at https:\/\/127\.0\.0\.1:1, found none/,
    );
  });
});

describe('check after installation', () => {
  let cluster: Cluster;
  let shop: TestNamespace;
  let controller: RunningController;
  const kubectl = (...args: readonly string[]) => cluster.controlPlane.kubectl(args);
  const check = (args: readonly string[] = ['-n', shop.name], kubeconfig?: string) =>
    runCommand(cluster.controlPlane, ['check', ...args], kubeconfig);
  const patch = (object: string, type: 'json' | 'merge', change: unknown, ...more: readonly string[]) =>
    kubectl('patch', object, `--type=${type}`, `--patch=${JSON.stringify(change)}`, ...more);

  before(async () => {
    // One test takes rights from the controller's ServiceAccount.
    cluster = await Cluster.start({ lacksRights: true });
    controller = await cluster.startController();
    shop = await cluster.namespace();
    await shop.put(SCAN_TYPES, { ...scanType(shop.name, { name: 'trivy-image', command: ['trivy'] }) });
    await shop.scan('app');
    await shop.binding('app', { imagePullSecrets: [] });
    await operator();
    // No kubelet runs the pods.
    await patch(
      `deployment/${RELEASE}`,
      'merge',
      { status: { replicas: 2, readyReplicas: 2 } },
      ...['--subresource=status', '--namespace', RELEASE],
    );
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  /** Creates a Deployment as secureCodeBox's chart does. */
  async function operator(): Promise<void> {
    const labels = { 'control-plane': 'securecodebox-controller-manager' };
    await deployment('securecodebox-controller-manager', 'default', {
      labels,
      container: { image: 'docker.io/securecodebox/operator:5.8.0', name: 'manager' },
    });
    await patch(
      'deployment/securecodebox-controller-manager',
      'merge',
      { status: { replicas: 1, readyReplicas: 1 } },
      ...['--subresource=status', '--namespace', 'default'],
    );
  }

  async function deployment(
    name: string,
    namespace: string,
    { labels, container }: { readonly labels: object; readonly container: object },
  ): Promise<void> {
    const spec = {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [container] } },
    };
    const input = JSON.stringify({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace, labels },
      spec,
    });
    await cluster.controlPlane.kubectl(['apply', '--filename', '-'], { input });
  }

  it('finds nothing to do, and has the same result as JSON', async () => {
    const ran = await check();
    assert.deepEqual([ran.code, ran.stderr], [0, ''], ran.stdout);
    assert.deepEqual(states(ran), [
      'ok CRD',
      'ok secureCodeBox',
      'ok operator',
      'ok controller',
      'ok leader',
      'ok controller rights',
      'ok policy',
      'ok your rights',
      'ok scan types',
    ]);
    assert.match(
      ran.stdout,
      /^ok +CRD +ImageCredentialBinding v1alpha1 is served, with the schema of this command$/m,
    );
    assert.match(
      ran.stdout,
      /^ok +operator +Deployment default\/\S+, version 5\.8\.0; 1 of 1 pod is ready$/m,
    );
    assert.match(
      ran.stdout,
      / watches all namespaces; 2 of 2 pods are ready; version 0\.1\.0, as this command$/m,
    );
    assert.match(
      ran.stdout,
      new RegExp(`^ok +leader +".+" holds the Lease ${RELEASE}/${RELEASE} since `, 'm'),
    );
    assert.match(
      ran.stdout,
      new RegExp(
        `^ok +your rights +you may audit, explain, write bindings, unbind scans in "${shop.name}"$`,
        'm',
      ),
    );
    assert.match(ran.stdout, new RegExp(`^ok +scan types +Trivy's ScanTypes exist in "${shop.name}"$`, 'm'));
    const json = await check(['-n', shop.name, '-o', 'json']);
    const items = JSON.parse(json.stdout) as readonly Readonly<Record<string, unknown>>[];
    assert.deepEqual(
      items.map(({ state, check: what }) => `${state} ${what}`),
      states(ran),
    );
    assert.ok(items.every((item) => Object.keys(item).join() === 'state,check,message,advice'));
  });

  describe('of the CRD', () => {
    const schemas = [
      {
        what: 'is older than the command',
        change: [{ op: 'remove', path: `${SCHEMA}/status/properties/migrations` }],
        says: /^warning +CRD .* is older than this command: it lacks status\.migrations; upgrade the CRD: helm show crds/m,
      },
      {
        what: 'is newer than the command',
        change: [{ op: 'add', path: `${SCHEMA}/spec/properties/later`, value: { type: 'string' } }],
        says: /^warning +CRD .* is newer than this command, which does not know spec\.later; use the version/m,
      },
      {
        what: 'has other rules',
        change: [{ op: 'replace', path: `${SCHEMA}/spec/properties/replaces/maxItems`, value: 2 }],
        says: /^warning +CRD .* its rules for spec\.replaces differ/m,
      },
    ];
    for (const { what, change, says } of schemas) {
      it(`warns about a CRD that ${what}`, async () => {
        await patch(CRD, 'json', change);
        try {
          const ran = await check();
          assert.equal(ran.code, 0, ran.stdout);
          assert.match(ran.stdout, says);
        } finally {
          await cluster.controlPlane.installCrds(globSync(join(CRDS, '*.yaml')));
          await kubectl('replace', '--filename', globSync(join(CRDS, '*.yaml')).join());
        }
      });
    }
  });

  it('reports what a namespace lacks for its scans', async () => {
    const [typeless, wide, bound, empty] = await Promise.all([1, 2, 3, 4].map(() => cluster.namespace()));
    assert.ok(typeless !== undefined && wide !== undefined && bound !== undefined && empty !== undefined);
    await typeless.scan('one', ['reg.example/one']);
    await typeless.scan('nmap', ['reg.example'], { scanSpec: { scanType: 'nmap' } });
    await wide.scan('two', ['reg.example/two'], { scanSpec: { resourceMode: 'clusterWide' } });
    await bound.binding('three');
    const names = [typeless, wide, bound, empty].map(({ name }) => name);
    for (const args of [['-n', names.join(',')], ['-A']]) {
      const ran = await check(args);
      assert.equal(ran.code, 1, ran.stderr);
      const says = [
        `missing +scan types +ScheduledScans in "${typeless.name}" use the ScanType "trivy-image", which does not exist, .*helm upgrade --install trivy \\S+ --namespace ${typeless.name}`,
        `missing +scan types +ScheduledScans in "${wide.name}" use the ClusterScanType "trivy-image", which does not`,
        `missing +scan types +"${bound.name}" has bindings, but no ScanType of Trivy;`,
      ];
      for (const each of says) assert.match(ran.stdout, new RegExp(`^${each}`, 'm'));
      assert.doesNotMatch(ran.stdout, /nmap/);
      const aboutEmpty = new RegExp(
        `^warning +scan types +"${empty.name}" has no ScanType of Trivy, no binding`,
        'm',
      );
      if (args.length === 2) assert.match(ran.stdout, aboutEmpty);
      else assert.doesNotMatch(ran.stdout, aboutEmpty);
    }
  });

  it('reports a policy that is not in force', async () => {
    const name = `validatingadmissionpolicybinding/${RELEASE}`;
    const { stdout } = await kubectl('get', name, '--output=json');
    const { metadata, ...rest } = JSON.parse(stdout) as { readonly metadata: { readonly labels: object } };
    const stored = { ...rest, metadata: { name: RELEASE, labels: metadata.labels } };
    const restore = (change: object = {}) =>
      cluster.controlPlane.kubectl(['apply', '--filename', '-'], {
        input: JSON.stringify({ ...stored, ...change }),
      });
    const says = async () => (await check()).stdout.split('\n').find((line) => / policy /.test(line));
    await kubectl('delete', name);
    assert.match(
      (await says()) ?? '',
      /^missing +policy +no ValidatingAdmissionPolicyBinding with the action Deny/,
    );
    const other = { key: 'kubernetes.io/metadata.name', operator: 'In', values: ['elsewhere'] };
    const matchResources = { namespaceSelector: { matchExpressions: [other] } };
    await restore({ spec: { policyName: RELEASE, validationActions: ['Deny'], matchResources } });
    assert.match(
      (await says()) ?? '',
      new RegExp(`^warning +policy +"${RELEASE}" is not in force in "${shop.name}"`),
    );
    await restore({ spec: { policyName: RELEASE, validationActions: ['Audit'] } });
    assert.match((await says()) ?? '', /^missing +policy/);
    await kubectl('delete', name);
    await restore();
    assert.match((await says()) ?? '', /^ok +policy/);
  });

  it('reports the rights that the ServiceAccount of the controller lacks', async () => {
    const path = '/rules';
    const { stdout } = await kubectl('get', 'clusterrole', RELEASE, '--output=json');
    const { rules } = JSON.parse(stdout) as {
      readonly rules: readonly { readonly resources: readonly string[] }[];
    };
    const fewer = rules.filter(({ resources }) => !resources.includes('scheduledscans/status'));
    await patch(`clusterrole/${RELEASE}`, 'json', [{ op: 'replace', path, value: fewer }]);
    const ran = await until(async () => {
      const result = await check();
      return result.code === 1 ? result : undefined;
    }, 'the right to be gone');
    assert.match(
      ran.stdout,
      new RegExp(
        `^missing +controller rights +the ServiceAccount ${RELEASE}/${RELEASE} lacks patch scheduledscans/status;`,
        'm',
      ),
    );
    await patch(`clusterrole/${RELEASE}`, 'json', [{ op: 'replace', path, value: rules }]);
    assert.equal(CONTROLLER_USER, `system:serviceaccount:${RELEASE}:${RELEASE}`);
    await until(async () => (await check()).code === 0, 'the right to be back');
  });

  it('warns about another version of the controller, and reports a namespace that it does not watch', async () => {
    const inRelease = ['--namespace', RELEASE];
    const { stdout } = await kubectl('get', 'deployment', RELEASE, '--output=json', ...inRelease);
    const { spec } = JSON.parse(stdout) as {
      readonly spec: {
        readonly template: {
          readonly spec: {
            readonly containers: readonly { readonly args: readonly string[]; readonly image: string }[];
          };
        };
      };
    };
    const [container] = spec.template.spec.containers;
    assert.ok(container !== undefined);
    const path = '/spec/template/spec/containers/0';
    const set = (image: string, args: readonly string[]) =>
      patch(
        `deployment/${RELEASE}`,
        'json',
        [
          { op: 'replace', path: `${path}/image`, value: image },
          { op: 'replace', path: `${path}/args`, value: args },
        ],
        ...inRelease,
      );
    const versions = [
      ['0.0.9', '"0.0.9", which is older than this command \\(0.1.0\\)'],
      ['v0.10.0', '"0.10.0", which is newer than this command'],
    ] as const;
    for (const [tag, says] of versions) {
      await set(`reg.example/controller:${tag}`, container.args);
      const ran = await check();
      assert.equal(ran.code, 0, ran.stdout);
      assert.match(
        ran.stdout,
        new RegExp(`^warning +controller .*; it has version ${says}.*; use the same version`, 'm'),
      );
    }
    await set(`reg.example/controller@sha256:${'0'.repeat(64)}`, [...container.args, '--namespaces=a, b']);
    const unwatched = await check();
    assert.equal(unwatched.code, 1);
    assert.match(
      unwatched.stdout,
      /^ok +controller .* watches "a", "b"; .* version 0\.1\.0, as this command$/m,
    );
    assert.match(
      unwatched.stdout,
      new RegExp(`^missing +controller +no controller watches "${shop.name}", so`, 'm'),
    );
    await set(container.image, container.args);
  });

  it('shows what a user with few rights can see', async () => {
    const account = { namespace: shop.name, name: 'user' };
    await kubectl('create', 'serviceaccount', account.name, '--namespace', shop.name);
    const kubeconfig = await cluster.controlPlane.kubeconfigFor(account);
    const nothing = await check(['-n', shop.name], kubeconfig);
    assert.equal(nothing.code, 0, nothing.stderr);
    assert.deepEqual(
      new Set(
        states(nothing)
          .slice(2)
          .map((line) => line.split(' ')[0]),
      ),
      new Set(['warning']),
    );
    assert.match(nothing.stdout, /^ok +CRD .*its schema is not compared, because you may not get CRDs$/m);
    await kubectl(
      ...['create', 'rolebinding', 'user', `--clusterrole=${RELEASE}-edit`, '--namespace', shop.name],
      `--serviceaccount=${shop.name}:user`,
    );
    const ran = await until(async () => {
      const result = await check(['-n', shop.name], kubeconfig);
      return /you may .*write bindings in/.test(result.stdout) ? result : undefined;
    }, 'the rights to take effect');
    assert.match(
      ran.stdout,
      new RegExp(`^ok +your rights +you may audit, write bindings in "${shop.name}"$`, 'm'),
    );
    assert.match(
      ran.stdout,
      /^warning +your rights +you may not explain: you lack get secrets, list secrets, list scheduledscans;/m,
    );
  });

  it('is neither slowed down nor misled by Deployments of other users', async () => {
    // Lists sort by namespace.
    const namespace = 'aaa';
    await kubectl('create', 'namespace', namespace);
    const labels = { 'app.kubernetes.io/name': RELEASE };
    const patterns = `--scan-types=${'*a'.repeat(10_000)}*,\u001b[2J`;
    const args = [
      'controller',
      patterns,
      '--lease-namespace=../../x',
      '--lease-name=\u202e/y',
      '--namespaces=\u202ez',
    ];
    const names = Array.from({ length: 12 }, (_, index) => `fake-${index}`);
    const container = { name: 'c', image: 'x', args };
    for (const name of names) await deployment(name, namespace, { labels, container });
    const begun = performance.now();
    const ran = await check(['-n', shop.name]);
    assert.ok(performance.now() - begun < 30_000);
    assert.notEqual(ran.code, 2, ran.stderr);
    assert.match(ran.stdout, /^warning +controller +3 more Deployments have the label/m);
    assert.match(ran.stdout, new RegExp(`^ok +controller +Deployment ${RELEASE}/${RELEASE} `, 'm'));
    const named = await check(['-n', shop.name, '--lease-namespace', RELEASE]);
    assert.equal(named.code, 0, named.stdout);
    assert.doesNotMatch(named.stdout, /aaa/);
    assert.doesNotMatch(ran.stdout.replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u);
    for (const name of names) await kubectl('delete', 'deployment', name, '--namespace', namespace);
  });

  describe('of the leader', () => {
    it('says whether the leader renews its Lease, also if clocks differ', async () => {
      await controller.process.stop();
      const stopped = await check();
      assert.equal(stopped.code, 1);
      assert.match(
        stopped.stdout,
        /^missing +leader +no controller holds the Lease .*kubectl logs --namespace/m,
      );
      const lease = `lease/${RELEASE}`;
      const renew = (renewTime: string) =>
        patch(
          lease,
          'merge',
          { spec: { holderIdentity: 'gone', leaseDurationSeconds: 3, renewTime } },
          ...['--namespace', RELEASE],
        );
      await renew('2020-01-01T00:00:00.000000Z');
      const expired = await check();
      assert.equal(expired.code, 1);
      assert.match(
        expired.stdout,
        /^missing +leader +"gone" holds .*, but has not renewed it since 2020-01-01T00:00:00Z;/m,
      );
      let isDone = false;
      const running = check().finally(() => {
        isDone = true;
      });
      for (let second = 0; !isDone; second += 1) {
        await renew(`2021-01-01T00:00:${String(second % 60).padStart(2, '0')}.000000Z`);
        await sleep(200);
      }
      const skewed = await running;
      assert.equal(skewed.code, 0, skewed.stdout);
      assert.match(
        skewed.stdout,
        /^ok +leader +"gone" holds .*; its clock and that of this computer differ$/m,
      );
      await kubectl('delete', lease, '--namespace', RELEASE);
      assert.match((await check()).stdout, /^missing +leader +the Lease .* does not exist/m);
    });

    it('finds a controller without a Deployment by its Lease', async () => {
      await kubectl('delete', 'deployment', RELEASE, '--namespace', RELEASE);
      const without = await check();
      assert.equal(without.code, 1);
      assert.match(without.stdout, /^missing +controller +there is no Deployment/m);
      const other = await cluster.startController();
      const ran = await check();
      assert.equal(ran.code, 0, ran.stdout);
      assert.match(ran.stdout, /^warning +controller .*, but a controller is the leader; its version/m);
      await other.process.stop();
    });
  });

  it('exits with 2 if a namespace does not exist', async () => {
    const ran = await check(['-n', 'nowhere']);
    assert.equal(ran.code, 2);
    assert.match(ran.stderr, /the namespace "nowhere" does not exist; correct --namespace/);
  });
});
