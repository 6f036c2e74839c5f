import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { makeCertificate } from '../../hack/certificate.ts';
import { startRegistry } from '../../hack/registry.ts';
import { atOnce } from '../bench/estate/at-once.ts';
import { type Load, loadOf } from '../bench/estate/load.ts';
import { Cluster } from '../cluster/cluster.ts';
import { type Attack, Hostile } from './hostile.ts';
import { buildPreloads } from './preloads.ts';
import { SharedRegistry, SilentRegistries } from './registry.ts';
import { SilentZone } from './silent-zone.ts';
import { type ControllerOptions, readShipped, type Sighting, Supervised } from './supervised.ts';
import { repositoryOf, Victim } from './victim.ts';

const USER = { username: 'victim', password: 'canary-victim' };
/** Namespaces by what happens there. The controller watches all but the unwatched one. */
const NAMESPACES = { victim: 'victim', watched: 'hostile', unwatched: 'unwatched' } as const;
const WATCHED = [NAMESPACES.victim, NAMESPACES.watched];
const PUSHES_AT_ONCE = 4;
const CHANGE_EACH_MS = 1_000;
const LONGEST_START_SECONDS = 60;
const SETTLED_MS = 3_000;
/** Longer than a registry check takes that times out. */
const LONGEST_SETTLING_MS = 40_000;

/** The usual things that a victim does. */
export const TASKS = ['bind', 'rotate', 'check', 'run'] as const;
export type Task = (typeof TASKS)[number];

export interface Size {
  /** Of the attacks: 1 is all that the bench does. */
  readonly scale: number;
  /** How often the victim does each of its tasks. */
  readonly samples: number;
  /** Over how long these are spread. */
  readonly seconds: number;
  /** How long the last of them is waited for. */
  readonly graceSeconds: number;
  /** How long nothing is changed at the end, to see what the controller does by itself. */
  readonly quietSeconds: number;
}

/** Writes of the controller. */
export interface Writes {
  readonly events: number;
  readonly statuses: number;
}

/** What came of one run of the attacks. Times are in milliseconds. */
export interface Course {
  /** For each task that was begun; infinite: not done when all was over. */
  readonly times: Readonly<Record<Task, readonly number[]>>;
  readonly sighting: Sighting;
  /** From the start of a new process beside the attack until it leads; infinite: it did not within a minute. */
  readonly startMs: number;
  /** While the victim worked. */
  readonly writes: Writes & { readonly seconds: number };
  /** While nobody changed anything. */
  readonly quiet: Writes & { readonly seconds: number };
  /** Bindings of the hostile namespace that have no condition. */
  readonly unanswered: readonly string[];
}

interface Parts {
  readonly size: Size;
  readonly cluster: Cluster;
  readonly registry: SharedRegistry;
  readonly silentRegistries: SilentRegistries;
  readonly silentZone: SilentZone;
  readonly controller: ControllerOptions;
  /** All that has to be ended. */
  readonly stack: AsyncDisposableStack;
}

/** A cluster with the chart, discovery included, and registries. The controller is started for each {@link Course}. */
export class Stage implements AsyncDisposable {
  readonly #parts: Parts;
  /** What each course begins with; undefined: there is one course only. */
  #backup: string | undefined;

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Of the controller, in MiB. */
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
    const made = { size, cluster, registry, silentRegistries, silentZone, controller };
    return new Stage({ ...made, stack: stack.move() });
  }

  /** Has each course begin with what there is now. */
  async backUp(): Promise<void> {
    this.#backup = await this.#parts.cluster.controlPlane.backUp();
  }

  /** The attacks in a namespace that the controller does not watch. */
  baseline(attacks: readonly Attack[]): Promise<Course> {
    return this.#run(attacks, NAMESPACES.unwatched);
  }

  /** The attacks in a namespace that the controller watches. */
  attack(attacks: readonly Attack[]): Promise<Course> {
    return this.#run(attacks, NAMESPACES.watched);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.stack[Symbol.asyncDispose]();
  }

  async #run(attacks: readonly Attack[], namespace: string): Promise<Course> {
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
      return this.#work(victim);
    });
    await this.#settle();
    const quiet = await this.#counted(() => delay(size.quietSeconds * 1_000));
    const startMs = await timeOfStart(controller);
    return {
      times: working.result,
      sighting: controller.sighting,
      startMs,
      writes: working.writes,
      quiet: quiet.writes,
      unanswered: await hostile.unanswered(),
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

  /** Begins each task at its time, whatever has become of the one before: a slow one must not make others fewer. */
  async #work(victim: Victim): Promise<Course['times']> {
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
    // One for each of the tasks.
    return Object.fromEntries(await Promise.all(all)) as unknown as Course['times'];
  }

  /** Waits until the controller has written nothing for a while; not for ever, because some attacks make it go on. */
  async #settle(): Promise<void> {
    const begun = performance.now();
    let quietSince = begun;
    for (let last = -1; performance.now() - quietSince < SETTLED_MS; ) {
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

/** Nobody but the controller writes these. */
function writesIn({ requests }: Load): Writes {
  const sum = (pattern: RegExp) =>
    [...requests].reduce((total, [what, count]) => (pattern.test(what) ? total + count : total), 0);
  return {
    events: sum(/^POST events$/),
    statuses: sum(/^(?:PUT|PATCH|APPLY) imagecredentialbindings\/status$/),
  };
}

/** Begins all attacks, and makes their changes until it is disposed of. */
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
  // Whoever disposes of it hears of an error.
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
