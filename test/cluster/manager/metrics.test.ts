import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { DOCS } from '../../../hack/root.ts';
import { type RunningController, startController } from '../../../hack/testenv/controller.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';
import { METRICS } from '../../../src/telemetry/definitions.ts';
import { Cluster, type TestNamespace } from '../../support/cluster/cluster.ts';
import { alertsIn, type Panel, readDashboard, renderRule } from '../../support/cluster/monitoring.ts';
import { readExposition, readPromQl, type Series } from '../../support/promql.ts';
import { until } from '../../support/until.ts';

const END = Math.floor(Date.now() / 1000) + 30 * 86_400;
const CANARY = 'canary-7Kd';

/** An expression, and the labels that are to be shown of what it results in. */
interface Expression {
  readonly where: string;
  readonly text: string;
  readonly shown: readonly string[];
}

describe('the metrics of a running controller', () => {
  let cluster: Cluster;
  let namespace: TestNamespace;
  let controller: RunningController;
  /** Has every manifest, for everybody. */
  const registry = createServer((_, response) =>
    response.writeHead(200, { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }).end(),
  );

  before(async () => {
    registry.listen(0, '127.0.0.1');
    cluster = await Cluster.start({ values: ['config.discovery.enabled=true'] });
    namespace = await cluster.namespace();
    controller = await cluster.startController(...flags());
    await populate();
  });
  after(async () => {
    registry.close();
    await cluster?.[Symbol.asyncDispose]();
  });

  const host = () => `127.0.0.1:${(registry.address() as AddressInfo).port}`;
  const flags = () => [
    ...['--local-addresses', '127.0.0.1', '--insecure-registries', host(), '--discovery', 'all'],
  ];
  const scrape = async (of = controller) => (await fetch(`${of.url}/metrics`)).text();

  /** Has happen whatever there is a metric for. */
  async function populate(): Promise<void> {
    const auth = btoa(`user:${CANARY}`);
    const token = ['e30', btoa(JSON.stringify({ exp: END })).replaceAll('=', ''), CANARY].join('.');
    await namespace.pullSecret('pull', {
      [host()]: { auth },
      'old.example': { auth },
      'new.example': { auth },
    });
    await namespace.pullSecret('ending', { 'ending.example': { auth: btoa(`user:${token}`) } });
    await namespace.binding('missing', { image: 'reg.example/app', imagePullSecrets: [{ name: 'gone' }] });
    await namespace.binding('ending', {
      image: 'ending.example/app',
      imagePullSecrets: [{ name: 'ending' }],
    });
    await namespace.binding('asked', { image: `${host()}/asked`, verification: 'Required' });
    await namespace.condition('missing', 'Ready', 'False SecretNotFound');
    await namespace.condition('ending', 'Ready', 'True Ready');
    await namespace.condition('asked', 'Ready', 'True Ready');
    await moveScan();
  }

  async function moveScan(): Promise<void> {
    await namespace.scan('moved', ['old.example/moved:1'], { spec: { suspend: false } });
    const status = JSON.stringify({ status: { lastScheduleTime: new Date().toISOString() } });
    const patch = [
      'patch',
      'scheduledscan',
      'moved',
      '--subresource=status',
      '--type=merge',
      '--patch',
      status,
    ];
    await cluster.controlPlane.kubectl([...patch, '--namespace', namespace.name]);
    await namespace.binding('moved', { image: 'old.example/moved' });
    await namespace.bound('moved');
    await namespace.binding('moved', { image: 'new.example/moved', replaces: ['old.example/moved'] });
    await namespace.condition('moved', 'Ready', 'True Ready');
    await until(async () => /^icb_scan_runs_started_total/m.test(await scrape()), 'a run');
  }

  it('are those of the reference, with its labels, and no other', async () => {
    const exposed = [...readExposition(await scrape())].filter(([name]) => name.startsWith('icb_'));
    assert.deepEqual(
      exposed.map(([name, labels]) => described(name, labels)).sort(),
      Object.entries(METRICS).flatMap(definedSeries).sort(),
    );
  });

  it('name the bindings that are not ready and the Secrets that end, and none that is well', async () => {
    const text = await scrape();
    const { name } = namespace;
    const lines = text.split('\n').filter((line) => line.includes(name));
    assert.deepEqual(lines, [
      `icb_binding_not_ready{namespace="${name}",name="missing",reason="SecretNotFound"} 1`,
      `icb_credential_expiration_timestamp_seconds{namespace="${name}",secret="ending"} ${END}`,
    ]);
    assert.match(text, /^icb_bindings\{ready="False",reason="SecretNotFound"\} 1$/m);
    assert.match(text, /^icb_bindings\{ready="True",reason="Ready"\} 3$/m);
    assert.doesNotMatch(text, new RegExp(CANARY));
  });

  it('are all that alerts and dashboard name, down to the labels that they show', async () => {
    const series = readExposition(await scrape());
    const expressions = [
      ...(await expressionsOfAlerts()),
      ...expressionsOfDashboard(),
      ...(await expressionsOfPage()),
    ];
    assert.ok(expressions.length > 30, `${expressions.length} expressions`);
    for (const expression of expressions) {
      assert.deepEqual(missing(expression, series), [], `${expression.where}: ${expression.text}`);
      const misspelt = { ...expression, text: expression.text.replace(/(?<=icb_|process_|nodejs_)/, 'x') };
      assert.notDeepEqual(missing(misspelt, series), [], expression.where);
    }
  });

  it('are told by the leader alone where they concern the cluster', async () => {
    const follower = await startController(cluster.controlPlane, flags(), {
      keepLease: true,
      until: 'following',
    });
    const names = new Set([...readExposition(await scrape(follower)).keys()]);
    const leaders = Object.entries(METRICS).filter(([, { help }]) =>
      help.includes('Reported by the leader.'),
    );
    assert.ok(leaders.length > 0);
    assert.deepEqual(
      leaders.filter(([name]) => names.has(name)),
      [],
    );
    assert.match(
      await scrape(follower),
      /^icb_leader\{lease="image-credential-binding\/image-credential-binding"\} 0$/m,
    );
    assert.deepEqual(await follower.process.stop(), { code: 0, signal: null });
  });
});

