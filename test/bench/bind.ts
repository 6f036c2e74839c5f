/**
 * Prints how long it takes from `kubectl apply` of a binding until its scan is bound, and the writes of the controller:
 * `npm run bench -- bind`. Times depend on this machine and its current load. Compare them only within one run.
 */
import { pino } from 'pino';
import { imageCredentialBindings } from '../../src/api/index.ts';
import { Reflector } from '../../src/kube/cache/reflector.ts';
import { Store } from '../../src/kube/cache/store.ts';
import {
  type RawScheduledScan,
  readScheduledScan,
  type ScheduledScan,
} from '../../src/scan/scheduled-scan.ts';
import { Cluster, SCHEDULED_SCANS, SECRETS, type TestNamespace } from '../support/cluster/cluster.ts';
import { until } from '../support/until.ts';

const BINDINGS = 200;
const CONDITION_SECONDS = 60;

await using cluster = await Cluster.start();
await cluster.startController();
const namespace = await cluster.namespace();
const names = Array.from({ length: BINDINGS }, (_, index) => `app-${index}`);

/** When each scan was first observed as bound, by name, in milliseconds of the monotonic clock. */
const boundAt = new Map<string, number>();
const store = new Store<ScheduledScan>({});
store.onChange(({ after }) => {
  if (after?.bound?.delivery !== undefined && !boundAt.has(after.name))
    boundAt.set(after.name, performance.now());
});
const reflector = new Reflector({
  client: cluster.client,
  resource: SCHEDULED_SCANS,
  // The CRD guarantees the shape.
  project: (object) => readScheduledScan(object as unknown as RawScheduledScan),
  store,
  log: pino({ level: 'silent' }),
});
reflector.start();
await reflector.synced;

print(`one after another, ${BINDINGS} bindings with one pull secret and one scan each:`);
await prepare(namespace, names);
const single: number[] = [];
const from = (await cluster.controlPlane.auditEvents()).length;
for (const name of names) single.push(await measure(namespace, [name]));
printTimes(single);
await namespace.condition(names.at(-1) ?? '', 'Ready', 'True Ready');
await printWrites(from);

const burstNamespace = await cluster.namespace();
boundAt.clear();
await prepare(burstNamespace, names);
print(
  `all at once: the last of ${BINDINGS} bound after ${(await measure(burstNamespace, names)).toFixed(0)} ms`,
);
await reflector.stop();

async function prepare(where: TestNamespace, all: readonly string[]): Promise<void> {
  for (const name of all) {
    await where.pullSecret(name, { 'reg.example': { auth: btoa(`${name}:pass`) } });
    await where.scan(name, [`reg.example/${name}:1.0`]);
  }
}

/** Milliseconds from before the bindings are created until the last of their scans is bound. */
async function measure(where: TestNamespace, some: readonly string[]): Promise<number> {
  const begun = performance.now();
  await Promise.all(
    some.map((name) =>
      where.put(imageCredentialBindings, {
        metadata: { name },
        spec: { image: `reg.example/${name}`, imagePullSecrets: [{ name }], verification: 'Never' },
      }),
    ),
  );
  await until(() => some.every((name) => boundAt.has(name)), 'all scans to be bound', CONDITION_SECONDS);
  return Math.max(...some.map((name) => boundAt.get(name) ?? Number.NaN)) - begun;
}

async function printWrites(since: number): Promise<void> {
  const counts = new Map<string, number>();
  for (const { verb, objectRef } of await cluster.writesOfController(since)) {
    const { resource = '', subresource } = objectRef ?? {};
    const what = `${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}`;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  const perBinding = [...counts].map(([what, count]) => `${(count / BINDINGS).toFixed(2)} ${what}`);
  print(`writes per binding: ${perBinding.join(', ')}`);
  const secrets = await cluster.client.list(SECRETS, { namespace: namespace.name });
  print(`secrets in the namespace: ${secrets.items.length}`);
}

function printTimes(times: readonly number[]): void {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(1);
  print(`applied → bound: median ${at(0.5)} ms, 95 % ${at(0.95)} ms, worst ${at(1)} ms`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
