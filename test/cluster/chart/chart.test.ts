import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { load } from 'js-yaml';
import { chartReadme } from '../../../hack/codegen/chart-readme.ts';
import { CHART, DOCS, ROOT } from '../../../hack/root.ts';
import { assertTaken, Chart, container, type Manifest, podTemplate } from '../../support/cluster/chart.ts';

function docs(name: string): string {
  return readFileSync(join(DOCS, name), 'utf8');
}

describe('the chart', () => {
  let chart: Chart;
  before(async () => {
    chart = await Chart.open();
  });

  it('passes flags that the controller accepts, with the default values', async () => {
    const template = podTemplate(chart.objects());
    const { args, env, volumeMounts } = container(template);
    await assertTaken(container(template));
    assert.ok(args.includes('--check-interval=12h'));
    assert.deepEqual([template.spec.volumes, volumeMounts], [undefined, undefined]);
    assert.deepEqual(
      env.map(({ name }) => name),
      ['NODE_OPTIONS', 'POD_NAME', 'POD_UID'],
    );
  });

  it('limits the heap to a share of the memory limit, with options that Node accepts', () => {
    const [options] = container(podTemplate(chart.objects())).env;
    const script =
      'const most = Math.min(process.constrainedMemory() || Infinity, os.totalmem());' +
      'const live = []; for (let i = 0; i < 3e6; i += 1) live[i % 200_000] = { text: String(i) };' +
      'const young = v8.getHeapSpaceStatistics().find((space) => space.space_name === "new_space");' +
      'console.log(v8.getHeapStatistics().heap_size_limit / most, young.space_size / 2 ** 20)';
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], {
      encoding: 'utf8',
      env: { NODE_OPTIONS: options?.value ?? '' },
    });
    assert.equal(stderr, '');
    const [part = 0, youngMebibytes = 0] = stdout.split(' ').map(Number);
    assert.ok(part > 0.5 && part < 0.7, stdout);
    assert.ok(youngMebibytes <= 16, stdout);
  });

  it('grants the same rights in each listed namespace, and none for the cluster', async () => {
    const [, list = ''] = /--set '(namespaces=\{shop,payments\})'/.exec(docs('namespaces.md')) ?? [];
    // The Job that registers the webhook has rights of its own.
    const admission = 'admission.enabled=false';
    const set = ['config.discovery.enabled=true', 'config.discovery.markPods=true', admission];
    const made = chart.objects({ release: 'image-credential-binding', set: [list, ...set] });
    await assertTaken(container(podTemplate(made)));
    assert.ok(container(podTemplate(made)).args.includes('--namespaces=shop,payments'));
    assert.deepEqual(
      made.map(({ kind }) => kind).filter((kind) => kind === 'ClusterRoleBinding'),
      [],
    );
    const roles = made.filter(({ kind }) => kind === 'Role');
    const name = 'image-credential-binding';
    assert.deepEqual(roles.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).sort(), [
      ...[`icb/${name}-leader-election`, `icb/${name}-unbind`],
      ...[`payments/${name}`, `payments/${name}-unbind-objects`],
      ...[`shop/${name}`, `shop/${name}-unbind-objects`],
    ]);
    // Only the rule about Namespaces is unnecessary with a list.
    const everywhere = chart
      .objects({ namespace: name, release: name, set })
      .find(({ kind, metadata }) => kind === 'ClusterRole' && metadata.name === name);
    const wanted = everywhere?.rules?.filter(({ resources }) => !resources.includes('namespaces'));
    assert.equal(wanted?.length, (everywhere?.rules?.length ?? 0) - 1);
    for (const role of roles.filter(({ metadata }) => metadata.name === name))
      assert.deepEqual(role.rules, wanted);
  });

  it('creates no cluster-scoped object if the values turn them off', () => {
    const [, off = ''] =
      /--set (policy\.enabled=false,userRoles\.enabled=false,admission\.enabled=false)/.exec(
        docs('namespaces.md'),
      ) ?? [];
    const scoped = (...set: readonly string[]) =>
      chart
        .objects({ set: ['namespaces={shop}', ...set] })
        .filter(({ metadata }) => metadata.namespace === undefined);
    assert.equal(scoped().length, 7);
    assert.deepEqual(scoped(off), []);
  });

  describe('and the admission webhook', () => {
    it('registers it by default, and creates nothing of it if the values turn it off', () => {
      const named = (values: object) =>
        chart.objects({ values }).filter(({ metadata }) => /-(?:webhook|register)$/.test(metadata.name));
      const webhooks = (values: object) =>
        chart.objects({ values }).filter(({ kind }) => kind === 'MutatingWebhookConfiguration');
      const flags = (values: object) =>
        container(podTemplate(chart.objects({ values }))).args.filter((arg) => arg.startsWith('--admission'));
      const kinds = named({}).map(({ kind }) => kind);
      for (const kind of ['Service', 'Secret', 'Job']) assert.ok(kinds.includes(kind), kind);
      assert.equal(webhooks({}).length, 1);
      assert.equal(flags({}).length, 2);
      const off = { admission: { enabled: false } };
      assert.deepEqual([named(off), webhooks(off), flags(off)], [[], [], []]);
    });

    it('lets API servers create a Scan after a second without its answer, and call it where the controller works', () => {
      const webhook = (values: object) => {
        const found = chart.objects({ values }).find(({ kind }) => kind === 'MutatingWebhookConfiguration');
        // Helm has rendered the template.
        return (found as unknown as { readonly webhooks: readonly Readonly<Record<string, unknown>>[] })
          .webhooks[0];
      };
      const { failurePolicy, timeoutSeconds, sideEffects, reinvocationPolicy, namespaceSelector } =
        webhook({}) ?? {};
      assert.deepEqual([failurePolicy, timeoutSeconds, sideEffects], ['Ignore', 1, 'None']);
      assert.deepEqual([reinvocationPolicy, namespaceSelector], ['IfNeeded', undefined]);
      const selected = { key: 'kubernetes.io/metadata.name', operator: 'In', values: ['shop', 'team'] };
      assert.deepEqual(webhook({ namespaces: ['shop', 'team'] })?.['namespaceSelector'], {
        matchExpressions: [selected],
      });
    });
  });

  it('creates the admission policy by default, for the configured namespaces', () => {
    const [, off = ''] = /--set (policy\.enabled=false)/.exec(docs('policy.md')) ?? [];
    const policies = (...set: readonly string[]) =>
      chart.objects({ set }).filter(({ kind }) => kind.startsWith('ValidatingAdmissionPolicy'));
    assert.deepEqual(policies(off), []);
    const kinds = policies().map(({ kind }) => kind);
    assert.deepEqual(kinds, ['ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding']);
    assert.doesNotMatch(JSON.stringify(policies()), /"shop"/);
    assert.match(JSON.stringify(policies('namespaces={shop}')), /"values":\["shop"\]/);
  });

  it('passes every setting about registries to the controller', async () => {
    const template = podTemplate(
      chart.objects({
        values: {
          config: {
            registries: {
              checkInterval: '6h',
              allowed: ['*.example', 'other.example:5000'],
              denied: ['bad.example'],
              insecure: ['lab.example:5000'],
              privateRealms: ['auth.example'],
              caConfigMap: '0123',
              caConfigMapKey: 'ca-bundle.crt',
              proxy: { https: 'http://proxy:3128', none: '.internal' },
            },
          },
        },
      }),
    );
    await assertTaken(container(template));
    const expected = [
      '--check-interval=6h',
      '--allowed-registries=*.example,other.example:5000',
      '--denied-registries=bad.example',
      '--insecure-registries=lab.example:5000',
      '--private-realms=auth.example',
      '--registry-ca-file=/etc/registry-ca/ca-bundle.crt',
    ];
    const { args, env, volumeMounts } = container(template);
    for (const flag of expected) assert.ok(args.includes(flag), flag);
    assert.deepEqual(template.spec.volumes, [{ name: 'registry-ca', configMap: { name: '0123' } }]);
    const mount = { name: 'registry-ca', mountPath: '/etc/registry-ca', readOnly: true };
    assert.deepEqual(volumeMounts, [mount]);
    assert.deepEqual(env.slice(3), [
      { name: 'HTTPS_PROXY', value: 'http://proxy:3128' },
      { name: 'NO_PROXY', value: '.internal' },
    ]);
  });

  it("schedules the pods of the Jobs like the controller's pods", () => {
    const wherever = {
      nodeSelector: { pool: 'tools' },
      tolerations: [{ key: 'pool', operator: 'Exists' }],
      affinity: { nodeAffinity: {} },
      // Without quotes, YAML would parse it as a number.
      priorityClassName: '0123',
      imagePullSecrets: [{ name: 'pull' }],
    };
    const pods = { podAnnotations: { 'sidecar.istio.io/inject': 'false' }, podLabels: { team: 'security' } };
    const objects = chart.objects({ values: { ...wherever, ...pods } });
    const jobs = objects.filter(({ kind }) => kind === 'Job');
    assert.equal(jobs.length, 2);
    for (const object of [...jobs, ...objects.filter(({ kind }) => kind === 'Deployment')]) {
      const {
        kind,
        metadata: { name: of },
      } = object;
      const { metadata, spec } = podTemplate([object], kind as 'Deployment' | 'Job');
      for (const [name, value] of Object.entries(wherever))
        assert.deepEqual(spec[name], value, `${of}: ${name}`);
      assert.deepEqual(metadata.annotations, pods.podAnnotations);
      assert.equal(metadata.labels['team'], 'security');
    }
  });

  it('gives the requests of the Jobs as long as those of the controller, because no user waits', () => {
    const jobs = chart.objects().filter(({ kind }) => kind === 'Job');
    assert.equal(jobs.length, 2);
    for (const job of jobs) {
      const { args } = container(podTemplate([job], 'Job'));
      assert.ok(args.includes('--request-timeout=30s'), args.join(' '));
    }
  });

  it('does not let values override the labels that select its pods', () => {
    const objects = chart.objects({ values: { podLabels: { 'app.kubernetes.io/instance': 'other' } } });
    const { labels } = podTemplate(objects).metadata;
    for (const selector of podSelectors(objects)) {
      for (const [name, value] of Object.entries(selector)) assert.equal(labels[name], value);
    }
    assert.equal(podSelectors(objects).length, 5);
  });

  it('spreads the pods of one template over nodes by default', () => {
    const spread = (values: object) =>
      podTemplate(chart.objects({ values })).spec['topologySpreadConstraints'];
    const labelSelector = {
      matchLabels: {
        'app.kubernetes.io/name': 'image-credential-binding',
        'app.kubernetes.io/instance': 'icb',
      },
    };
    const constraint = {
      maxSkew: 1,
      topologyKey: 'kubernetes.io/hostname',
      whenUnsatisfiable: 'ScheduleAnyway',
    };
    const counted = { labelSelector, matchLabelKeys: ['pod-template-hash'] };
    assert.deepEqual(spread({}), [{ ...constraint, ...counted }]);
    assert.equal(spread({ topologySpreadConstraints: [] }), undefined);
    const own = { ...constraint, topologyKey: 'zone', labelSelector: { matchLabels: { team: 'security' } } };
    assert.deepEqual(spread({ topologySpreadConstraints: [own] }), [own]);
  });

  it('keeps one of several pods during a node drain, and does not block the drain with a single replica', () => {
    const budgets = (values: object) =>
      chart.objects({ values }).filter(({ kind }) => kind === 'PodDisruptionBudget');
    assert.equal(budgets({})[0]?.spec?.['maxUnavailable'], 1);
    assert.deepEqual(budgets({ replicas: 1 }), []);
    assert.deepEqual(budgets({ podDisruptionBudget: { enabled: false } }), []);
  });

  it('restricts ingress and egress of its pods only as its values say', () => {
    const policies = (values: object) =>
      chart.objects({ values }).filter(({ kind }) => kind === 'NetworkPolicy');
    assert.deepEqual(policies({ networkPolicy: { enabled: false } }), []);
    const [port] = container(podTemplate(chart.objects()))['ports'] as readonly { containerPort: number }[];
    const ports = [{ port: port?.containerPort, protocol: 'TCP' }];
    const ingressFrom = [{ namespaceSelector: { matchLabels: { name: 'monitoring' } } }];
    const egress = [{ ports: [{ port: 443 }] }];
    // The policy of the release, and the policy of the Job, which runs after the first one is gone.
    assert.deepEqual(
      policies({}).map(({ metadata }) => metadata.name),
      ['icb-image-credential-binding', 'icb-image-credential-binding-unbind'],
    );
    const off = { admission: { enabled: false } };
    for (const { spec } of policies(off))
      assert.deepEqual([spec?.['ingress'], spec?.['egress']], [[{ ports }], [{}]]);
    for (const { spec } of policies({ ...off, networkPolicy: { ingressFrom, egress } }))
      assert.deepEqual([spec?.['ingress'], spec?.['egress']], [[{ ports, from: ingressFrom }], egress]);
    const webhookFrom = [{ ipBlock: { cidr: '192.0.2.0/28' } }];
    const webhook = { ports: [{ port: 9443, protocol: 'TCP' }] };
    for (const { spec } of policies({ networkPolicy: { ingressFrom } }))
      assert.deepEqual(spec?.['ingress'], [{ ports, from: ingressFrom }, webhook]);
    for (const { spec } of policies({ networkPolicy: { webhookFrom } }))
      assert.deepEqual(spec?.['ingress'], [{ ports }, { ...webhook, from: webhookFrom }]);
  });

  it('names its objects after the release, so that no two releases share a name', () => {
    const long = 'a'.repeat(53);
    const cases = [
      ['image-credential-binding', 'image-credential-binding', {}, 'image-credential-binding'],
      ['icb', 'icb', {}, 'icb-image-credential-binding'],
      ['icb', 'icb', { nameOverride: 'icb' }, 'icb'],
      ['icb', 'icb', { fullnameOverride: 'bindings' }, 'bindings'],
      [long, 'icb', {}, `${long}`],
    ] as const;
    for (const [release, namespace, values, expected] of cases) {
      const objects = chart.objects({ release, namespace, values });
      for (const { kind, metadata } of objects.filter(({ metadata }) => metadata.namespace !== undefined)) {
        assert.ok(metadata.name.startsWith(expected), metadata.name);
        if (['Job', 'Service'].includes(kind)) assert.ok(metadata.name.length <= 63);
      }
    }
    const scoped = (namespace: string) =>
      chart
        .objects({ release: 'image-credential-binding', namespace })
        .filter(({ metadata }) => metadata.namespace === undefined)
        .map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    const names = ['image-credential-binding', 'shop', 'payments'].flatMap(scoped);
    assert.equal(new Set(names).size, names.length);
    assert.ok(names.includes('ClusterRole/image-credential-binding'));
  });

  it('leaves room for the suffix of each Job, whether it exists depends on the cluster or not', () => {
    // The name of the release has at most 54 characters, and that of a Job 63.
    for (const file of globSync(join(CHART, 'templates/*-job.yaml'))) {
      const [, suffix = ''] =
        /^ {2}name: \S+ include \S+ \. }}(-[a-z]+)$/m.exec(readFileSync(file, 'utf8')) ?? [];
      assert.ok(suffix !== '' && suffix.length <= 9, `${file}: ${suffix}`);
    }
  });

  it('works as a dependency of another chart, with a condition and global values', () => {
    const folder = mkdtempSync(join(tmpdir(), 'icb-chart-'));
    try {
      const dependency = {
        name: 'image-credential-binding',
        version: '*',
        condition: 'image-credential-binding.enabled',
      };
      const parent = { apiVersion: 'v2', name: 'parent', version: '1.0.0', dependencies: [dependency] };
      writeFileSync(join(folder, 'Chart.yaml'), JSON.stringify(parent));
      mkdirSync(join(folder, 'charts'));
      cpSync(CHART, join(folder, 'charts/image-credential-binding'), { recursive: true });
      const rendered = (enabled: boolean) => {
        const values = { global: { region: 'eu' }, 'image-credential-binding': { enabled, replicas: 3 } };
        const args = ['template', 'all', folder, '--kube-version', '1.30.0', '--values', '-'];
        const { stdout, stderr } = chart.run(args, values);
        assert.equal(stderr, '');
        return stdout;
      };
      assert.match(rendered(true), /replicas: 3/);
      assert.equal(rendered(false).trim(), '');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('has the version of the package, and contains the example of the documentation', () => {
    const { version, appVersion, annotations } = load(readFileSync(join(CHART, 'Chart.yaml'), 'utf8')) as {
      readonly version: string;
      readonly appVersion: string;
      readonly annotations: Readonly<Record<string, string>>;
    };
    const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      readonly version: string;
    };
    assert.deepEqual([version, appVersion], [manifest.version, manifest.version]);
    assert.deepEqual(load(annotations['artifacthub.io/crdsExamples'] ?? ''), [
      load(docs('examples/binding.yaml')),
    ]);
  });

  it('has a README that is up to date with its values: npm run chart-readme', async () => {
    assert.equal(readFileSync(join(CHART, 'README.md'), 'utf8'), await chartReadme());
  });
});

/** The labels with which the Deployment, the budget and the NetworkPolicies select pods, and which the topology spread counts. */
function podSelectors(objects: readonly Manifest[]): readonly Readonly<Record<string, string>>[] {
  const found = JSON.stringify(objects.map(({ spec }) => spec)).matchAll(/"matchLabels":(\{[^{}]*\})/g);
  return [...found].map(([, labels = '']) => JSON.parse(labels) as Readonly<Record<string, string>>);
}
