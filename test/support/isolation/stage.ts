import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { makeCertificate } from '../../../hack/testenv/certificate.ts';
import { startRegistry } from '../../../hack/testenv/registry/registry.ts';
import { atOnce } from '../../bench/estate/at-once.ts';
import { type Load, loadOf } from '../../bench/estate/load.ts';
import { Cluster } from '../cluster/cluster.ts';
import { type Attack, Hostile } from './hostile.ts';
import { buildPreloads } from './preloads.ts';
import { SharedRegistry, SilentRegistries } from './registry.ts';
import { SilentZone } from './silent-zone.ts';
import { type ControllerOptions, type Observation, readShipped, Supervised } from './supervised.ts';
import { repositoryOf, Victim } from './victim.ts';

const USER = { username: 'victim', password: 'canary-victim' };
/** The controller watches the first two. */
const NAMESPACES = { victim: 'victim', watched: 'hostile', unwatched: 'unwatched' } as const;
const WATCHED = [NAMESPACES.victim, NAMESPACES.watched];
const PUSHES_AT_ONCE = 4;
const CHANGE_EACH_MS = 1_000;
const LONGEST_START_SECONDS = 60;
const SETTLED_MS = 3_000;
/** Checks of silent registries write nothing until they time out, after 30 seconds. */
const SHORTEST_SETTLING_MS = 32_000;
const LONGEST_SETTLING_MS = 60_000;

/** The tasks of the victim, which are methods of {@link Victim}. */
export const TASKS = ['bind', 'rotate', 'check', 'run'] as const;
export type Task = (typeof TASKS)[number];

export interface Size {
  /** Size of the attacks; 1: as in the benchmark. */
  readonly scale: number;
  /** How often the victim does each task. */
  readonly samples: number;
  /** The tasks begin at even intervals within this time. */
  readonly seconds: number;
  /** How much longer to wait for tasks that are not complete. */
  readonly graceSeconds: number;
  /** How long to count writes at the end while no client changes anything. */
  readonly quietSeconds: number;
}

/** Writes of the controller: Events and statuses of bindings. */
export interface Writes {
  readonly events: number;
  readonly statuses: number;
}

/** Results of running the attacks once. Times are in milliseconds. */
export interface Measurement {
  /** How long each task took; infinite: the task was not done in time. */
  readonly times: Readonly<Record<Task, readonly number[]>>;
  readonly observation: Observation;
  /** How long a new process took to become the leader after the attack; infinite: more than a minute. */
  readonly startMs: number;
  /** Writes while the victim did its tasks. */
  readonly writes: Writes & { readonly seconds: number };
  /** Writes while no client changed anything. */
  readonly quiet: Writes & { readonly seconds: number };
  /** Names of the attacker's bindings that have no condition. */
  readonly withoutCondition: readonly string[];
}

interface Parts {
  readonly size: Size;
  readonly cluster: Cluster;
  readonly registry: SharedRegistry;
  readonly silentRegistries: SilentRegistries;
  readonly silentZone: SilentZone;
  readonly controller: ControllerOptions;
  /** Everything that has to be stopped. */
  readonly stack: AsyncDisposableStack;
}

/** A cluster with the chart, discovery enabled, and the registries. Each {@link Measurement} starts a controller of its own. */
export class Stage implements AsyncDisposable {
  readonly #parts: Parts;
  /** Restored before each measurement; undefined: nothing is restored. */
  #backup: string | undefined;

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** The chart's memory limit for the controller, in MiB. */
  get memoryLimit(): number {
    return this.#parts.controller.shipped.memoryLimit;
  }

  static async start(size: Size): Promise<Stage> {
    await using stack = new AsyncDisposableStack();
    const cluster = stack.use(
      await Cluster.start({
        namespaces: [...WATCHED, NAMESPACES.unwatched],
        values: ['config.discovery.enabled=true', 'config.discovery.resourceInclusion.mode=all'],
        auditLog: false,
      }),
    );
    const { group, directory } = cluster.controlPlane;
    const certificate = await makeCertificate(group, ['localhost']);
    const behind = stack.use(await startRegistry({ group, user: USER }));
    const registry = stack.use(await SharedRegistry.start(behind, certificate));
    const silentRegistries = stack.use(
      await SilentRegistries.start(Math.max(1, Math.round(160 * size.scale))),
    );
    const silentZone = stack.use(await SilentZone.start(group));
    await atOnce(PUSHES_AT_ONCE, Array(size.samples).keys(), async (index) => {
      await behind.pushImage(`${repositoryOf(index)}:latest`, { file: String(index) });
    });
    const authorities = join(directory, 'registry-ca.pem');
    await writeFile(authorities, certificate.ca);
    const flags = [
      ...['--namespaces', WATCHED.join(','), '--registry-ca-file', authorities],
      ...['--local-addresses', '127.0.0.1,::1'],
    ];
    const controller = {
      shipped: await readShipped(cluster),
      flags,
      preloads: await buildPreloads(join(directory, 'preloads')),
      silentFifo: silentZone.fifo,
    };
    const parts = { size, cluster, registry, silentRegistries, silentZone, controller };
    return new Stage({ ...parts, stack: stack.move() });
  }

  /** Makes each measurement begin with the objects that exist now. */
  async backUp(): Promise<void> {
    this.#backup = await this.#parts.cluster.controlPlane.backUp();
  }

