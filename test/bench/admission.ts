/**
 * Prints how long the creation of a Scan takes with the webhook, and with one that does nothing, at 100 Scans per second:
 * `npm run bench -- admission`. Times depend on this machine and its current load. Compare them only within one run.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { untilReady } from '../../hack/testenv/processes/readiness.ts';
import { imageCredentialBindings } from '../../src/api/index.ts';
import {
  CertificateFolder,
  createScan,
  grantAdmission,
  registerWebhook,
  secretOf,
  startAdmitting,
} from '../support/cluster/admission.ts';
import { Cluster, type TestNamespace } from '../support/cluster/cluster.ts';
import { until } from '../support/until.ts';

const PER_SECOND = 100;
const SCANS = 500;
const ROUNDS = 3;
const BINDINGS = 1_000;

await using cluster = await Cluster.start({ auditLog: false });
await grantAdmission(cluster);
const certificates = await CertificateFolder.create(cluster, 'certificates');
const { ca } = await certificates.renew();
const controller = await startAdmitting(cluster, certificates);
const noOp = await startNoOp(certificates.path);
const namespace = await cluster.namespace();
/** Without a binding, so that the controller does nothing about Scans that are not bound. */
const empty = await cluster.namespace();
await namespace.pullSecret('pull', { 'reg.example': { auth: btoa('user:pass') } });
for (let index = 0; index < BINDINGS; index += 1)
  await namespace.put(imageCredentialBindings, {
    metadata: { name: `app-${index}` },
    spec: {
      image: `reg.example/app-${index}`,
      imagePullSecrets: [{ name: 'pull' }],
      verification: 'Never',
    },
  });
await namespace.condition(`app-${BINDINGS - 1}`, 'Ready', 'True Ready', 120);

process.stdout.write(
  `${PER_SECOND} Scans per second, ${BINDINGS} bindings in the namespace, ${ROUNDS} rounds:\n`,
);
for (let round = 0; round < ROUNDS; round += 1) {
  const nothing = await measure(noOp, empty);
  const ours = await measure(controller.webhook, namespace);
  for (const [name, part] of [
    ['median', 0.5],
    ['99 %', 0.99],
  ] as const) {
    const [own, other] = [at(ours, part), at(nothing, part)];
    process.stdout.write(
      `  ${name}: ${own.toFixed(1)} ms, a webhook that does nothing ${other.toFixed(1)} ms, ratio ${(own / other).toFixed(2)}\n`,
    );
  }
}

/** Milliseconds for each Scan, in ascending order. */
async function measure(url: string, where: TestNamespace): Promise<readonly number[]> {
  await registerWebhook(cluster, { url, ca });
  const isBound = async () => secretOf(await create(namespace, 0)) !== undefined;
  await until(async () => (await isBound()) === (where === namespace), 'the webhook to be used');
  const times: Promise<number>[] = [];
  const begun = performance.now();
  for (let index = 0; index < SCANS; index += 1) {
    await delay(Math.max(0, begun + (index * 1_000) / PER_SECOND - performance.now()));
    times.push(timed(() => create(where, index % BINDINGS)));
  }
  return (await Promise.all(times)).toSorted((a, b) => a - b);
}

function create({ name }: TestNamespace, index: number) {
  return createScan(cluster, name, { spec: { parameters: [`reg.example/app-${index}:1.0`] } });
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

function at(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

/** Starts the webhook that does nothing. Returns its URL. */
async function startNoOp(folder: string): Promise<string> {
  const file = join(import.meta.dirname, 'admission/no-op.ts');
  const child = await cluster.controlPlane.group.spawn('no-op', process.execPath, [file, folder]);
  let port: string | undefined;
  await untilReady(child, async () => {
    port = /port (\d+)/.exec(await readFile(child.logFile, 'utf8'))?.[1];
    return port !== undefined;
  });
  return `https://127.0.0.1:${port}/scans`;
}
