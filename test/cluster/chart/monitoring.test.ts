import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { load } from 'js-yaml';
import { CHART, CRDS, DOCS, ROOT } from '../../../hack/root.ts';
import { type ControlPlane, startControlPlane } from '../../../hack/testenv/control-plane/control-plane.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';
import { readDashboard, render } from '../../support/cluster/monitoring.ts';
import { writeHelmWithoutWebhook } from '../../support/cluster/webhook-off.ts';

/** The name of the release and of its namespace. */
const RELEASE = 'image-credential-binding';

describe('monitoring, installed as docs/alerts.md says', () => {
  let controlPlane: ControlPlane;
  let path: string;
  let page: string;
  let values: readonly string[];

  before(async () => {
    page = await readFile(join(DOCS, 'alerts.md'), 'utf8');
    values = [...page.matchAll(/--set (metrics\.\S+)/g)].map(([, value = '']) => value);
    const log = (line: string) => process.stderr.write(`${line}\n`);
    const { helm } = await tools(['helm'], log);
    controlPlane = await startControlPlane({ log, auditLog: false });
    await writeHelmWithoutWebhook(controlPlane.directory, helm);
    path = [controlPlane.directory, process.env['PATH']].join(':');
    await controlPlane.installCrds(globSync(join(CRDS, '*.yaml')));
  });
  after(() => controlPlane?.stop());

  const shell = (command: string) =>
    controlPlane.group.run('/bin/sh', ['-c', command], {
      env: { KUBECONFIG: controlPlane.kubeconfig, PATH: path },
      cwd: ROOT,
    });
  const install = async () => {
    const [, command = ''] = /^```sh\n([\s\S]*?)^```$/m.exec(page) ?? [];
    // The page upgrades an installed release, and this cluster has none yet.
    return shell(command.replace('helm upgrade', '$& --install --create-namespace'));
  };
  const get = async <T>(...what: readonly string[]): Promise<T> => {
    const { stdout } = await controlPlane.kubectl(['get', ...what, '--namespace', RELEASE, '--output=json']);
    return JSON.parse(stdout) as T;
  };

  it('is refused as a whole, and the message names the missing kind, if the CRDs of the Prometheus operator are missing', async () => {
    const { code, stderr } = await install();
    assert.equal(code, 1);
    assert.match(
      stderr,
      /no matches for kind "(ServiceMonitor|PrometheusRule)".*\n?.*ensure CRDs are installed first/,
    );
    const { stdout } = await controlPlane.kubectl(['get', 'namespaces', '--output=name']);
    assert.doesNotMatch(stdout, new RegExp(RELEASE));
  });

  it('is accepted by an API server that has the CRDs, without unknown fields', async () => {
    await controlPlane.installCrds(
      globSync(join(ROOT, 'test/support/fixtures/prometheus-operator-crds/*.yaml')),
    );
    const { code, stderr } = await install();
    assert.equal(code, 0, stderr);
    const annotated = 'metrics.service.annotations.prometheus\\.io/path=/metrics';
    const input = await render({ namespace: RELEASE, name: RELEASE }, [...values, annotated]);
    const strictly = ['apply', '--dry-run=server', '--validate=strict', '--filename=-'];
    const { stdout } = await controlPlane.kubectl(strictly, { input });
    assert.match(stdout, /^servicemonitor\S+ configured \(server dry run\)$/m);
    assert.match(stdout, /^prometheusrule\S+ configured \(server dry run\)$/m);
  });

  it('lets Prometheus scrape each pod individually, and keeps the label namespace', async () => {
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
    const { spec: monitor } = await get<ServiceMonitor>('servicemonitor', RELEASE);
    const selector = Object.entries(monitor.selector.matchLabels).map(([key, value]) => `${key}=${value}`);
    const services = await get<{ items: readonly Service[] }>('service', `--selector=${selector.join(',')}`);
    const [service] = services.items.map(({ spec }) => spec);
    assert.equal(services.items.length, 1);
    assert.equal(service?.clusterIP, 'None');
    const { template } = (await get<Deployment>('deployment', RELEASE)).spec;
    assert.deepEqual({ ...template.metadata.labels, ...service?.selector }, template.metadata.labels);
    const [endpoint] = monitor.endpoints;
    assert.equal(endpoint?.honorLabels, true);
    const port = service?.ports.find(({ name }) => name === endpoint?.port)?.targetPort;
    assert.ok(template.spec.containers[0]?.ports.some(({ name }) => name === port));
  });

  it('provides the dashboard to the Grafana sidecar unchanged', async () => {
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

  it('is documented with existing chart values only', async () => {
    const chart = load(await readFile(join(CHART, 'values.yaml'), 'utf8'));
    const named = [...page.matchAll(/`((?:metrics|config)\.[\w.]+)`/g)].map(([, name = '']) => name);
    assert.ok(named.length > 5, named.join(' '));
    for (const name of named) {
      const value = name.split('.').reduce((within, key) => Object(within)[key], chart);
      assert.notEqual(value, undefined, name);
    }
  });

  it('is off by default', async () => {
    const text = await render({ namespace: RELEASE, name: RELEASE }, ['admission.enabled=false']);
    assert.doesNotMatch(text, /kind: (Service|ServiceMonitor|PrometheusRule|ConfigMap)$/m);
    assert.match(
      await render({ namespace: RELEASE, name: RELEASE }, [
        'admission.enabled=false',
        'metrics.service.enabled=true',
      ]),
      /kind: Service$/m,
    );
  });
});
