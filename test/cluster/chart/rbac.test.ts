import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { CHART, DOCS } from '../../../hack/root.ts';
import { LEASE_ROLE, RELEASE, startController } from '../../../hack/testenv/controller.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';
import { INCLUSION_MODES, type InclusionMode } from '../../../src/pod/inclusion.ts';
import { isFull } from '../../support/amount.ts';
import { Chart, container, type Manifest, podTemplate } from '../../support/cluster/chart.ts';
import { Cluster, TestNamespace } from '../../support/cluster/cluster.ts';
import { Life } from '../../support/cluster/life.ts';
import { refused, requestsOf, rightsGiven, rightsOf, rightsUsed } from '../../support/cluster/rights.ts';
import { until } from '../../support/until.ts';

/** Everything that decides which rights the controller gets. */
interface Switches {
  /** Whether the controller watches all namespaces. `false`: it watches two of three. */
  readonly everywhere: boolean;
  readonly discovery: InclusionMode | 'off';
  readonly markPods: boolean;
  /** Whether the admission webhook is on. */
  readonly admission: boolean;
  /** Whether scans mount their pull secrets themselves, so that the controller writes no Secret. */
  readonly direct?: boolean;
}

const combinations: readonly Switches[] = [true, false].flatMap((everywhere) => [
  { everywhere, discovery: 'off', markPods: false, admission: false },
  { everywhere, discovery: 'off', markPods: false, admission: true },
  { everywhere, discovery: 'off', markPods: false, admission: false, direct: true },
  ...INCLUSION_MODES.flatMap((discovery) =>
    [false, true].map((markPods) => ({ everywhere, discovery, markPods, admission: markPods })),
  ),
]);

/** The combinations that grant the most and the fewest rights. `npm run test:full` exercises all combinations. */
const exercised = isFull()
  ? combinations
  : combinations.filter(
      ({ discovery, markPods, admission }) =>
        (discovery === 'off' && !admission) || (discovery === 'enabled-per-namespace' && markPods),
    );

function titleOf({ everywhere, discovery, markPods, admission, direct = false }: Switches): string {
  const scope = everywhere ? 'all namespaces' : 'two of three namespaces';
  return `${scope}, discovery ${discovery}${markPods ? ', marking pods' : ''}${admission ? ', with the webhook' : ''}${direct ? ', without writing Secrets' : ''}`;
}

function valuesOf(
  { discovery, markPods, admission, direct = false }: Switches,
  namespaces: readonly string[],
): object {
  const mode = discovery === 'off' ? 'all' : discovery;
  const settings = { enabled: discovery !== 'off', resourceInclusion: { mode }, markPods };
  return {
    namespaces,
    config: {
      ...{ unusedSecretGrace: '1s', discovery: settings },
      ...(direct ? { delivery: 'Direct', writeSecrets: false } : {}),
    },
    admission: { enabled: admission },
  };
}