describe('the dashboard', () => {
  it('is one that Grafana reads, field by field', async () => {
    const { 'dashboard-check': check } = await tools(['dashboard-check'], (line) =>
      process.stderr.write(`${line}\n`),
    );
    const checked = (text: string) => spawnSync(check, { input: text, encoding: 'utf8' }).stdout;
    const text = JSON.stringify(readDashboard());
    assert.equal(checked(text), '');
    assert.match(checked(text.replace('"colorMode"', '"colourMode"')), /unexpected field 'colourMode'/);
  });

  it('is always the same one, of the Prometheus that is chosen', () => {
    const { uid, schemaVersion, templating, panels } = readDashboard();
    assert.deepEqual({ uid, schemaVersion }, { uid: 'image-credential-binding', schemaVersion: 39 });
    assert.deepEqual(
      templating.list.map(({ name, type }) => `${name} ${type}`),
      ['datasource datasource', 'job query'],
    );
    for (const { title, type, datasource } of panels) {
      assert.match(type, /^(row|stat|table|timeseries)$/, title);
      assert.match(datasource?.uid ?? '', type === 'row' ? /^$/ : /^\$\{datasource\}$/, title);
    }
    const ids = panels.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
  });

  it('has no panel that overlaps another, and no gap between rows', () => {
    const taken = new Map<string, string>();
    const { panels } = readDashboard();
    for (const { title, gridPos } of panels) {
      for (const cell of cellsOf(gridPos)) {
        assert.equal(taken.get(cell), undefined, `${title} at ${cell}`);
        taken.set(cell, title);
      }
    }
    const height = Math.max(...panels.map(({ gridPos: { y, h } }) => y + h));
    assert.equal(taken.size, 24 * height);
  });
});

/** The series that there are of a metric. */
function definedSeries([name, { type, labels }]: [
  string,
  (typeof METRICS)[keyof typeof METRICS],
]): readonly string[] {
  if (type !== 'histogram') return [described(name, labels)];
  const sums = [`${name}_sum`, `${name}_count`].map((each) => described(each, labels));
  return [described(`${name}_bucket`, [...labels, 'le']), ...sums];
}

function described(name: string, labels: Iterable<string>): string {
  return `${name} ${[...labels].sort().join(',')}`;
}

function cellsOf({ x, y, w, h }: Panel['gridPos']): readonly string[] {
  return Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`);
}

/** What an expression names or shows and that is not there. */
function missing({ text, shown }: Expression, series: Series): readonly string[] {
  const { unknown, labels } = readPromQl(text, series);
  return [
    ...unknown,
    ...shown.filter((label) => !labels.has(label)).map((label) => `label "${label}", shown`),
  ];
}

async function expressionsOfAlerts(): Promise<readonly Expression[]> {
  const rules = alertsIn(await renderRule({ namespace: 'icb', name: 'icb' }));
  return rules.map(({ alert, expr, annotations }) => {
    const templates = Object.values(annotations)
      .join(' ')
      .matchAll(/\$labels\.(\w+)/g);
    return { where: alert, text: expr, shown: [...templates].map(([, label = '']) => label) };
  });
}

/** Those that docs/alerts.md tells its reader to ask. */
async function expressionsOfPage(): Promise<readonly Expression[]> {
  const page = await readFile(join(DOCS, 'alerts.md'), 'utf8');
  const texts = [...page.matchAll(/`((?:sum|max|min) [^`]+)`/g)].map(([, text = '']) => text);
  assert.ok(texts.length > 0);
  return texts.map((text) => ({ where: 'docs/alerts.md', text, shown: [] }));
}

function expressionsOfDashboard(): readonly Expression[] {
  const { panels, templating } = readDashboard();
  const queries = panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, legendFormat = '' }) => ({
      where: title,
      text: expr.replaceAll('$__rate_interval', '5m'),
      shown: [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label),
    })),
  );
  const variables = templating.list.flatMap(({ name, definition = '' }) => {
    const [, text, label] = /^label_values\((.+), (\w+)\)$/.exec(definition) ?? [];
    return text === undefined || label === undefined ? [] : [{ where: name, text, shown: [label] }];
  });
  return [...queries, ...variables];
}
