import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { runEach } from '../../concurrency/index.ts';
import type { AnyReflector } from './reflector.ts';

/** The key of reflectors that follow all namespaces: no namespace has this name. */
const ALL = '';

/**
 * The number of namespaces whose objects are listed at the same time. If hundreds were, the API server would refuse most
 * lists (429).
 */
const NAMESPACES_AT_ONCE = 5;
/** Upper bound on how long the lists of a namespace delay those of the next one. */
const LONGEST_TURN_MS = 1_000;

/** What is to be done once a namespace is known whole, by what it is. */
type Waiting = Map<string, () => void>;

/**
 * The reflectors of a process, by namespace. What is known of a namespace is to be acted upon only when it is whole: a
 * Secret that could not be listed is not missing. A namespace that we have no rights in, or that is not there (which is
 * the same to RBAC), keeps no other from being served, and is tried again and again.
 */
export class Caches {
  readonly reflectors: readonly AnyReflector[];
  readonly #log: Logger;
  readonly #byNamespace: ReadonlyMap<string, readonly AnyReflector[]>;
  readonly #waiting = new Map<string, Waiting>();
  #filled = false;

  /** @param reflectors - each of all namespaces, or each of one */
  constructor(reflectors: readonly AnyReflector[], log: Logger) {
    this.reflectors = reflectors;
    this.#log = log;
    this.#byNamespace = Map.groupBy(reflectors, ({ namespace = ALL }) => namespace);
  }

  /**
   * Starts all reflectors; may be called once. Resolves when each namespace is whole, but for those that the API server
   * refuses, and at least one is.
   */
  async fill(): Promise<void> {
    const whole = [...this.#byNamespace].map(([namespace, reflectors]) =>
      this.#follow(namespace, reflectors),
    );
    await runEach([...this.#byNamespace.values()], NAMESPACES_AT_ONCE, begin);
    await allSettled(this.reflectors);
    await Promise.race(whole);
    this.#filled = true;
    for (const namespace of this.leftAlone)
      this.#log.warn(
        { namespace },
        'no rights to list and watch in this namespace, or it is not there: leaving it alone until a role grants them',
      );
  }

  async stop(): Promise<void> {
    await Promise.all(this.reflectors.map((reflector) => reflector.stop()));
  }

  /** What {@link fill} waits for, for people. */
  get missing(): readonly AnyReflector[] {
    return this.#filled ? [] : this.reflectors.filter(({ hasSynced }) => !hasSynced);
  }

  /** The namespaces that are left alone for want of rights. */
  get leftAlone(): readonly string[] {
    return [...this.#byNamespace.keys()].filter((namespace) => this.#filled && !this.isWhole(namespace));
  }

  /** Whether all that is followed in this namespace has been listed. */
  isWhole(namespace: string): boolean {
    const reflectors = this.#byNamespace.get(namespace) ?? this.#byNamespace.get(ALL) ?? [];
    return reflectors.every(({ hasSynced }) => hasSynced);
  }

  /** Does this once the namespace is whole; of several under the same name only the last. */
  whenWhole(namespace: string, name: string, act: () => void): void {
    const waiting = this.#waiting.get(namespace) ?? new Map();
    this.#waiting.set(namespace, waiting.set(name, act));
  }

  async #follow(namespace: string, reflectors: readonly AnyReflector[]): Promise<void> {
    await Promise.all(reflectors.map(({ synced }) => synced));
    if (this.#filled) this.#log.info({ namespace }, 'the rights are there: serving this namespace');
    const waiting = this.#waiting.get(namespace)?.values() ?? [];
    this.#waiting.delete(namespace);
    for (const act of waiting) act();
  }
}

/** Starts the reflectors of a namespace. Resolves when they are settled, or have had enough time. */
async function begin(reflectors: readonly AnyReflector[]): Promise<void> {
  for (const reflector of reflectors) reflector.start();
  await Promise.race([allSettled(reflectors), sleep(LONGEST_TURN_MS, undefined, { ref: false })]);
}

async function allSettled(reflectors: readonly AnyReflector[]): Promise<void> {
  await Promise.all(reflectors.map(({ settled }) => settled));
}
