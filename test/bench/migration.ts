/**
 * Prints how long the controller takes to migrate 1,000 scans of one binding to another registry: `npm run bench -- migration`.
 * A bare writer serves as a comparison: it makes the same requests for the scans with the same concurrency. Times depend on
 * this machine and its current load. Compare them only within one run.
 */
import { imageCredentialBindings } from '../../src/api/index.ts';
import { type Binding, Cluster, SCHEDULED_SCANS, type TestNamespace } from '../support/cluster/cluster.ts';
import { until } from '../support/until.ts';

const SCANS = 1_000;
/** The controller's concurrency of writes to scans. */
const AT_ONCE = 8;
const AUTH = { auth: btoa('user:pass') };
const names = Array.from({ length: SCANS }, (_, index) => `scan-${index}`);

await using cluster = await Cluster.start();
const bare = await prepare();
const migrated = await prepare();
await cluster.startController('--runs-per-minute', '0');
await migrated.pullSecret('pull', { 'old.example': AUTH, 'new.example': AUTH });
await migrated.binding('app', { image: 'old.example/app' });
await observed(migrated);

const bareMs = await timed(() => inBatches(names, (name) => rewrite(bare, name)));
const from = (await cluster.controlPlane.auditEvents()).length;
const migratedMs = await timed(async () => {
  await migrated.binding('app', { image: 'new.example/app', replaces: ['old.example/app'] });
  await observed(migrated);
});
const requests = (await cluster.controlPlane.auditEvents())
  .slice(from)
  .filter(({ objectRef }) => objectRef?.resource === 'scheduledscans' && objectRef.name !== undefined);
print(`bare writer, GET and PUT of ${SCANS} ScheduledScans, ${AT_ONCE} at a time: ${bareMs.toFixed(0)} ms`);
print(
  `migration of ${SCANS} scans until status reports it: ${migratedMs.toFixed(0)} ms, ${requests.length} requests for the scans`,
);
print(`ratio: ${(migratedMs / bareMs).toFixed(2)}`);

/** Creates a namespace with scans of the previous repository that are never due. */
async function prepare(): Promise<TestNamespace> {
  const namespace = await cluster.namespace();
  const spec = { suspend: false, interval: undefined, schedule: '0 0 1 1 *' };
  await inBatches(names, (name) => namespace.scan(name, [`old.example/app:${name}`], { spec }));
  return namespace;
}

/** Makes the minimal write for the outcome, with the new parameter and an annotation. */
async function rewrite(namespace: TestNamespace, name: string): Promise<void> {
  const scan = await cluster.client.get(SCHEDULED_SCANS, { namespace: namespace.name, name });
  const text = JSON.stringify(scan).replace('old.example/app', 'new.example/app');
  const annotations = { 'example.org/restore': 'x'.repeat(2_000) };
  const changed = JSON.parse(text) as typeof scan;
  await cluster.client.replace(SCHEDULED_SCANS, {
    ...changed,
    metadata: { ...changed.metadata, annotations },
  });
}

/** Waits until the status of the binding is about its current spec. */
async function observed(namespace: TestNamespace): Promise<void> {
  await until(
    async () => {
      const binding = await namespace.get<Binding>(imageCredentialBindings, 'app');
      return binding?.status?.observedGeneration === binding?.metadata.generation;
    },
    'the status to be up to date',
    120,
  );
}

async function inBatches(all: readonly string[], act: (name: string) => Promise<void>): Promise<void> {
  for (let start = 0; start < all.length; start += AT_ONCE) {
    await Promise.all(all.slice(start, start + AT_ONCE).map(act));
  }
}

async function timed(act: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await act();
  return performance.now() - begun;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
