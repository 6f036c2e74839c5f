import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlPlane } from '../../../hack/testenv/control-plane/control-plane.ts';
import { KubeClient } from '../../../src/kube/client/client.ts';
import { Transport } from '../../../src/kube/client/transport.ts';
import { type Stored, storedMeta } from '../../../src/object/object.ts';
import { adminConfig, chance, chanceBelow, type FaultProxy, startFaultProxy } from '../faults/index.ts';
import { until } from '../until.ts';
import { SOAK_FAULTS } from './faults.ts';
import { Observer, type Selection } from './observer.ts';
import { CONFIG_MAPS, LABEL, NAMESPACES, Writers } from './writers.ts';

const SELECTIONS: readonly Selection[] = [
  { labelSelector: LABEL },
  { labelSelector: LABEL, metadataOnly: true },
  ...NAMESPACES.map((namespace) => ({ namespace })),
];
/** Counted in changes, so that a busy machine gets as far between two cuts as an idle one. */
const MOST_CHANGES_BETWEEN_CUTS = 600;
const REFUSALS = 0.1;
const LONGEST_REFUSAL_MS = 300;
/** A reflector that has failed several times in a row backs off for up to 30 seconds. */
const SETTLE_SECONDS = 60;

export interface SoakOptions {
  readonly controlPlane: ControlPlane;
  readonly seed: number;
  readonly changesPerSecond?: number;
}

/**
 * Runs reflectors behind a proxy that injects faults and cuts connections. Meanwhile, writers that bypass the proxy
 * change the objects that the reflectors follow.
 */
export class Soak {
  readonly proxy: FaultProxy;
  readonly observers: readonly Observer[];
  readonly #seed: number;
  readonly #direct: Transport;
  readonly #proxied: Transport;
  readonly #client: KubeClient;
  readonly #writers: Writers;
  /** Kinds of the resources that kept the process alive before the clients existed. */
  readonly #resources: readonly string[];
  #cuts = 0;
  #nextCut = 0;
  #refusal: Promise<void> | undefined;
  #lastChange = 0;

  private constructor({ controlPlane, seed, changesPerSecond }: SoakOptions, proxy: FaultProxy) {
    this.#resources = process.getActiveResourcesInfo();
    this.#seed = seed;
    this.proxy = proxy;
    this.#direct = new Transport(adminConfig(controlPlane));
    this.#proxied = new Transport(adminConfig(controlPlane, proxy));
    this.#client = new KubeClient({ transport: this.#direct, fieldManager: 'soak-writer' });
    this.#writers = new Writers({ client: this.#client, seed, changesPerSecond });
    const proxied = new KubeClient({ transport: this.#proxied, fieldManager: 'soak' });
    this.observers = SELECTIONS.map((selection) => new Observer(proxied, selection));
  }

  /** Starts the reflectors. The writers do not change anything yet. */
  static async start(options: SoakOptions): Promise<Soak> {
    for (const namespace of NAMESPACES)
      await options.controlPlane.kubectl(['create', 'namespace', namespace]);
    const soak = new Soak(options, await startFaultProxy(options.controlPlane, { seed: options.seed }));
    soak.proxy.rules = SOAK_FAULTS;
    for (const { reflector } of soak.observers) reflector.start();
    return soak;
  }

  /** Number of writes that the API server has answered. */
  get changes(): number {
    return this.#writers.changes;
  }

  /** How often all connections were cut. */
  get cuts(): number {
    return this.#cuts;
  }

  /** Writes, cuts connections and injects faults until `done` returns true. It is called after each write. */
  async run(done: (changes: number) => boolean): Promise<void> {
    this.proxy.rules = SOAK_FAULTS;
    await this.#writers.run(() => {
      this.#cutWhenDue();
      return done(this.changes);
    });
    this.#lastChange = performance.now();
    await this.#refusal;
  }

  /**
   * Stops all faults, cuts the connections once more, and waits until the observers match the API server.
   *
   * @returns milliseconds from the last change until they match
   * @throws AssertionError with the differences, if they do not match in time
   */
  async settle(): Promise<number> {
    this.proxy.rules = [];
    // Otherwise, a silent connection would only end with a time-out.
    this.proxy.cutAll();
    const truth = await this.#truth();
    const differences = () => this.observers.flatMap((observer) => observer.differences(truth));
    await until(
      () => {
        const found = differences();
        if (found.length > 0) throw new Error(found.slice(0, 5).join('\n'));
        return true;
      },
      'the stores to hold what the API server has',
      SETTLE_SECONDS,
    );
    return performance.now() - this.#lastChange;
  }

  /** Descriptions of all impossible changes that were reported. */
  get violations(): readonly string[] {
    return this.observers.flatMap(({ violations }) => violations);
  }

  /**
   * Stops the reflectors and clients.
   *
   * @returns leftovers: connections at the proxy, and kinds of resources that keep the process alive
   */
  async stop(): Promise<readonly string[]> {
    await Promise.all(this.observers.map(({ reflector }) => reflector.stop()));
    await Promise.all([this.#direct.close(), this.#proxied.close()]);
    const left = () => [
      ...Array.from({ length: this.proxy.connections.open }, () => 'connection at the proxy'),
      ...without(process.getActiveResourcesInfo(), this.#resources),
    ];
    // A closed socket disappears a moment later.
    await until(() => left().length === 0, 'all resources to be released', 5).catch(() => undefined);
    const leftovers = left();
    await this.proxy.stop();
    return leftovers;
  }

  #cutWhenDue(): void {
    if (this.changes < this.#nextCut) return;
    this.#cuts += 1;
    this.#nextCut = this.changes + chanceBelow(MOST_CHANGES_BETWEEN_CUTS, this.#seed, 'cut', this.#cuts);
    this.proxy.cutAll();
    if (this.#refusal === undefined && chance(this.#seed, 'refuse', this.#cuts) < REFUSALS) {
      this.#refusal = this.#refuse().finally(() => {
        this.#refusal = undefined;
      });
    }
  }

  async #refuse(): Promise<void> {
    this.proxy.refuse();
    await sleep(chanceBelow(LONGEST_REFUSAL_MS, this.#seed, 'refusal', this.#cuts));
    await this.proxy.accept();
  }

  async #truth(): Promise<readonly Stored[]> {
    const objects: Stored[] = [];
    let next: string | undefined;
    do {
      const page = await this.#client.list(CONFIG_MAPS, { labelSelector: LABEL }, next);
      objects.push(...page.items.map(storedMeta));
      next = page.next;
    } while (next !== undefined);
    return objects;
  }
}

/** The multiset difference: each item of `all` that `known` contains less often. */
function without(all: readonly string[], known: readonly string[]): readonly string[] {
  const rest = [...known];
  return all.filter((one) => {
    const index = rest.indexOf(one);
    if (index === -1) return true;
    rest.splice(index, 1);
    return false;
  });
}
