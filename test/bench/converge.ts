/**
 * Prints how long the controller takes from its start until 2,000 ScheduledScans are bound and the status of each binding
 * reports it: `npm run bench -- converge`. A bare writer serves as a comparison: it has the same watches, knows the outcome
 * and writes only that, with the same concurrency. Both start with the same data, because etcd is restored before each.
 * Events are not part of the outcome, and the bare writer creates none. Times depend on this machine and its current
 * load, so that only the ratios are meaningful.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BINDING_ANNOTATION, imageCredentialBindings } from '../../src/api/index.ts';
import { keyOf, storedMeta } from '../../src/object/object.ts';
import { SCANS } from '../../src/object/resources.ts';
import { type Binding, Cluster, SCHEDULED_SCANS } from '../support/cluster/cluster.ts';
import { cpuSecondsOf, memoryOf, type ProcessMemory } from '../support/process.ts';
import { until } from '../support/until.ts';
import { type Contender, Contenders } from './estate/contender.ts';
import { prepareEstate } from './estate/estate.ts';
import { compare, print, printMemory, type Rounds } from './estate/figures.ts';
import { loadOf, requestsPerEach } from './estate/load.ts';
import { readOutcome } from './estate/outcome.ts';
import { watching } from './estate/watching.ts';

const SIZE = { bindings: 2_000, secrets: 100 };
const ROUNDS = 3;
const LONGEST_SECONDS = 600;
/** Time for garbage collection. */
const IDLE_MS = 5_000;

interface Round {
  /** Milliseconds from the start of the process, and from its election as the leader, until all bindings are done. */
  readonly fromStart: number;
  readonly fromLeading: number;
  /** CPU time of the process, and of the API server in the same period, in milliseconds. */
  readonly cpu: number;
  readonly serverCpu: number;
  readonly memory: ProcessMemory;
  /** Requests per binding. */
  readonly requests: string;
}

await using cluster = await Cluster.start({ auditLog: false });
const { controlPlane, client } = cluster;
await using contenders = await Contenders.make(cluster, 'test/bench/estate/bare-converge.ts');
await prepareEstate(cluster, SIZE);
const estate = await controlPlane.backUp();
const outcomeFile = join(controlPlane.directory, 'outcome.json');
const rounds: Rounds<Round> = { controller: [], bare: [] };
for (let round = 0; round < ROUNDS; round += 1) {
  rounds.controller.push(await measure(() => contenders.startController()));
  if (round === 0) await writeFile(outcomeFile, JSON.stringify(await readOutcome(client)));
  rounds.bare.push(await measure(() => contenders.startBareWriter(outcomeFile)));
}
print(`${SIZE.bindings} bindings, ${SIZE.secrets} pull secrets, median of ${ROUNDS} rounds:`);
compare('from the start of the process', rounds, ({ fromStart }) => fromStart);
compare('from leading', rounds, ({ fromLeading }) => fromLeading);
compare('CPU of the process', rounds, ({ cpu }) => cpu);
compare('CPU of the API server in that time', rounds, ({ serverCpu }) => serverCpu);
for (const [name, [first]] of Object.entries(rounds))
  print(`requests per binding, ${name}: ${first?.requests}`);
printMemory(rounds.controller);

/** Restores the prepared estate, and measures one contender. */
async function measure(start: () => Promise<Contender>): Promise<Round> {
  await controlPlane.restore(estate);
  const bound = new Set<string>();
  const reported = new Set<string>();
  await using _scans = await watching(client, { resource: SCHEDULED_SCANS }, ({ metadata }) => {
    if (metadata.annotations?.[BINDING_ANNOTATION] !== undefined) bound.add(keyOf(storedMeta({ metadata })));
  });
  await using _bindings = await watching<Binding>(
    client,
    { resource: imageCredentialBindings },
    (binding) => {
      if (reportsBound(binding)) reported.add(keyOf(storedMeta(binding)));
    },
  );
  // After a restart, the API server briefly refuses watches of custom resources.
  await using _runs = await watching(client, { resource: SCANS }, () => undefined);
  const before = await loadOf(controlPlane);
  const { child, startedAt, leadingAt } = await start();
  const isDone = () => bound.size === SIZE.bindings && reported.size === SIZE.bindings;
  await until(isDone, 'all scans to be bound and all statuses to report it', LONGEST_SECONDS);
  const doneAt = Date.now();
  await delay(IDLE_MS);
  const after = await loadOf(controlPlane);
  const [memory, cpu] = [await memoryOf(child.pid), await cpuSecondsOf(child.pid)];
  await child.stop();
  return {
    fromStart: doneAt - startedAt,
    fromLeading: doneAt - leadingAt,
    cpu: cpu * 1_000,
    serverCpu: (after.cpuSeconds - before.cpuSeconds) * 1_000,
    memory,
    requests: requestsPerEach(before, after, SIZE.bindings),
  };
}

function reportsBound({ metadata, status }: Binding): boolean {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return (
    ready?.status === 'True' && ready.observedGeneration === metadata.generation && status?.scans?.bound === 1
  );
}
