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
import { HELD_ANNOTATION } from '../../../src/api/names.ts';
import { METRICS } from '../../../src/telemetry/definitions.ts';
import {
  CertificateFolder,
  createScan,
  grantAdmission,
  metric,
  registerWebhook,
  startAdmitting,
  untilCalled,
} from '../../support/cluster/admission.ts';
import { Cluster, type TestNamespace } from '../../support/cluster/cluster.ts';
import { alertsIn, type Panel, readDashboard, renderRule } from '../../support/cluster/monitoring.ts';
import { readExposition, readPromQl, type Series } from '../../support/promql.ts';
import { until } from '../../support/until.ts';

const EXPIRATION = Math.floor(Date.now() / 1000) + 30 * 86_400;
const CANARY = 'canary-7Kd';

/** A PromQL expression, and the labels of its result that are displayed. */
interface Expression {
  readonly where: string;
  readonly text: string;
  readonly shown: readonly string[];
}

describe('the metrics of a running controller', () => {
  let cluster: Cluster;
  let namespace: TestNamespace;
  let controller: RunningController;
  /** Has every manifest, and lets everyone pull it. */
  const registry = createServer((_, response) =>
    response.writeHead(200, { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }).end(),
  );

  before(async () => {
    registry.listen(0, '127.0.0.1');
    cluster = await Cluster.start({ values: ['config.discovery.enabled=true'] });
    namespace = await cluster.namespace();
    await grantAdmission(cluster);
    const certificates = await CertificateFolder.create(cluster, 'certificates');
    const { ca } = await certificates.renew();
    const admitting = await startAdmitting(cluster, certificates, { flags: flags() });
    controller = admitting;
    await registerWebhook(cluster, { url: admitting.webhook, ca });
    await untilCalled(cluster, admitting);
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

  /** Produces at least one value for each metric. */
  async function populate(): Promise<void> {
    const auth = btoa(`user:${CANARY}`);
    const token = ['e30', btoa(JSON.stringify({ exp: EXPIRATION })).replaceAll('=', ''), CANARY].join('.');
    await namespace.pullSecret('pull', {
      [host()]: { auth },
      'old.example': { auth },
      'new.example': { auth },
    });
    await namespace.pullSecret('expiring', { 'expiring.example': { auth: btoa(`user:${token}`) } });
    await namespace.binding('missing', { image: 'reg.example/app', imagePullSecrets: [{ name: 'gone' }] });
    await namespace.binding('expiring', {
      image: 'expiring.example/app',
      imagePullSecrets: [{ name: 'expiring' }],
    });
    await namespace.binding('checked', { image: `${host()}/checked`, verification: 'Required' });
    await namespace.condition('missing', 'Ready', 'False SecretNotFound');
    await namespace.condition('expiring', 'Ready', 'True Ready');
    await namespace.condition('checked', 'Ready', 'True Ready');
    await migrateScan();
    await createScans();
  }

  /** A Scan that starts unbound, and one that was held. */
  async function createScans(): Promise<void> {
    await createScan(cluster, namespace.name);
    await createScan(cluster, namespace.name, {
      spec: { suspend: true, parameters: ['none.example/app'] },
      metadata: { annotations: { [HELD_ANNOTATION]: 'resume' } },
    });
    const names = ['icb_held_scans_total', 'icb_unbound_scans'];
    await until(async () => {
      const values = await Promise.all(names.map((name) => metric(controller, name)));
      return values.every((value) => value > 0);
    }, 'the metrics of Scans');
  }

  async function migrateScan(): Promise<void> {
    await namespace.scan('migrated', ['old.example/migrated:1'], { spec: { suspend: false } });
    const status = JSON.stringify({ status: { lastScheduleTime: new Date().toISOString() } });
    const patch = [
      'patch',
      'scheduledscan',
      'migrated',
      '--subresource=status',
      '--type=merge',
      '--patch',
      status,
    ];
    await cluster.controlPlane.kubectl([...patch, '--namespace', namespace.name]);
    await namespace.binding('migrated', { image: 'old.example/migrated' });
    await namespace.bound('migrated');
    await namespace.binding('migrated', {
      image: 'new.example/migrated',
      replaces: ['old.example/migrated'],
    });
    await namespace.condition('migrated', 'Ready', 'True Ready');
    await until(async () => /^icb_scan_runs_started_total/m.test(await scrape()), 'a started run');
  }

  it('are those of the reference page, with its labels, and no others', async () => {
    const exposed = [...readExposition(await scrape())].filter(([name]) => name.startsWith('icb_'));
    assert.deepEqual(
      exposed.map(([name, labels]) => described(name, labels)).sort(),
      Object.entries(METRICS).flatMap(definedSeries).sort(),
    );
  });

  it('name only the bindings that are not ready and the Secrets that expire', async () => {
    const text = await scrape();
    const { name } = namespace;
    const lines = text.split('\n').filter((line) => line.includes(name));
    assert.deepEqual(lines, [
      `icb_binding_not_ready{namespace="${name}",name="missing",reason="SecretNotFound"} 1`,
      `icb_credential_expiration_timestamp_seconds{namespace="${name}",secret="expiring"} ${EXPIRATION}`,
      `icb_unbound_scans{namespace="${name}",name="missing"} 1`,
    ]);
    assert.match(text, /^icb_bindings\{ready="False",reason="SecretNotFound"\} 1$/m);
    assert.match(text, /^icb_bindings\{ready="True",reason="Ready"\} 3$/m);
    assert.doesNotMatch(text, new RegExp(CANARY));
  });

  it('include everything that the alerts and the dashboard name, with the labels that they display', async () => {
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

  it('are exposed by the leader alone if they describe the cluster', async () => {
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
  it('is valid for Grafana, field by field', async () => {
    const { 'dashboard-check': check } = await tools(['dashboard-check'], (line) =>
      process.stderr.write(`${line}\n`),
    );
    const checked = (text: string) => spawnSync(check, { input: text, encoding: 'utf8' }).stdout;
    const text = JSON.stringify(readDashboard());
    assert.equal(checked(text), '');
    assert.match(checked(text.replace('"colorMode"', '"colourMode"')), /unexpected field 'colourMode'/);
  });

  it('has a fixed identity, and queries the selected Prometheus', () => {
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

  it('has no overlapping panels, and no gaps between rows', () => {
    const cells = new Map<string, string>();
    const { panels } = readDashboard();
    for (const { title, gridPos } of panels) {
      for (const cell of cellsOf(gridPos)) {
        assert.equal(cells.get(cell), undefined, `${title} at ${cell}`);
        cells.set(cell, title);
      }
    }
    const height = Math.max(...panels.map(({ gridPos: { y, h } }) => y + h));
    assert.equal(cells.size, 24 * height);
  });
});

/** The series of a metric. */
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

/** The metrics and labels that an expression names or displays and that do not exist. */
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

/** The expressions that docs/alerts.md recommends to its readers. */
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
