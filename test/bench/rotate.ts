/**
 * Prints how long the delivery of a new credential to Trivy takes while one of 200 pull secrets changes every 20 ms:
 * `npm run bench -- rotate`. A bare writer serves as a comparison: it has the same watches and makes one write per change.
 * Ten bindings use each secret. Times depend on this machine and its current load, so that only the ratios are meaningful.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { imageCredentialBindings } from '../../src/api/index.ts';
import { keyOf } from '../../src/object/object.ts';
import { type Binding, Cluster, SECRETS } from '../support/cluster/cluster.ts';
import { cpuSecondsOf, memoryOf, type ProcessMemory } from '../support/process.ts';
import { until } from '../support/until.ts';
import { TRIVY_SECRETS } from './estate/bare.ts';
import { type Contender, Contenders } from './estate/contender.ts';
import { prepareEstate } from './estate/estate.ts';
import { compare, print, printMemory, type Rounds } from './estate/figures.ts';
import { loadOf, requestsPerEach } from './estate/load.ts';
import { authIn, pullSecretData, sourceOf } from './estate/secrets.ts';
import { watching } from './estate/watching.ts';

const SIZE = { bindings: 2_000, secrets: 200 };
const EACH_MS = 20;
const ROUNDS = 3;
const LONGEST_SECONDS = 600;
/** Time for garbage collection. */
const IDLE_MS = 5_000;

/** Times are in milliseconds. */
interface Rotation {
  /** From the first change until each Trivy Secret has the new value. */
  readonly whole: number;
  /** From the API server's response to a change until the change is observed in the Trivy Secret, in ascending order. */
  readonly latencies: readonly number[];
  /** Requests per change, including the change itself, which is a patch. */
  readonly requests: string;
}

interface Round extends Rotation {
  /** CPU time of the process, in milliseconds. */
  readonly cpu: number;
  readonly memory: ProcessMemory;
}

await using cluster = await Cluster.start({ auditLog: false });
const { client } = cluster;
await using contenders = await Contenders.make(cluster, 'test/bench/estate/bare-rotate.ts');
const pullSecrets = await prepareEstate(cluster, SIZE);
/** When each Trivy Secret was first observed with a value, by the key of its pull secret and the value. */
const seenAt = new Map<string, number>();
await using _trivySecrets = await watching(client, TRIVY_SECRETS, (secret) => {
  const sighting = `${sourceOf(secret)} ${authIn(secret)}`;
  if (!seenAt.has(sighting)) seenAt.set(sighting, performance.now());
});
await converge();

let rotations = 0;
const rounds: Rounds<Round> = { controller: [], bare: [] };
for (let round = 0; round < ROUNDS; round += 1) {
  rounds.controller.push(await measure(() => contenders.startController()));
  rounds.bare.push(await measure(() => contenders.startBareWriter()));
}
print(`${SIZE.secrets} pull secrets, one changed every ${EACH_MS} ms, median of ${ROUNDS} rounds:`);
compare('until each is delivered', rounds, ({ whole }) => whole);
compare('changed → delivered, median', rounds, ({ latencies }) => at(latencies, 0.5));
compare('changed → delivered, 95 %', rounds, ({ latencies }) => at(latencies, 0.95));
compare('changed → delivered, worst', rounds, ({ latencies }) => at(latencies, 1));
compare('CPU of the process', rounds, ({ cpu }) => cpu);
for (const [name, [first]] of Object.entries(rounds))
  print(`requests per change, ${name}: ${first?.requests}`);
printMemory(rounds.controller);

/** Runs the controller until it has created the Trivy Secrets and bound all scans. */
async function converge(): Promise<void> {
  const bound = new Set<string>();
  await using _bindings = await watching<Binding>(
    client,
    { resource: imageCredentialBindings },
    ({ metadata: { namespace = '', name }, status }) => {
      if (status?.scans?.bound === 1) bound.add(keyOf({ namespace, name }));
    },
  );
  const { child } = await contenders.startController();
  await until(() => bound.size === SIZE.bindings, 'all scans to be bound', LONGEST_SECONDS);
  await child.stop();
}

async function measure(start: () => Promise<Contender>): Promise<Round> {
  const { child } = await start();
  // The first rotation warms both up, and after it the controller has reconciled all objects.
  await rotate();
  const before = await cpuSecondsOf(child.pid);
  const rotation = await rotate();
  const cpu = ((await cpuSecondsOf(child.pid)) - before) * 1_000;
  await delay(IDLE_MS);
  const memory = await memoryOf(child.pid);
  await child.stop();
  return { ...rotation, cpu, memory };
}

async function rotate(): Promise<Rotation> {
  rotations += 1;
  const auth = btoa(`user:${rotations}`);
  const before = await loadOf(cluster.controlPlane);
  const begun = performance.now();
  const changes = pullSecrets.map(async (place, index) => {
    await delay(index * EACH_MS);
    await client.patch(SECRETS, place, { data: pullSecretData(auth) });
    return { sighting: `${keyOf(place)} ${auth}`, at: performance.now() };
  });
  const changed = await Promise.all(changes);
  await until(() => changed.every(({ sighting }) => seenAt.has(sighting)), 'each change to be delivered', 60);
  const seen = (sighting: string) => seenAt.get(sighting) ?? Number.NaN;
  const requests = requestsPerEach(before, await loadOf(cluster.controlPlane), SIZE.secrets);
  return {
    whole: Math.max(...changed.map(({ sighting }) => seen(sighting))) - begun,
    latencies: changed.map(({ sighting, at }) => seen(sighting) - at).toSorted((a, b) => a - b),
    requests,
  };
}

/** The quantile of the sorted values. */
function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
