import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type ControlPlane, startControlPlane } from '../../hack/control-plane.ts';
import { tools } from '../../hack/tools.ts';
import { CHART, readDashboard, render, repository, valuesIn } from './monitoring.ts';

const NAMESPACE = 'monitored';
const RELEASE = { namespace: NAMESPACE, name: 'icb' };

describe('monitoring, installed as docs/alerts.md says', () => {
  let controlPlane: ControlPlane;
  let helm: string;
  const values = valuesIn('alerts.md');

  before(async () => {
    const log = (line: string) => process.stderr.write(`${line}\n`);
    helm = (await tools(['helm'], log)).helm;
    controlPlane = await startControlPlane({ log, auditLog: false });
    await controlPlane.installCrds(globSync(join(repository, 'crds/*.yaml')));
    await controlPlane.kubectl(['create', 'namespace', NAMESPACE]);
  });
  after(() => controlPlane?.stop());

  const runHelm = (...arguments_: readonly string[]) =>
    controlPlane.group.run(helm, [...arguments_, '--namespace', NAMESPACE], {
      env: { KUBECONFIG: controlPlane.kubeconfig },
    });
  const install = () =>
    runHelm('upgrade', '--install', RELEASE.name, CHART, ...values.flatMap((value) => ['--set', value]));
  const get = async <T>(...what: readonly string[]): Promise<T> => {
    const { stdout } = await controlPlane.kubectl([
      'get',
      ...what,
      '--namespace',
      NAMESPACE,
      '--output=json',
    ]);
    return JSON.parse(stdout) as T;
  };

  it('is refused, whole, with what is missing, where the CRDs of the Prometheus operator are not there', async () => {
    assert.deepEqual(values, [
      ...[
        'metrics.serviceMonitor.enabled=true',
        'metrics.prometheusRule.enabled=true',
        'metrics.dashboard.enabled=true',
      ],
    ]);
    const { code, stderr } = await install();
    assert.equal(code, 1);
    assert.match(
      stderr,
      /no matches for kind "(ServiceMonitor|PrometheusRule)".*\n?.*ensure CRDs are installed first/,
    );
    assert.match((await runHelm('status', RELEASE.name)).stderr, /release: not found/);
    assert.deepEqual((await get<{ items: readonly unknown[] }>('deployment,service')).items, []);
  });

  it('is taken by an API server that has them, without a field that it does not know', async () => {
    await controlPlane.installCrds(
      globSync(join(repository, 'test/fixtures/prometheus-operator-crds/*.yaml')),
    );
    const input = await render(RELEASE, [...values, 'metrics.service.annotations.prometheus\\.io/path=/metrics']);
    await controlPlane.kubectl(['create', '--dry-run=server', '--validate=strict', '--filename=-'], {
      input,
    });
    const { code, stderr } = await install();
    assert.equal(code, 0, stderr);
  });

  it('has Prometheus scrape the pods, each by itself, and keep the label namespace', async () => {
    interface ServiceMonitor {
      readonly spec: {
        readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
        readonly endpoints: readonly { readonly port: string; readonly honorLabels: boolean }[];
      };
    }
    interface Service {
      readonly spec: {
        readonly clusterIP: string;
        readonly selector: Readonly<Record<string, string>>;
        readonly ports: readonly { readonly name: string; readonly targetPort: string }[];
      };
    }
    interface Deployment {
      readonly spec: {
        readonly template: {
          readonly metadata: { readonly labels: Readonly<Record<string, string>> };
          readonly spec: {
            readonly containers: readonly { readonly ports: readonly { readonly name: string }[] }[];
          };
        };
      };
    }
    const { spec: monitor } = await get<ServiceMonitor>('servicemonitor', RELEASE.name);
    const selector = Object.entries(monitor.selector.matchLabels).map(([key, value]) => `${key}=${value}`);
    const services = await get<{ items: readonly Service[] }>('service', `--selector=${selector.join(',')}`);
    const [service] = services.items.map(({ spec }) => spec);
    assert.equal(services.items.length, 1);
    assert.equal(service?.clusterIP, 'None');
    const { template } = (await get<Deployment>('deployment', RELEASE.name)).spec;
    assert.deepEqual({ ...template.metadata.labels, ...service?.selector }, template.metadata.labels);
    const [endpoint] = monitor.endpoints;
    assert.equal(endpoint?.honorLabels, true);
    const port = service?.ports.find(({ name }) => name === endpoint?.port)?.targetPort;
    assert.ok(template.spec.containers[0]?.ports.some(({ name }) => name === port));
  });

  it('hands the dashboard to the sidecar, as it is', async () => {
    interface ConfigMap {
      readonly data: Readonly<Record<string, string>>;
    }
    const { items } = await get<{ items: readonly ConfigMap[] }>(
      'configmap',
      '--selector=grafana_dashboard=1',
    );
    assert.deepEqual(
      items.map(({ data }) => JSON.parse(data['image-credential-binding.json'] ?? '')),
      [readDashboard()],
    );
  });

  it('is off unless it is asked for', async () => {
    const text = await render(RELEASE, []);
    assert.doesNotMatch(text, /kind: (Service|ServiceMonitor|PrometheusRule|ConfigMap)$/m);
    assert.match(await render(RELEASE, ['metrics.service.enabled=true']), /kind: Service$/m);
  });
});
