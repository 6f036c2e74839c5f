import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { load } from 'js-yaml';
import { CHART, DOCS } from '../../../hack/root.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';
import { type AlertRule, alertsIn, renderRule } from '../../support/cluster/monitoring.ts';
import { readPage } from '../../support/docs/markdown.ts';

const RELEASE = { namespace: 'icb', name: 'icb' };
const HOUR = 60;
const DAY = 24 * HOUR;

/** An alert that fires, as Alertmanager receives it. */
interface Fired {
  readonly labels: Readonly<Record<string, string>>;
  readonly description: string;
}

/** The scraped series with one value per minute, and the alerts that fire after some minutes. */
interface Scenario {
  readonly title: string;
  readonly alert: string;
  /** In promtool's notation: `1+2x3` is 1 3 5 7, `_` is a scrape without the series. */
  readonly series: Readonly<Record<string, string>>;
  readonly after: Readonly<Record<number, readonly Fired[]>>;
}

const NOT_READY: Fired = {
  labels: { namespace: 'shop', name: 'app' },
  description:
    'ImageCredentialBinding shop/app has not been ready for 15 minutes. New scans of its image may fail. Check its conditions ' +
    'for the reason and what to do: kubectl describe icb --namespace shop app',
};

function expiresSoon(left: string): Fired {
  return {
    labels: { namespace: 'shop', secret: 'pull' },
    description:
      `The credential in Secret shop/pull expires soon and has not been renewed. Time left: ${left}. ` +
      'Scans that use it fail after that. Renew the Secret.',
  };
}

const NO_LEADER: Fired = {
  labels: { lease: 'icb/icb-image-credential-binding' },
  description:
    'For 5 minutes, no controller has held the Lease icb/icb-image-credential-binding, or Prometheus has not scraped any controller. New ' +
    'bindings, new passwords and migrations do not reach scans. Scans keep the credentials that they have. Check the ' +
    "controller's pods.",
};

const NOT_READY_OF = (reason: string, instance = 'a') =>
  `icb_binding_not_ready{namespace="shop",name="app",reason="${reason}",instance="${instance}"}`;
const END_OF = (instance = 'a') =>
  `icb_credential_expiration_timestamp_seconds{namespace="shop",secret="pull",instance="${instance}"}`;
const RECONCILES = (result: string) =>
  `icb_reconcile_duration_seconds_count{controller="binding",result="${result}",instance="a"}`;

