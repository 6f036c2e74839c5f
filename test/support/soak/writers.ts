import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeClient } from '../../../src/kube/client/client.ts';
import type { KubeObject, Resource } from '../../../src/object/object.ts';
import { chance, chanceBelow } from '../faults/index.ts';

export const CONFIG_MAPS: Resource = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap' };
export const NAMESPACES: readonly string[] = ['soak-a', 'soak-b', 'soak-c'];
/** Label of all objects that the writers create. */
export const LABEL = 'soak';

const WRITERS = 16;
const NAMES_OF_WRITER = 20;
const UPDATES = 0.55;
const DELETES = 0.3;

export interface WritersOptions {
  readonly client: KubeClient;
  readonly seed: number;
  /** undefined: as fast as the API server accepts them. */
  readonly changesPerSecond?: number | undefined;
}

/**
 * Creates, changes, deletes and recreates ConfigMaps with a few hundred names in three namespaces, 16 at a time.
 * Each writer has names of its own, so no write fails.
 */
export class Writers {
  readonly #options: WritersOptions;
  readonly #objects = new Map<string, KubeObject>();
  #changes = 0;

  constructor(options: WritersOptions) {
    this.#options = options;
  }

  /** Number of writes that the API server has answered. */
  get changes(): number {
    return this.#changes;
  }

  /** Writes until `done` returns true. May be called again. */
  async run(done: () => boolean): Promise<void> {
    await Promise.all(Array.from({ length: WRITERS }, (_, writer) => this.#write(writer, done)));
  }

  async #write(writer: number, done: () => boolean): Promise<void> {
    const { seed, changesPerSecond } = this.#options;
    while (!done()) {
      const turn = this.#changes;
      const name = `${writer}-${chanceBelow(NAMES_OF_WRITER, seed, 'name', writer, turn)}`;
      const namespace = NAMESPACES[chanceBelow(NAMESPACES.length, seed, 'namespace', writer, turn)] ?? '';
      await this.#change({ namespace, name }, chance(seed, 'what', writer, turn));
      if (changesPerSecond !== undefined) await sleep((1_000 * WRITERS) / changesPerSecond);
    }
  }

  async #change(place: { readonly namespace: string; readonly name: string }, drawn: number): Promise<void> {
    const key = `${place.namespace}/${place.name}`;
    const object = this.#objects.get(key);
    if (object === undefined) await this.#create(key, place);
    else if (drawn < UPDATES) await this.#update(key, object);
    else await this.#delete(key, object);
    // Recreates at once, so that a watch that is cut in between sees a new object with the same name.
    if (object !== undefined && drawn >= UPDATES + DELETES) await this.#create(key, place);
  }

  async #create(key: string, place: { readonly namespace: string; readonly name: string }): Promise<void> {
    const object = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { ...place, labels: { [LABEL]: 'yes' } },
      data: { change: String(this.#changes) },
    };
    this.#objects.set(key, await this.#options.client.create<KubeObject>(CONFIG_MAPS, object));
    this.#changes += 1;
  }

  async #update(key: string, object: KubeObject): Promise<void> {
    const changed = { ...object, data: { change: String(this.#changes) } };
    this.#objects.set(key, await this.#options.client.replace<KubeObject>(CONFIG_MAPS, changed));
    this.#changes += 1;
  }

  async #delete(key: string, { metadata }: KubeObject): Promise<void> {
    const { namespace = '', name, uid = '', resourceVersion = '' } = metadata;
    this.#objects.delete(key);
    await this.#options.client.delete(CONFIG_MAPS, { namespace, name, uid, resourceVersion });
    this.#changes += 1;
  }
}
