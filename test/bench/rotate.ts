/**
 * Prints how long it takes until Trivy is handed a new credential, where of 200 pull secrets one is changed each 20 ms, by
 * the controller and by a bare writer that holds the same watches and makes one write for each change:
 * `npm run bench -- rotate`. Each secret serves ten bindings. Times are of this machine as busy as it is now: only the
 * ratios mean anything.
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
/** Garbage is collected meanwhile. */
const IDLE_MS = 5_000;

/** Milliseconds. */
interface Rotation {
  /** From the first change until each Trivy secret holds the new value. */
  readonly whole: number;
  /** From the API server's answer to a change until it is seen in the Trivy secret; the shortest first. */
  readonly latencies: readonly number[];
  /** Per change, with the change itself, which is a patch. */
  readonly requests: string;
}

interface Round extends Rotation {
  /** Milliseconds of CPU that the process has had. */
  readonly cpu: number;
  readonly memory: ProcessMemory;
}

await using cluster = await Cluster.start({ auditLog: false });
const { client } = cluster;
await using contenders = await Contenders.make(cluster, 'test/bench/estate/bare-rotate.ts');
const pullSecrets = await prepareEstate(cluster, SIZE);
/** When each Trivy secret was first seen with a value, by the key of its pull secret and the value. */
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
print(`${SIZE.secrets} pull secrets, one changed each ${EACH_MS} ms, middle of ${ROUNDS} rounds:`);
compare('until each is handed on', rounds, ({ whole }) => whole);
compare('changed → handed on, median', rounds, ({ latencies }) => at(latencies, 0.5));
compare('changed → handed on, 95 %', rounds, ({ latencies }) => at(latencies, 0.95));
compare('changed → handed on, worst', rounds, ({ latencies }) => at(latencies, 1));
compare('CPU of the process', rounds, ({ cpu }) => cpu);
for (const [name, [first]] of Object.entries(rounds))
  print(`requests per change, ${name}: ${first?.requests}`);
printMemory(rounds.controller);

/** Has the controller make the Trivy secrets, and bind all scans. */
async function converge(): Promise<void> {
  const told = new Set<string>();
  await using _bindings = await watching<Binding>(
    client,
    { resource: imageCredentialBindings },
    ({ metadata: { namespace = '', name }, status }) => {
      if (status?.scans?.bound === 1) told.add(keyOf({ namespace, name }));
    },
  );
  const { child } = await contenders.startController();
  await until(() => told.size === SIZE.bindings, 'all scans to be bound', LONGEST_SECONDS);
  await child.stop();
}

async function measure(start: () => Promise<Contender>): Promise<Round> {
  const { child } = await start();
  // Both are warm then, and the controller has looked at all that there is.
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
  await until(() => changed.every(({ sighting }) => seenAt.has(sighting)), 'each to be handed on', 60);
  const seen = (sighting: string) => seenAt.get(sighting) ?? Number.NaN;
  const requests = requestsPerEach(before, await loadOf(cluster.controlPlane), SIZE.secrets);
  return {
    whole: Math.max(...changed.map(({ sighting }) => seen(sighting))) - begun,
    latencies: changed.map(({ sighting, at }) => seen(sighting) - at).toSorted((a, b) => a - b),
    requests,
  };
}

/** The value below which that share lies. */
function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