const SCENARIOS: readonly Scenario[] = [
  {
    title: 'a binding is not ready for 15 minutes',
    alert: 'ImageCredentialBindingNotReady',
    series: { [NOT_READY_OF('Denied')]: '1x30' },
    after: { 14: [], 16: [NOT_READY] },
  },
  {
    title: 'a binding is not ready, and the reason changes',
    alert: 'ImageCredentialBindingNotReady',
    series: { [NOT_READY_OF('Denied')]: '1x8 stale', [NOT_READY_OF('Unreachable')]: '_x9 1x20' },
    after: { 16: [NOT_READY] },
  },
  {
    title: 'a binding is not ready for 12 minutes',
    alert: 'ImageCredentialBindingNotReady',
    series: { [NOT_READY_OF('Denied')]: '1x12 stale' },
    after: { 14: [], 15: [], 16: [] },
  },
  {
    title: 'a binding is not ready, and the leader changes',
    alert: 'ImageCredentialBindingNotReady',
    series: { [NOT_READY_OF('Denied')]: '1x20 stale', [NOT_READY_OF('Denied', 'b')]: '_x22 1x10' },
    after: { 20: [NOT_READY], 21: [NOT_READY], 22: [NOT_READY], 23: [NOT_READY], 32: [NOT_READY] },
  },
  {
    title: 'a binding becomes ready again',
    alert: 'ImageCredentialBindingNotReady',
    series: { [NOT_READY_OF('Denied')]: '1x20 stale' },
    after: { 20: [NOT_READY], 23: [] },
  },
  {
    title: 'a login of 12 hours is renewed after 8',
    alert: 'ImageCredentialExpiresSoon',
    series: { [END_OF()]: '43200x480 72000x480 100800x480' },
    after: { [8 * HOUR]: [], [16 * HOUR]: [], [23 * HOUR]: [] },
  },
  {
    title: 'a login of 12 hours is not renewed',
    alert: 'ImageCredentialExpiresSoon',
    series: { [END_OF()]: `43200x${DAY}` },
    after: {
      [11 * HOUR]: [],
      [11 * HOUR + 10]: [expiresSoon('50m 0s')],
      [13 * HOUR]: [expiresSoon('-1h 0m 0s')],
    },
  },
  {
    title: 'a credential that was not renewed for a day expires in less than a week',
    alert: 'ImageCredentialExpiresSoon',
    series: { [END_OF()]: `${5 * 86_400}x${2 * DAY}` },
    after: { [23 * HOUR]: [], [DAY + 10]: [expiresSoon('3d 23h 50m 0s')] },
  },
  {
    title: 'a credential that was not renewed for a day expires in more than a week',
    alert: 'ImageCredentialExpiresSoon',
    series: { [END_OF()]: `${9 * 86_400}x${2 * DAY}` },
    after: { [DAY + 10]: [] },
  },
  {
    title: 'a credential expires soon, and the leader changes',
    alert: 'ImageCredentialExpiresSoon',
    series: { [END_OF()]: '3000x20 stale', [END_OF('b')]: '_x22 3000x20' },
    after: { 20: [expiresSoon('30m 0s')], 21: [expiresSoon('29m 0s')], 22: [expiresSoon('28m 0s')] },
  },
  {
    title: 'a replica leads, and another release has no leader',
    alert: 'ImageCredentialBindingNoLeader',
    series: {
      'icb_leader{lease="icb/icb-image-credential-binding",instance="a"}': '1x20',
      'icb_leader{lease="icb/icb-image-credential-binding",instance="b"}': '0x20',
      'icb_leader{lease="other/icb",instance="c"}': '0x20',
    },
    after: { 20: [] },
  },
  {
    title: 'no replica leads, and another release has a leader',
    alert: 'ImageCredentialBindingNoLeader',
    series: {
      'icb_leader{lease="icb/icb-image-credential-binding",instance="a"}': '0x20',
      'icb_leader{lease="other/icb",instance="b"}': '1x20',
    },
    after: { 4: [], 6: [NO_LEADER] },
  },
  {
    title: 'no replica is scraped',
    alert: 'ImageCredentialBindingNoLeader',
    series: { 'icb_leader{lease="other/icb",instance="b"}': '1x20' },
    after: { 6: [NO_LEADER] },
  },
  {
    title: 'the leader changes',
    alert: 'ImageCredentialBindingNoLeader',
    series: {
      'icb_leader{lease="icb/icb-image-credential-binding",instance="a"}': '1x9 stale',
      'icb_leader{lease="icb/icb-image-credential-binding",instance="b"}': '0x10 1x20',
    },
    after: { 10: [], 14: [], 20: [] },
  },
  {
    title: 'bookmarks arrive once a minute',
    alert: 'ImageCredentialBindingWatchBroken',
    series: {
      'icb_watch_idle_seconds{watch="pods",instance="a"}': '5 60 8 59 3 61 10 58 7 55 9 60 4 58 6 61 5 59 2',
    },
    after: { 18: [] },
  },
  {
    title: 'nothing arrives for one resource',
    alert: 'ImageCredentialBindingWatchBroken',
    series: {
      'icb_watch_idle_seconds{watch="pods",instance="a"}': '0+60x30',
      'icb_watch_idle_seconds{watch="scans",instance="a"}': '30x30',
    },
    after: {
      10: [],
      12: [
        {
          labels: { watch: 'pods', instance: 'a' },
          description:
            'a has received nothing from the API server about pods for 12m 0s. It acts on outdated objects, or skips a ' +
            'namespace. Check its log and its rights.',
        },
      ],
    },
  },
  {
    title: 'a key fails every five minutes',
    alert: 'ImageCredentialBindingReconcileErrors',
    series: { [RECONCILES('error')]: '1x4 2x4 3x4 4x4 5x4 6x4 7x4' },
    after: {
      18: [],
      22: [
        {
          labels: { controller: 'binding' },
          description:
            'Reconciles of the controller binding have failed for 15 minutes. Check the log for lines with the message: ' +
            'reconcile failed, trying again.',
        },
      ],
    },
  },
  {
    title: 'a key fails occasionally, and others are outdated',
    alert: 'ImageCredentialBindingReconcileErrors',
    series: {
      [RECONCILES('error')]: '1x4 3x60',
      [RECONCILES('outdated')]: '0+9x60',
      [RECONCILES('success')]: '0+9x60',
    },
    after: { 10: [], 15: [], 20: [], 30: [] },
  },
  {
    title: 'keys wait for longer and longer',
    alert: 'ImageCredentialBindingQueueStuck',
    series: {
      'icb_workqueue_oldest_seconds{controller="binding",instance="a"}': '0+60x40',
      'icb_workqueue_oldest_seconds{controller="run",instance="a"}': '20x40',
    },
    after: {
      15: [],
      17: [
        {
          labels: { controller: 'binding' },
          description:
            'The oldest key in the queue of the controller binding has waited for 17m 0s. Changes reach scans late or not at ' +
            'all. Check CPU and the latency of the API server.',
        },
      ],
    },
  },
  {
    title: 'a handler failed',
    alert: 'ImageCredentialBindingListenerErrors',
    series: { 'icb_listener_errors_total{instance="a"}': '0x5 1x40' },
    after: {
      4: [],
      7: [
        {
          labels: { instance: 'a' },
          description:
            'a could not handle a change of an object, so some objects may not have been reconciled. Check the log for lines ' +
            'with the message: a change could not be handled. Then report the error.',
        },
      ],
      30: [],
    },
  },
];

