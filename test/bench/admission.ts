/**
 * Prints how long the creation of a Scan takes with the webhook, and with one that does nothing, at 100 Scans per second each:
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
  registerWebhooks,
  secretOf,
  startAdmitting,
} from '../support/cluster/admission.ts';
import { Cluster, type TestNamespace } from '../support/cluster/cluster.ts';
import { until } from '../support/until.ts';

const PER_SECOND = 100;
/** For each webhook, per round. */
const SCANS = 400;
/** Many short ones, because other work on the machine then falls into few of them. */
const ROUNDS = 15;
const BINDINGS = 1_000;
const PARTS = [
  ['median', 0.5],
  ['99 %', 0.99],
] as const;

/** Milliseconds for each Scan, with the webhook, and with one that does nothing. */
interface Times {
  readonly ours: readonly number[];
  readonly nothing: readonly number[];
}

await using cluster = await Cluster.start({ auditLog: false });
await grantAdmission(cluster);
const certificates = await CertificateFolder.create(cluster, 'certificates');
const { ca } = await certificates.renew();
const controller = await startAdmitting(cluster, certificates);
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

await registerWebhooks(cluster, {
  webhooks: [
    { url: controller.webhook, namespace: namespace.name },
    { url: await startNoOp(certificates.path), namespace: empty.name },
  ],
  ca,
});
await until(async () => secretOf(await create(namespace, 0)) !== undefined, 'the webhook to be called');

process.stdout.write(
  `${PER_SECOND} Scans per second with each of the two webhooks, ${BINDINGS} bindings in the namespace, median of ${ROUNDS} rounds:\n`,
);
const rounds: Times[] = [];
while (rounds.length < ROUNDS) rounds.push(await measure());
for (const [name, part] of PARTS) {
  const own = rounds.map(({ ours }) => at(ours, part));
  const other = rounds.map(({ nothing }) => at(nothing, part));
  const ratios = own.map((time, index) => time / (other[index] ?? 0));
  process.stdout.write(
    `  ${name}: ${median(own)} ms, a webhook that does nothing ${median(other)} ms, ratio ${median(ratios)} ` +
      `(${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})\n`,
  );
}

/** Creates Scans with both webhooks by turns, so that what else runs on the machine slows down both. */
async function measure(): Promise<Times> {
  const ours: Promise<number>[] = [];
  const nothing: Promise<number>[] = [];
  const begun = performance.now();
  for (let index = 0; index < SCANS; index += 1) {
    await delay(Math.max(0, begun + (index * 1_000) / PER_SECOND - performance.now()));
    ours.push(timed(() => create(namespace, index % BINDINGS)));
    await delay(Math.max(0, begun + ((index + 0.5) * 1_000) / PER_SECOND - performance.now()));
    nothing.push(timed(() => create(empty, index % BINDINGS)));
  }
  return { ours: await Promise.all(ours), nothing: await Promise.all(nothing) };
}

function create({ name }: TestNamespace, index: number) {
  return createScan(cluster, name, { spec: { parameters: [`reg.example/app-${index}:1.0`] } });
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

function at(times: readonly number[], part: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

function median(values: readonly number[]): string {
  return at(values, 0.5).toFixed(2);
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
