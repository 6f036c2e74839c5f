import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { runEach } from '../../concurrency/index.ts';
import type { AnyReflector } from './reflector.ts';

/** The key of reflectors that watch all namespaces. No namespace has this name. */
const ALL = '';

/**
 * Limit on namespaces whose objects are listed at the same time. If it were hundreds, the API server would reject most
 * lists (429).
 */
const NAMESPACES_AT_ONCE = 5;
/** Upper bound on how long the lists of a namespace delay those of the next one. */
const LONGEST_TURN_MS = 1_000;

/** Callbacks to run once all objects of a namespace have been listed, by name. */
type Waiting = Map<string, () => void>;

/**
 * The reflectors of a process, by namespace. Controllers may act on a namespace only once all of its objects have been
 * listed, because a Secret that could not be listed is not missing. A namespace in which the process has no rights, or that
 * does not exist (RBAC cannot tell the difference), does not delay other namespaces. Its lists are retried.
 */
export class Caches {
  readonly reflectors: readonly AnyReflector[];
  readonly #log: Logger;
  readonly #byNamespace: ReadonlyMap<string, readonly AnyReflector[]>;
  readonly #waiting = new Map<string, Waiting>();
  #filled = false;

  /** @param reflectors - either each watches all namespaces, or each watches one */
  constructor(reflectors: readonly AnyReflector[], log: Logger) {
    this.reflectors = reflectors;
    this.#log = log;
    this.#byNamespace = Map.groupBy(reflectors, ({ namespace = ALL }) => namespace);
  }

  /**
   * Starts all reflectors. May be called once. Resolves when at least one namespace is complete, and each other one is
   * complete or its lists are forbidden (403).
   */
  async fill(): Promise<void> {
    const complete = [...this.#byNamespace].map(([namespace, reflectors]) =>
      this.#runWhenComplete(namespace, reflectors),
    );
    await runEach([...this.#byNamespace.values()], NAMESPACES_AT_ONCE, begin);
    await allSettled(this.reflectors);
    await Promise.race(complete);
    this.#filled = true;
    for (const namespace of this.skipped)
      this.#log.warn(
        { namespace },
        'no rights to list and watch in this namespace, or it does not exist: skipping it until a Role grants these rights',
      );
  }

  async stop(): Promise<void> {
    await Promise.all(this.reflectors.map((reflector) => reflector.stop()));
  }

  /** The reflectors that {@link fill} is waiting for. */
  get missing(): readonly AnyReflector[] {
    return this.#filled ? [] : this.reflectors.filter(({ hasSynced }) => !hasSynced);
  }

  /** The namespaces that the controllers skip, because lists in them are forbidden. */
  get skipped(): readonly string[] {
    return [...this.#byNamespace.keys()].filter((namespace) => this.#filled && !this.isComplete(namespace));
  }

  /** Whether all watched objects of this namespace have been listed. */
  isComplete(namespace: string): boolean {
    const reflectors = this.#byNamespace.get(namespace) ?? this.#byNamespace.get(ALL) ?? [];
    return reflectors.every(({ hasSynced }) => hasSynced);
  }

  /** Calls `act` once the namespace is complete. A later call with the same name replaces an earlier one. */
  whenComplete(namespace: string, name: string, act: () => void): void {
    const waiting = this.#waiting.get(namespace) ?? new Map();
    this.#waiting.set(namespace, waiting.set(name, act));
  }

  async #runWhenComplete(namespace: string, reflectors: readonly AnyReflector[]): Promise<void> {
    await Promise.all(reflectors.map(({ synced }) => synced));
    if (this.#filled) this.#log.info({ namespace }, 'rights granted: watching this namespace');
    const waiting = this.#waiting.get(namespace)?.values() ?? [];
    this.#waiting.delete(namespace);
    for (const act of waiting) act();
  }
}

/** Starts the reflectors of a namespace. Resolves when they have settled, or after {@link LONGEST_TURN_MS}. */
async function begin(reflectors: readonly AnyReflector[]): Promise<void> {
  for (const reflector of reflectors) reflector.start();
  await Promise.race([allSettled(reflectors), sleep(LONGEST_TURN_MS, undefined, { ref: false })]);
}

async function allSettled(reflectors: readonly AnyReflector[]): Promise<void> {
  await Promise.all(reflectors.map(({ settled }) => settled));
}