describe('the alerts', () => {
  let promtool: string;
  let directory: string;
  let alerts: readonly AlertRule[];

  before(async () => {
    promtool = (await tools(['promtool'], (line) => process.stderr.write(`${line}\n`))).promtool;
    directory = await mkdtemp(join(tmpdir(), 'icb-alerts-'));
    const rule = await renderRule(RELEASE);
    alerts = alertsIn(rule);
    await writeFile(join(directory, 'rules.json'), JSON.stringify(rule.spec));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it('are rules that Prometheus accepts', async () => {
    const { stdout } = await promisify(execFile)(promtool, ['check', 'rules', '--lint=all', 'rules.json'], {
      cwd: directory,
    });
    assert.match(stdout, new RegExp(`SUCCESS: ${alerts.length} rules found`));
  });

  it('have one entry each in docs/alerts.md, in the same order, and link to it', async () => {
    const page = await readFile(join(DOCS, 'alerts.md'), 'utf8');
    const entries = [...page.matchAll(/^## (?<name>.+)$/gm)].map(({ groups }) => groups?.['name'] ?? '');
    assert.deepEqual(
      entries,
      alerts.map(({ alert }) => alert),
    );
    const base = 'https://wiki.example/alerts';
    const elsewhere = await renderRule(RELEASE, `metrics.prometheusRule.runbookUrl=${base}`);
    assert.deepEqual(
      alertsIn(elsewhere).map(({ annotations }) => annotations.runbook_url),
      entries.map((entry) => `${base}#${entry.toLowerCase()}`),
    );
  });

  it('are in the table of docs/alerts.md with their severity', () => {
    const rows = readPage('docs/alerts.md').tables.get('Monitoring and alerts') ?? [];
    assert.deepEqual(
      rows.map(([name, severity]) => `${name} ${severity}`),
      alerts.map(({ alert, labels }) => `[${alert}](#${alert.toLowerCase()}) \`${labels['severity']}\``),
    );
  });

  it('link to the page of the version of the controller by default', () => {
    const { appVersion } = load(readFileSync(join(CHART, 'Chart.yaml'), 'utf8')) as {
      readonly appVersion: string;
    };
    const page = `/blob/v${appVersion}/docs/alerts.md#`;
    for (const { alert, annotations } of alerts)
      assert.ok(annotations.runbook_url.includes(page), `${alert}: ${annotations.runbook_url}`);
  });

  it('have a severity', () => {
    for (const { alert, labels } of alerts)
      assert.match(labels['severity'] ?? '', /^(warning|critical)$/, alert);
  });

  it('about credentials fire as early as the chart value says', async () => {
    const set = 'metrics.prometheusRule.credentialExpiresWithinSeconds=600';
    const [rule] = alertsIn(await renderRule(RELEASE, set)).filter(
      ({ alert }) => alert === 'ImageCredentialExpiresSoon',
    );
    assert.match(rule?.expr ?? '', /- time\(\)\s+< 600\b/);
  });

  it('are all covered by a scenario', () => {
    const covered = new Set(SCENARIOS.filter(({ after: times }) => fires(times)).map(({ alert }) => alert));
    assert.deepEqual(
      alerts.map(({ alert }) => alert).filter((alert) => !covered.has(alert)),
      [],
    );
  });

  for (const scenario of SCENARIOS) {
    const { title, alert, after: times } = scenario;
    it(`${alert} ${fires(times) ? 'fires' : 'does not fire'}: ${title}`, async () => {
      await writeFile(join(directory, 'test.json'), JSON.stringify(promtoolTest(scenario, alerts)));
      const run = promisify(execFile)(promtool, ['test', 'rules', 'test.json'], { cwd: directory });
      await run.catch((error: { readonly stdout: string; readonly stderr: string }) =>
        assert.fail(`${error.stdout}${error.stderr}`),
      );
    });
  }
});

function fires(times: Scenario['after']): boolean {
  return Object.values(times).some((fired) => fired.length > 0);
}

/** A file for `promtool test rules`: https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/ */
function promtoolTest({ alert, series, after: times }: Scenario, alerts: readonly AlertRule[]): object {
  const rule = alerts.find((one) => one.alert === alert);
  const test = {
    interval: '1m',
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    alert_rule_test: Object.entries(times).map(([minutes, fired]) => ({
      eval_time: `${minutes}m`,
      alertname: alert,
      exp_alerts: fired.map(({ labels, description }) => ({
        exp_labels: { ...labels, ...rule?.labels },
        exp_annotations: { ...rule?.annotations, description },
      })),
    })),
  };
  return { rule_files: ['rules.json'], evaluation_interval: '1m', tests: [test] };
}