  /** Measures while the attacks run in a namespace that the controller does not watch. */
  baseline(attacks: readonly Attack[]): Promise<Measurement> {
    return this.#run(attacks, NAMESPACES.unwatched);
  }

  /** Measures while the attacks run in a namespace that the controller watches. */
  attack(attacks: readonly Attack[]): Promise<Measurement> {
    return this.#run(attacks, NAMESPACES.watched);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.stack[Symbol.asyncDispose]();
  }

  async #run(attacks: readonly Attack[], namespace: string): Promise<Measurement> {
    const { cluster, size, registry, controller: options } = this.#parts;
    if (this.#backup !== undefined) await cluster.controlPlane.restore(this.#backup);
    await using victim = await Victim.start(cluster, {
      name: NAMESPACES.victim,
      registry: { host: registry.host, ...USER },
      samples: size.samples,
    });
    await using controller = await Supervised.start(cluster, options);
    const hostile = this.#hostile(namespace);
    const working = await this.#counted(async () => {
      await using _attacks = underAttack(hostile, attacks);
      // Awaited here: the attacks go on until the work is done.
      return await this.#work(victim);
    });
    await this.#settle();
    const quiet = await this.#counted(() => delay(size.quietSeconds * 1_000));
    const startMs = await timeOfStart(controller);
    return {
      times: working.result,
      observation: controller.observation,
      startMs,
      writes: working.writes,
      quiet: quiet.writes,
      withoutCondition: await hostile.withoutCondition(),
    };
  }

  #hostile(namespace: string): Hostile {
    const { cluster, size, registry, silentRegistries } = this.#parts;
    return new Hostile({
      client: cluster.client,
      namespace,
      scale: size.scale,
      registry: registry.host,
      silentRegistries: silentRegistries.hosts,
    });
  }

  /** Begins each task at its time, even if earlier ones are not done: a slow task must not hide others. */
  async #work(victim: Victim): Promise<Measurement['times']> {
    const { samples, seconds, graceSeconds } = this.#parts.size;
    const over = AbortSignal.timeout((seconds + graceSeconds) * 1_000);
    const timed = async (task: Task, index: number): Promise<number> => {
      await delay((index * seconds * 1_000) / samples);
      const begun = performance.now();
      try {
        await victim[task](index, over);
        return performance.now() - begun;
      } catch (error) {
        if (over.aborted) return Number.POSITIVE_INFINITY;
        throw error;
      }
    };
    const all = TASKS.map(async (task) => {
      const times = await Promise.all(Array.from({ length: samples }, (_, index) => timed(task, index)));
      return [task, times] as const;
    });
    // One entry for each of the tasks.
    return Object.fromEntries(await Promise.all(all)) as unknown as Measurement['times'];
  }

  /** Waits until the controller has written nothing for a while, with an upper bound for attacks that make it write endlessly. */
  async #settle(): Promise<void> {
    const begun = performance.now();
    let quietSince = begun;
    const isSettled = () =>
      performance.now() - quietSince > SETTLED_MS && performance.now() - begun > SHORTEST_SETTLING_MS;
    for (let last = -1; !isSettled(); ) {
      if (performance.now() - begun > LONGEST_SETTLING_MS) return;
      const { events, statuses } = writesIn(await loadOf(this.#parts.cluster.controlPlane));
      if (events + statuses !== last) quietSince = performance.now();
      last = events + statuses;
      await delay(SETTLED_MS / 4);
    }
  }

  async #counted<T>(
    act: () => Promise<T>,
  ): Promise<{ readonly result: T; readonly writes: Writes & { readonly seconds: number } }> {
    const before = writesIn(await loadOf(this.#parts.cluster.controlPlane));
    const begun = performance.now();
    const result = await act();
    const seconds = (performance.now() - begun) / 1_000;
    const after = writesIn(await loadOf(this.#parts.cluster.controlPlane));
    const writes = {
      events: after.events - before.events,
      statuses: after.statuses - before.statuses,
      seconds,
    };
    return { result, writes };
  }
}

/** Counts what only the controller writes. */
function writesIn({ requests }: Load): Writes {
  const sum = (pattern: RegExp) =>
    [...requests].reduce((total, [what, count]) => (pattern.test(what) ? total + count : total), 0);
  return {
    events: sum(/^POST events$/),
    statuses: sum(/^(?:PUT|PATCH|APPLY) imagecredentialbindings\/status$/),
  };
}

/** Begins the attacks and repeats their changes until the result is disposed of. */
function underAttack(hostile: Hostile, attacks: readonly Attack[]): AsyncDisposable {
  const over = new AbortController();
  const running = attacks.map(async (attack) => {
    await attack.begin(hostile);
    for (let count = 0; attack.change !== undefined && !over.signal.aborted; count += 1) {
      await attack.change(hostile, count);
      await delay(CHANGE_EACH_MS, undefined, { signal: over.signal }).catch(() => undefined);
    }
  });
  const all = Promise.all(running);
  // Disposing throws the error.
  all.catch(() => undefined);
  return {
    async [Symbol.asyncDispose]() {
      over.abort();
      await all;
    },
  };
}

async function timeOfStart(controller: Supervised): Promise<number> {
  await controller.restart();
  const begun = performance.now();
  return controller.leading(LONGEST_START_SECONDS).then(
    () => performance.now() - begun,
    () => Number.POSITIVE_INFINITY,
  );
}
