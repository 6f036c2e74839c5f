import { pino } from 'pino';
import { Reflector } from '../../../src/kube/cache/reflector.ts';
import { type Change, Store } from '../../../src/kube/cache/store.ts';
import type { KubeClient } from '../../../src/kube/client/client.ts';
import { keyOf, type Stored, storedMeta } from '../../../src/object/object.ts';
import { CONFIG_MAPS } from './writers.ts';

export interface Selection {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly metadataOnly?: boolean;
}

/**
 * Follows ConfigMaps with a reflector and checks the changes that the store reports to its listeners. An object is added
 * once before it is deleted. Only an added object changes or is deleted. A new uid means a new object. Versions only increase.
 */
export class Observer {
  readonly selection: Selection;
  readonly reflector: Reflector<Stored>;
  /** Descriptions of impossible changes that were reported. */
  readonly violations: string[] = [];
  readonly #store = new Store<Stored>({});
  /** The objects that exist according to the reported changes. */
  readonly #reported = new Map<string, Stored>();
  #changes = 0;

  constructor(client: KubeClient, selection: Selection) {
    this.selection = selection;
    this.#store.onChange((change) => this.#note(change));
    this.reflector = new Reflector({
      client,
      resource: CONFIG_MAPS,
      selection,
      project: storedMeta,
      store: this.#store,
      log: pino({ level: 'silent' }),
    });
  }

  /** Number of changes that were reported to the listener. */
  get changes(): number {
    return this.#changes;
  }

  /** Descriptions of where the store, or the changes that it reported, differ from `truth`. */
  differences(truth: readonly Stored[]): readonly string[] {
    const { namespace } = this.selection;
    const selected = truth.filter((object) => namespace === undefined || object.namespace === namespace);
    const expected = new Map(selected.map((object) => [keyOf(object), object]));
    const held = new Map([...this.#store.values()].map((object) => [keyOf(object), object]));
    return [
      ...differences('the store', held, expected),
      ...differences('the reported changes', this.#reported, expected),
    ];
  }

  #note({ before, after }: Change<Stored>): void {
    this.#changes += 1;
    const key = keyOf(before ?? after ?? { namespace: '', name: '' });
    const known = this.#reported.get(key);
    const wrong = violation(known, before, after);
    if (wrong !== undefined) this.violations.push(`${key}: ${wrong}`);
    if (after === undefined) this.#reported.delete(key);
    else this.#reported.set(key, after);
  }
}

function violation(
  known: Stored | undefined,
  before: Stored | undefined,
  after: Stored | undefined,
): string | undefined {
  if (known === undefined && before !== undefined) return 'changed or deleted without having been added';
  if (known !== undefined && before === undefined) return 'added twice';
  if (known?.uid !== before?.uid) return 'the previous object is not the one that was reported last';
  if (before === undefined || after === undefined) return undefined;
  if (before.uid !== after.uid) return 'turned into another object';
  if (BigInt(before.resourceVersion) >= BigInt(after.resourceVersion)) return 'went back to an older version';
  return undefined;
}

function differences(
  what: string,
  found: ReadonlyMap<string, Stored>,
  expected: ReadonlyMap<string, Stored>,
): string[] {
  return [...new Set([...found.keys(), ...expected.keys()])]
    .filter(
      (key) =>
        found.get(key)?.uid !== expected.get(key)?.uid ||
        found.get(key)?.resourceVersion !== expected.get(key)?.resourceVersion,
    )
    .map((key) => `${what}: ${key} is ${name(found.get(key))}, expected ${name(expected.get(key))}`);
}

function name(object: Stored | undefined): string {
  return object === undefined ? 'missing' : `version ${object.resourceVersion} of ${object.uid}`;
}
