import assert from 'node:assert/strict';
import { cpSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { load } from 'js-yaml';
import { CHART, DOCS, ROOT } from '../../../hack/root.ts';
import { type ControlPlane, startControlPlane } from '../../../hack/testenv/control-plane/control-plane.ts';
import { RELEASE, startController } from '../../../hack/testenv/controller.ts';
import { secureCodeBoxCrds } from '../../../hack/testenv/securecodebox/crds.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';
import { Chart, podTemplate } from '../../support/cluster/chart.ts';
import { writeHelmWithoutWebhook } from '../../support/cluster/webhook-off.ts';
import { until } from '../../support/until.ts';

const CRD = 'crd/imagecredentialbindings.credentials.securecodebox.io';
const RESTRICTED = ['enforce', 'warn'].map((mode) => `pod-security.kubernetes.io/${mode}=restricted`);
const OF_HELM = 'app.kubernetes.io/managed-by=Helm';

/** The values of the README for a cluster whose required ports are known. */
const narrowed = load(
  /^```yaml\n([\s\S]*?)^```$/m.exec(readFileSync(join(CHART, 'README.md'), 'utf8'))?.[1] ?? '',
) as object;

/** Each switch, on and off. */
const values: Readonly<Record<string, object>> = {
  'with default values': {},
  'for some namespaces': { namespaces: ['shop', 'payments'] },
  'with everything switched on': {
    namespaces: ['shop'],
    replicas: 3,
    config: {
      discovery: { enabled: true, markPods: true },
      registries: {
        caConfigMap: 'ca',
        proxy: { https: 'http://proxy:3128', http: 'http://proxy:3128', none: '.local' },
      },
    },
    imagePullSecrets: [{ name: 'pull' }],
    serviceAccount: { annotations: { team: 'security' } },
    podAnnotations: { 'sidecar.istio.io/inject': 'false' },
    podLabels: { team: 'security' },
    priorityClassName: 'system-cluster-critical',
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    tolerations: [{ key: 'pool', operator: 'Equal', value: 'tools', effect: 'NoSchedule' }],
    affinity: {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          {
            weight: 1,
            podAffinityTerm: { topologyKey: 'zone', labelSelector: { matchLabels: { team: 'security' } } },
          },
        ],
      },
    },
    topologySpreadConstraints: [
      {
        maxSkew: 2,
        topologyKey: 'topology.kubernetes.io/zone',
        whenUnsatisfiable: 'DoNotSchedule',
        minDomains: 2,
        nodeTaintsPolicy: 'Honor',
      },
    ],
    podSecurityContext: { runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000, supplementalGroups: [1] },
    securityContext: { runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
  },
  'with everything switched off': {
    replicas: 1,
    topologySpreadConstraints: [],
    podDisruptionBudget: { enabled: false },
    networkPolicy: { enabled: false },
    userRoles: { enabled: false },
    uninstall: { unbind: false },
    policy: { enabled: false },
    admission: { enabled: false },
  },
  'without aggregated roles': { userRoles: { aggregate: false } },
  'with the NetworkPolicy of its README': narrowed,
};

/** What the release is upgraded to, and what its notes must and must not contain. */
const noted: readonly (readonly [string, object, readonly RegExp[], readonly RegExp[]])[] = [
  [
    'with default values',
    {},
    [
      /watches all namespaces\./,
      /Or let the controller create bindings from pods:/,
      // Without nodes, the webhook is off.
      /The admission webhook is disabled\./,
    ],
    [/admission policy/, /Uninstalling leaves scans bound/, /annotate namespace/],
  ],
  [
    'with discovery in namespaces that are opted in',
    { config: { discovery: { enabled: true } } },
    [/each namespace that has opted in:\n\n +kubectl annotate namespace default/],
    [/Or let the controller create bindings/],
  ],
  [
    'with discovery of all pods in a list of namespaces, without the policy and the Job',
    {
      namespaces: ['shop'],
      config: { discovery: { enabled: true } },
      policy: { enabled: false },
      uninstall: { unbind: false },
    },
    [
      /watches the namespaces shop\./,
      /from all pods in these namespaces/,
      /The admission policy is disabled/,
      /Uninstalling leaves scans bound/,
    ],
    [/is an example/, /annotate namespace/],
  ],
  [
    'with discovery of enabled pods',
    { config: { discovery: { enabled: true, resourceInclusion: { mode: 'enabled-per-resource' } } } },
    [/from the pods with the annotation/],
    [/all pods in these namespaces/],
  ],
];

