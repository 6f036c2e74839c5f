/**
 * Prints the cost of KubeClient compared with a bare loop on the same connections: `npm run bench -- requests`. Only the
 * ratios are meaningful.
 */
import { KubeConfig } from '@kubernetes/client-node';
import { startControlPlane } from '../../hack/testenv/control-plane/control-plane.ts';
import { KubeClient } from '../../src/kube/client/client.ts';
import { Transport } from '../../src/kube/client/transport.ts';
import type { Resource } from '../../src/object/object.ts';

const CONFIG_MAPS: Resource = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap' };
const REQUESTS = 3_000;
const ROUNDS = 5;
const WORKERS = 16;

await using controlPlane = await startControlPlane({ auditLog: false });
const config = new KubeConfig();
config.loadFromFile(controlPlane.kubeconfig);
const transport = new Transport(config);
const client = new KubeClient({ transport, fieldManager: 'bench' });
const place = { namespace: 'default', name: 'bench' };
await client.create(CONFIG_MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata: place });

const { requests, origin, headers } = await transport.connection();
const bare = async (): Promise<void> => {
  const path = '/api/v1/namespaces/default/configmaps/bench';
  const { body } = await requests.request({ origin, path, method: 'GET', headers });
  JSON.parse(await body.text());
};
const withKubeClient = async (): Promise<void> => {
  await client.get(CONFIG_MAPS, place);
};

await measure(withKubeClient);
await measure(bare);
const rows = { 'bare loop': [] as Figures[], KubeClient: [] as Figures[] };
for (let round = 0; round < ROUNDS; round += 1) {
  rows['bare loop'].push(await measure(bare));
  rows.KubeClient.push(await measure(withKubeClient));
}
print(`${REQUESTS} GETs of a ConfigMap, ${WORKERS} at a time, median of ${ROUNDS} rounds:`);
for (const [name, figures] of Object.entries(rows)) {
  const perSecond = middle(figures.map((one) => one.perSecond));
  const cpu = middle(figures.map((one) => one.cpuMilliseconds));
  print(
    `  ${name.padEnd(10)} ${perSecond.toFixed(0).padStart(6)} requests/s ${cpu.toFixed(3)} ms of CPU per request`,
  );
}
await transport.close();

interface Figures {
  readonly perSecond: number;
  readonly cpuMilliseconds: number;
}

async function measure(request: () => Promise<void>): Promise<Figures> {
  const begun = performance.now();
  const before = process.cpuUsage();
  await Promise.all(
    Array.from({ length: WORKERS }, async () => {
      for (let index = 0; index < REQUESTS / WORKERS; index += 1) await request();
    }),
  );
  const { user, system } = process.cpuUsage(before);
  return {
    perSecond: REQUESTS / ((performance.now() - begun) / 1000),
    cpuMilliseconds: (user + system) / 1000 / REQUESTS,
  };
}

function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
