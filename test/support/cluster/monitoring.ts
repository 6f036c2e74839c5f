/** What the chart renders for Prometheus and Grafana. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { CHART } from '../../../hack/root.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: {
    readonly summary: string;
    readonly description: string;
    readonly runbook_url: string;
  };
}

export interface PrometheusRule {
  readonly kind: 'PrometheusRule';
  readonly spec: { readonly groups: readonly { readonly rules: readonly AlertRule[] }[] };
}

interface Query {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat?: string;
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly Query[];
}

export interface Dashboard {
  readonly uid: string;
  readonly schemaVersion: number;
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly definition?: string }[];
  };
  readonly panels: readonly Panel[];
}

/** The chart's objects of a release, as YAML. */
export async function render(
  release: { readonly namespace: string; readonly name: string },
  values: readonly string[],
): Promise<string> {
  const { helm } = await tools(['helm'], (line) => process.stderr.write(`${line}\n`));
  const set = values.flatMap((value) => ['--set', value]);
  const arguments_ = [
    'template',
    release.name,
    CHART,
    '--kube-version',
    '1.30.0',
    '--namespace',
    release.namespace,
  ];
  const { status, stdout, stderr } = spawnSync(helm, [...arguments_, ...set], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`helm template ended with ${status}: ${stderr}`);
  return stdout;
}

/** The PrometheusRule of a release. */
export async function renderRule(
  release: { readonly namespace: string; readonly name: string },
  ...values: readonly string[]
): Promise<PrometheusRule> {
  const text = await render(release, ['metrics.prometheusRule.enabled=true', ...values]);
  const objects = loadAll(text) as readonly (PrometheusRule | { readonly kind: 'Other' })[];
  const rule = objects.find((object) => object.kind === 'PrometheusRule');
  if (rule === undefined) throw new Error('the chart renders no PrometheusRule');
  return rule;
}

/** The alerts, in their order. */
export function alertsIn({ spec }: PrometheusRule): readonly AlertRule[] {
  return spec.groups.flatMap(({ rules }) => rules);
}

/** The chart's dashboard. */
export function readDashboard(): Dashboard {
  return JSON.parse(
    readFileSync(join(CHART, 'dashboards/image-credential-binding.json'), 'utf8'),
  ) as Dashboard;
}