/** The commands in the shell blocks of a section of the chart's README. */
function readme(heading: string): readonly string[] {
  const text = readFileSync(join(CHART, 'README.md'), 'utf8');
  const commands = blocksOf(text.split(/^## /m).find((each) => each.startsWith(`${heading}\n`)) ?? '');
  assert.ok(commands.length > 0, heading);
  return commands;
}

describe('the chart on a real API server', () => {
  let controlPlane: ControlPlane;
  let chart: Chart;
  let helm: string;
  let path: string;
  /** The chart as an earlier version might have been: its CRD lacks a field. */
  let older: string;

  before(async () => {
    const log = (line: string) => process.stderr.write(`${line}\n`);
    const programs = await tools(['helm', 'kubectl'], log);
    chart = await Chart.open();
    // Creates the pods of Deployments, and the rules of aggregated ClusterRoles.
    controlPlane = await startControlPlane({ log, controllerManager: true });
    await writeHelmWithoutWebhook(controlPlane.directory, programs.helm);
    helm = join(controlPlane.directory, 'helm');
    path = [controlPlane.directory, dirname(programs.kubectl), process.env['PATH']].join(':');
    await controlPlane.installCrds(secureCodeBoxCrds());
    for (const name of ['shop', 'payments', 'tools', 'dry-run'])
      await controlPlane.kubectl(['create', 'namespace', name]);
    await controlPlane.kubectl(['label', 'namespace', 'dry-run', ...RESTRICTED]);
    older = olderChart(join(controlPlane.directory, 'older'));
  });
  after(async () => controlPlane?.stop());

  for (const [title, each] of Object.entries(values))
    it(`renders objects that the API server accepts without a warning: ${title}`, async () => {
      const input = chart.text({ release: 'dry', namespace: 'dry-run', values: each });
      const args = ['create', '--dry-run=server', '--validate=strict', '--filename', '-'];
      const { stdout, stderr } = await controlPlane.kubectl(args, { input });
      assert.equal(stderr, '');
      assert.equal(stdout.match(/created \(server dry run\)$/gm)?.length, input.match(/^kind:/gm)?.length);
    });

  it('installs with the commands of its README, in a namespace with restricted pods', async () => {
    await controlPlane.kubectl(['create', 'namespace', RELEASE]);
    await controlPlane.kubectl(['label', 'namespace', RELEASE, ...RESTRICTED]);
    for (const command of readme('Install')) await shell(command, older);
    await until(async () => (await pods()).length === 2, 'the pods of the Deployment');
    // The controller creates a Lease, too, which the following tests expect.
    assert.deepEqual(await (await startController(controlPlane)).process.stop(), { code: 0, signal: null });
  });

  for (const kind of ['Deployment', 'Job'] as const)
    it(`renders pods that meet the Pod Security Standard "restricted": ${kind}`, async () => {
      const { metadata, spec } = podTemplate(chart.objects({ release: RELEASE, namespace: RELEASE }), kind);
      const { serviceAccountName } = spec;
      if (kind === 'Job')
        await controlPlane.kubectl(['create', 'serviceaccount', `${serviceAccountName}`, '-n', RELEASE]);
      const create = (more: object) =>
        controlPlane.kubectl(['create', '--dry-run=server', '--filename', '-'], {
          input: JSON.stringify({
            ...{ apiVersion: 'v1', kind: 'Pod' },
            metadata: { ...metadata, name: 'restricted', namespace: RELEASE },
            spec: { ...spec, ...more },
          }),
        });
      assert.equal((await create({})).stderr, '');
      await assert.rejects(create({ hostNetwork: true }), /violates PodSecurity "restricted/);
      for (const container of spec.containers) {
        assert.equal(
          (container['securityContext'] as Record<string, unknown>)['readOnlyRootFilesystem'],
          true,
        );
      }
      if (kind === 'Job')
        await controlPlane.kubectl(['delete', 'serviceaccount', `${serviceAccountName}`, '-n', RELEASE]);
    });

  it('gets the CRD of a newer version from the command in its notes, and only from that', async () => {
    const binding = {
      ...{ apiVersion: 'credentials.securecodebox.io/v1alpha1', kind: 'ImageCredentialBinding' },
      metadata: { name: 'new-field', namespace: 'shop' },
      spec: {
        image: 'reg.example/app',
        imagePullSecrets: [],
        scanSelector: { matchLabels: { team: 'shop' } },
      },
    };
    const apply = (name: string) =>
      controlPlane.kubectl(['apply', '--server-side', '--filename', '-'], {
        input: JSON.stringify({ ...binding, metadata: { ...binding.metadata, name } }),
      });
    const old = { ...binding, spec: { image: 'reg.example/app', imagePullSecrets: [] } };
    await controlPlane.kubectl(['apply', '--server-side', '--filename', '-'], {
      input: JSON.stringify(old),
    });
    await assert.rejects(apply('refused'), /scanSelector/);
    const [upgradeCrd = '', upgrade = '', ...others] = readme('Upgrade');
    assert.deepEqual(others, []);
    const noted = (await notes()).split('\n').map((line) => line.trim());
    assert.ok(noted.includes(upgradeCrd.replace('<chart>', '$CHART')), noted.join('\n'));

    await shell(upgrade);
    await assert.rejects(apply('refused'), /scanSelector/);
    const found = await shell(upgradeCrd);
    assert.match(found, /imagecredentialbindings\S* serverside-applied/);
    await until(
      () =>
        apply('new-field').then(
          () => true,
          () => false,
        ),
      'the new field to be accepted',
    );
    assert.deepEqual(await crd(), await crd(readFileSync(crdFile(CHART), 'utf8')));
  });

  for (const [title, each, said, unsaid] of noted)
    it(`prints notes whose commands create a binding: ${title}`, async () => {
      await upgrade(each);
      const text = await notes();
      assert.doesNotMatch(text, /<[a-z]+>/);
      for (const pattern of said) assert.match(text, pattern);
      for (const pattern of unsaid) assert.doesNotMatch(text, pattern);
      await assertLeadsToBinding(commandsOf(text), text.includes('--namespace shop') ? 'shop' : 'default');
    });

  async function assertLeadsToBinding(commands: readonly string[], namespace: string): Promise<void> {
    assert.ok(commands.length >= 4);
    for (const command of commands) await shell(command);
    await controlPlane.kubectl(['delete', 'icb', 'payments', '--namespace', namespace]);
  }

  describe('after its installation', () => {
    it('accepts the commands of the documentation', async () => {
      for (const page of ['namespaces.md', 'policy.md']) {
        for (const command of blocksOf(readFileSync(join(DOCS, page), 'utf8'))) await shell(command);
      }
      const { stdout } = await controlPlane.kubectl([
        ...['get', 'clusterroles,clusterrolebindings,validatingadmissionpolicies', '--output', 'name'],
        ...['--selector', OF_HELM],
      ]);
      assert.equal(stdout, '');
    });

    it('can be installed twice under one name, each time for different namespaces', async () => {
      await upgrade({ namespaces: ['shop'] });
      await runHelm(['install', RELEASE, CHART, '--namespace', 'tools'], { namespaces: ['payments'] });
      const { stdout } = await controlPlane.kubectl([
        ...['get', 'validatingadmissionpolicies,clusterroles', '--output', 'name', '--selector', OF_HELM],
      ]);
      const names = stdout
        .trim()
        .split('\n')
        .map((line) => line.replace(/^.*\//, ''));
      assert.deepEqual(names, [
        ...[RELEASE, `tools.${RELEASE}`],
        ...[`${RELEASE}-edit`, `${RELEASE}-view`, `tools.${RELEASE}-edit`, `tools.${RELEASE}-view`],
      ]);
      await shell(`helm uninstall ${RELEASE} --namespace tools --no-hooks`);
    });

    describe('for users', () => {
      before(async () => {
        await upgrade({});
        for (const [user, role] of Object.entries({
          viewer: 'view',
          editor: 'edit',
          owner: 'admin',
          writer: `${RELEASE}-edit`,
        })) {
          const grant = [
            'create',
            'rolebinding',
            user,
            '--namespace',
            'shop',
            '--clusterrole',
            role,
            '--user',
            user,
          ];
          await controlPlane.kubectl(grant);
          await until(
            () =>
              as(user, 'get', 'icb').then(
                () => true,
                () => false,
              ),
            `${user} to read bindings`,
          );
        }
        await until(
          () =>
            write('editor', { pull: 'any' }).then(
              () => true,
              () => false,
            ),
          'editors to write bindings',
        );
      });

      it('lets users with the role view read bindings, and not write them', async () => {
        await assert.rejects(write('viewer', {}), /cannot create resource|cannot patch resource/);
      });

      for (const user of ['editor', 'owner'])
        it(`lets an ${user} write bindings that name readable Secrets and migrate no scan`, async () => {
          await write(user, { pull: 'any' });
          await as(user, 'delete', 'icb', `of-${user}`);
          await assert.rejects(write(user, { replaces: 'old.example/app' }), /may not update ScheduledScans/);
        });

      it('lets users with only the role of the chart write bindings that name no Secret', async () => {
        await write('writer', {});
        await assert.rejects(write('writer', { pull: 'any' }), /found "any", which "writer" may not get/);
      });

      /** Applies a binding as this user. */
      async function write(
        user: string,
        { pull, replaces }: { readonly pull?: string; readonly replaces?: string },
      ) {
        const manifest = {
          ...{ apiVersion: 'credentials.securecodebox.io/v1alpha1', kind: 'ImageCredentialBinding' },
          metadata: { name: `of-${user}`, namespace: 'shop' },
          spec: {
            image: 'reg.example/app',
            imagePullSecrets: pull === undefined ? [] : [{ name: pull }],
            ...(replaces === undefined ? {} : { replaces: [replaces] }),
          },
        };
        await controlPlane.kubectl(['apply', '--server-side', '--as', user, '--filename', '-'], {
          input: JSON.stringify(manifest),
        });
      }

      async function as(user: string, ...args: readonly string[]): Promise<void> {
        await controlPlane.kubectl([...args, '--namespace', 'shop', '--as', user]);
      }
    });

    it('is uninstalled by the commands of its README, which leave the CRD and bindings alone', async () => {
      // What the Job does is tested in unbind-hook.test.ts. Nothing runs its pod here.
      await upgrade({ uninstall: { unbind: false } });
      for (const command of readme('Uninstall')) await shell(command);
      const kinds = [
        'all,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings,networkpolicies',
        'poddisruptionbudgets,validatingadmissionpolicies,validatingadmissionpolicybindings',
      ];
      const left = async () => {
        const selector = ['--selector', `app.kubernetes.io/instance=${RELEASE}`];
        const args = ['get', kinds.join(), '--all-namespaces', '--output', 'name', ...selector];
        return (await controlPlane.kubectl(args)).stdout;
      };
      // The pods are deleted a little later.
      await until(async () => (await left()) === '', 'all objects to be deleted');
      await controlPlane.kubectl(['get', CRD]);
      await controlPlane.kubectl(['get', 'icb/new-field', '--namespace', 'shop']);
    });
  });

  /** Runs a command of the documentation in the repository, with the chart's folder instead of `<chart>`. */
  async function shell(command: string, folder: string = CHART): Promise<string> {
    const env = { KUBECONFIG: controlPlane.kubeconfig, PATH: path, CHART: folder };
    const args = ['-c', command.replaceAll('<chart>', folder)];
    const { code, stdout, stderr } = await controlPlane.group.run('/bin/sh', args, { env, cwd: ROOT });
    assert.equal(code, 0, `${command}: ${stderr}`);
    return stdout;
  }

  /** Upgrades the release to these values alone. */
  async function upgrade(each: object): Promise<void> {
    await runHelm(['upgrade', RELEASE, CHART, '--namespace', RELEASE, '--reset-values'], each);
  }

  async function runHelm(args: readonly string[], each: object): Promise<void> {
    const options = { env: { KUBECONFIG: controlPlane.kubeconfig }, input: JSON.stringify(each) };
    const { code, stderr } = await controlPlane.group.run(helm, [...args, '--values', '-'], options);
    assert.equal(code, 0, stderr);
  }

  async function notes(): Promise<string> {
    return shell(`helm get notes ${RELEASE} --namespace ${RELEASE}`);
  }

  async function pods(): Promise<readonly string[]> {
    const { stdout } = await controlPlane.kubectl([
      'get',
      'pods',
      '--namespace',
      RELEASE,
      '--output',
      'name',
    ]);
    return stdout.split('\n').filter((line) => line !== '');
  }

  /** The spec of the CRD in the cluster, or the spec that it would have with this text. */
  async function crd(text?: string): Promise<unknown> {
    const output = ['--output', 'jsonpath={.spec}'];
    const { stdout } =
      text === undefined
        ? await controlPlane.kubectl(['get', CRD, ...output])
        : await controlPlane.kubectl(['replace', '--dry-run=server', '--filename', '-', ...output], {
            input: text,
          });
    return JSON.parse(stdout);
  }
});

function crdFile(chart: string): string {
  const [file = ''] = globSync(join(chart, 'crds/*.yaml'));
  return file;
}

interface Crd {
  readonly spec: {
    readonly versions: readonly {
      readonly schema: {
        readonly openAPIV3Schema: { readonly properties: { readonly spec: { properties: object } } };
      };
    }[];
  };
}

/** Copies the chart, without one field of the CRD. */
function olderChart(folder: string): string {
  cpSync(CHART, folder, { recursive: true });
  const crd = load(readFileSync(crdFile(folder), 'utf8')) as Crd;
  for (const { schema } of crd.spec.versions) {
    const { spec } = schema.openAPIV3Schema.properties;
    const { scanSelector, ...others } = spec.properties as { readonly scanSelector?: unknown };
    assert.ok(scanSelector !== undefined);
    spec.properties = others;
  }
  writeFileSync(crdFile(folder), JSON.stringify(crd));
  return folder;
}

/** The commands in the shell blocks of a page. */
function blocksOf(text: string): readonly string[] {
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) =>
    block.replaceAll('\\\n', ''),
  );
  return blocks.flatMap((block) => block.split('\n')).filter((line) => line !== '');
}

/** The commands in the notes: text that is indented by four spaces, one command per paragraph. */
function commandsOf(text: string): readonly string[] {
  const lines = text.split('\n').map((line) => (/^ {4}|^$/.test(line) ? line.slice(4) : ''));
  return lines
    .join('\n')
    .split(/\n{2,}/)
    .map((each) => each.trim())
    .filter((each) => each !== '');
}