describe('docs/reference/rbac.md', () => {
  let chart: Chart;
  const page = readFileSync(join(DOCS, 'reference/rbac.md'), 'utf8');
  before(async () => {
    chart = await Chart.open();
  });

  /** When a right is granted, in the words of the page. */
  const wheres: Readonly<Record<string, (switches: Switches) => boolean>> = {
    always: () => true,
    '`admission.enabled`': ({ admission }) => admission,
    '`config.writeSecrets`': ({ direct = false }) => !direct,
    '`config.discovery.enabled`': ({ discovery }) => discovery !== 'off',
    '`config.discovery.markPods`': ({ markPods }) => markPods,
    '`enabled-per-namespace`, of all namespaces': ({ everywhere, discovery }) =>
      everywhere && discovery === 'enabled-per-namespace',
    'with `namespaces`': ({ everywhere }) => !everywhere,
  };

  for (const switches of combinations)
    it(`lists the rights of the chart: ${titleOf(switches)}`, () => {
      const namespaces = switches.everywhere ? [] : ['shop', 'payments'];
      const values = valuesOf(switches, namespaces);
      const objects = chart.objects({ release: RELEASE, namespace: RELEASE, values });
      const job = `${RELEASE}-unbind`;
      const lease = given(objects, job, RELEASE);
      assert.deepEqual(given(objects, LEASE_ROLE, RELEASE), documented('The Lease', switches));
      const roles = switches.everywhere
        ? [{ place: undefined, job }]
        : namespaces.map((place) => ({ place, job: `${job}-objects` }));
      for (const role of roles) {
        assert.deepEqual(given(objects, RELEASE, role.place), documented('The controller', switches));
        assert.deepEqual(
          [...given(objects, role.job, role.place), ...lease].sort(),
          documented('The Job at uninstall', switches),
        );
      }
    });

  for (const namespaces of [[], ['shop']])
    it(`lists the rights to certificates: ${namespaces.length === 0 ? 'all namespaces' : 'one namespace'}`, () => {
      const values = { namespaces, admission: { enabled: true } };
      const objects = chart.objects({ release: RELEASE, namespace: RELEASE, values });
      const names = objects.filter(({ rules }) => rules !== undefined).map(({ metadata }) => metadata.name);
      assert.equal(names.includes(`${RELEASE}-webhook`), namespaces.length > 0);
      if (namespaces.length > 0)
        assert.deepEqual(
          given(objects, `${RELEASE}-webhook`, RELEASE),
          allIn('The certificate of the webhook'),
        );
      const job = `${RELEASE}-register`;
      assert.deepEqual(
        [...given(objects, job, RELEASE), ...given(objects, job, undefined)].sort(),
        allIn('The Job after an installation'),
      );
    });

  it('lists the rights of users', () => {
    const objects = chart.objects({ release: RELEASE, namespace: RELEASE });
    for (const role of ['view', 'edit'])
      assert.deepEqual(
        given(objects, `${RELEASE}-${role}`, undefined),
        rowsOf('Users')
          .flatMap(({ where, rights }) => (where === `\`${role}\`` ? rights : []))
          .sort(),
      );
  });

  function given(objects: readonly Manifest[], name: string, namespace: string | undefined) {
    const role = objects.find(
      ({ rules, metadata }) =>
        rules !== undefined && metadata.name === name && metadata.namespace === namespace,
    );
    assert.ok(role !== undefined, `there is no ${name}`);
    return [...rightsOf(role.rules ?? [])].sort();
  }

  function allIn(section: string): readonly string[] {
    return rowsOf(section)
      .flatMap(({ rights }) => rights)
      .sort();
  }

  function documented(section: string, switches: Switches): readonly string[] {
    const rows = rowsOf(section).filter(({ where }) => {
      const applies = wheres[where];
      assert.ok(applies !== undefined, `${where} is no known case`);
      return applies(switches);
    });
    return rows.flatMap(({ rights }) => rights).sort();
  }

  function rowsOf(section: string) {
    const text = page.split(/^## /m).find((each) => each.startsWith(section)) ?? '';
    const rows = [...text.matchAll(/^\| (`[^|]+`) +\| `([^|]+)` +\| ([^|]+?) +\| \S[^|]+ \|$/gm)];
    // All lines of the table except its two header lines.
    assert.equal(rows.length, (text.match(/^\|/gm)?.length ?? 0) - 2);
    return rows.map(([, verbs = '', resource = '', where = '']) => ({
      where,
      rights: [...verbs.matchAll(/`(\w+)`/g)].map(
        ([, verb]) => `${verb} ${resource.includes('.') ? resource : `${resource}.`}`,
      ),
    }));
  }
});

describe('the rights that the chart grants the controller', () => {
  let cluster: Cluster;
  let helm: string;
  let kubectl: string;
  let places = 0;

  before(async () => {
    ({ helm, kubectl } = await tools(['helm', 'kubectl'], (line) => process.stderr.write(`${line}\n`)));
    // Without streaming lists the controller lists in pages, which uses the rights to list.
    cluster = await Cluster.start({ apiServerArgs: ['--feature-gates=WatchList=false'] });
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  it('are exactly those that a leader and a follower use for the Lease', async () => {
    const leader = await cluster.startController();
    const follower = await startController(cluster.controlPlane, [], { keepLease: true, until: 'following' });
    const used = async () => {
      const requests = await requestsOf(cluster.controlPlane, leader, follower);
      assert.deepEqual(refused(requests), []);
      return rightsUsed(requests.filter(({ objectRef }) => objectRef?.namespace === RELEASE));
    };
    // The follower reports that it follows once it has read the Lease. Only then does it list and watch the Lease.
    await until(async () => (await used()).has('list leases.coordination.k8s.io'), 'the Lease to be listed');
    for (const each of [follower, leader])
      assert.deepEqual(await each.process.stop(), { code: 0, signal: null });
    await assertGiven(await used(), RELEASE, `role/${LEASE_ROLE}`);
  });

  for (const switches of exercised)
    it(`are exactly those that the controller uses: ${titleOf(switches)}`, () =>
      switches.everywhere ? assertClusterRole(switches) : assertRoles(switches));

  async function assertClusterRole(switches: Switches): Promise<void> {
    const [place] = await newNamespaces(1);
    assert.ok(place !== undefined);
    await upgrade(valuesOf(switches, []));
    const used = await live(switches, [place]);
    await assertGiven(used(undefined, place.name), RELEASE, `clusterrole/${RELEASE}`);
    if (switches.direct === true) await assertReadsOnly(place.name);
  }

  async function assertRoles(switches: Switches): Promise<void> {
    const [other, ...namespaces] = await newNamespaces(3);
    assert.ok(other !== undefined);
    const names = namespaces.map(({ name }) => name);
    await upgrade(valuesOf(switches, names));
    await lifeOf(switches, other).prepare();
    if (switches.admission) await forgetCertificates();
    const used = await live(switches, namespaces);
    for (const name of names) await assertGiven(used(name), name, `role/${RELEASE}`);
    if (switches.direct === true) await assertReadsOnly(...names, RELEASE);
    if (switches.admission) {
      const secrets = [...used(RELEASE)].filter((right) => right.endsWith(' secrets.'));
      await assertGiven(new Set(secrets), RELEASE, `role/${RELEASE}-webhook`);
    }
    assert.deepEqual([...used(undefined, other.name)], []);
  }

  function lifeOf({ discovery, markPods, admission, direct }: Switches, namespace: TestNamespace): Life {
    const marking = markPods ? 'marking' : 'on';
    const settings = { discovery: discovery === 'off' ? 'off' : marking, admission, direct } as const;
    return new Life(cluster.client, namespace, settings);
  }

  /**
   * Runs a controller with the settings of the Deployment, and lets it do everything that can occur in these
   * namespaces.
   *
   * @returns which rights it used in a namespace; `undefined` means cluster-scoped requests
   */
  async function live(switches: Switches, namespaces: readonly TestNamespace[]) {
    const all = namespaces.map((each) => lifeOf(switches, each));
    await Promise.all(all.map((life) => life.prepare()));
    const controller = await cluster.startController(...(await flags()));
    await Promise.all(all.map((life) => life.run()));
    assert.deepEqual(await controller.process.stop(), { code: 0, signal: null });
    const requests = await requestsOf(cluster.controlPlane, controller);
    assert.deepEqual(refused(requests), []);
    return (...places: readonly (string | undefined)[]) =>
      rightsUsed(requests.filter(({ objectRef }) => places.includes(objectRef?.namespace)));
  }

  async function assertGiven(used: ReadonlySet<string>, place: string, role: string): Promise<void> {
    const given = await rightsGiven(cluster.controlPlane, place, [role]);
    assert.deepEqual([...used].sort(), [...given].sort());
  }

  /** Asserts that the ServiceAccount of the controller may write no Secret in these namespaces, by any rule. */
  async function assertReadsOnly(...names: readonly string[]): Promise<void> {
    const { group, kubeconfig } = cluster.controlPlane;
    const as = ['--as', `system:serviceaccount:${RELEASE}:${RELEASE}`];
    const verbs = ['create', 'update', 'patch', 'delete', 'deletecollection'];
    for (const [verb, name] of verbs.flatMap((each) => names.map((place) => [each, place] as const))) {
      const args = ['auth', 'can-i', verb, 'secrets', '--namespace', name, ...as];
      const { stdout } = await group.run(kubectl, args, { env: { KUBECONFIG: kubeconfig } });
      assert.equal(stdout.trim(), 'no', `${verb} secrets in ${name}`);
    }
  }

  /** Empties the Secret, so that the controller has to create its certificates. */
  async function forgetCertificates(): Promise<void> {
    const emptied = ['--type=merge', '--patch', JSON.stringify({ data: null })];
    await cluster.controlPlane.kubectl([
      ...['patch', 'secret', `${RELEASE}-webhook`, '--namespace', RELEASE],
      ...emptied,
    ]);
  }

  /** Creates namespaces that are opted in to discovery. */
  async function newNamespaces(count: number): Promise<readonly TestNamespace[]> {
    const names = Array.from({ length: count }, (_, index) => `place-${places + index}`);
    places += count;
    const annotations = { 'auto-discovery.securecodebox.io/enabled': 'true' };
    const items = names.map((name) => ({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, annotations },
    }));
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
    await cluster.controlPlane.kubectl(['create', '--filename', '-'], { input });
    return names.map((name) => new TestNamespace(name, cluster));
  }

  /** Upgrades the release to these values alone. */
  async function upgrade(values: object): Promise<void> {
    const values_ = ['--reset-values', '--values', '-'];
    // No kubelet runs the Job that registers the webhook.
    const args = ['upgrade', RELEASE, CHART, '--namespace', RELEASE, '--no-hooks', ...values_];
    const { group, kubeconfig } = cluster.controlPlane;
    const options = { env: { KUBECONFIG: kubeconfig }, input: JSON.stringify(values) };
    const { code, stderr } = await group.run(helm, args, options);
    assert.equal(code, 0, stderr);
  }

  /** The arguments of the Deployment's pods, with other ports, because the usual ones may be in use on this machine. */
  async function flags(): Promise<readonly string[]> {
    const { stdout } = await cluster.controlPlane.kubectl([
      ...['get', 'deployment', RELEASE, '--namespace', RELEASE, '--output', 'json'],
    ]);
    const [, ...args] = container(podTemplate([JSON.parse(stdout)])).args;
    const admission = args.some((arg) => arg.startsWith('--admission=')) ? ['--admission=127.0.0.1:0'] : [];
    return [...args, '--serve=127.0.0.1:0', ...admission];
  }
});
