import type { Binding } from '../binding/index.ts';
import type { Change } from '../kube/index.ts';
import { keyOf, type Stored } from '../object/index.ts';
import { indexKey, type Stores } from '../state/index.ts';

/** The versions of an object before and after a change; a version that does not exist is omitted. */
export function sides<Item>({ before, after }: Change<Item>): readonly Item[] {
  return [before, after].filter((item) => item !== undefined);
}

/** Whether the object exists both before and after the change, with the same result. */
export function isUnchanged<Item extends Stored>(
  { before, after }: Change<Item>,
  result: (item: Item) => unknown = () => true,
): boolean {
  return before !== undefined && after !== undefined && result(before) === result(after);
}

/** Whether a change of a binding may affect other objects. A change of its status alone affects only the binding. */
export function changesSpec(change: Change<Binding>): boolean {
  return (
    !isUnchanged(change, ({ generation }) => generation) ||
    !isUnchanged(change, ({ discovered }) => discovered)
  );
}

/** The keys of the Secrets that a binding names. */
export function sourcesOf(binding: Binding): readonly string[] {
  return binding.validity === 'Valid' ? binding.imagePullSecrets.map((name) => indexKey(binding, name)) : [];
}

/** A change of the metadata of a Secret that may be a source: a pull secret or a credential Secret. */
export interface SourceChange {
  /** `namespace/name` of the Secret. */
  readonly key: string;
  /**
   * Whether the change makes no difference to whether the Secret can be a source. False if the Secret was created or deleted, or
   * became or ceased to be a credential Secret.
   */
  readonly isSourceAsBefore: boolean;
}

/** Calls the listener for each change of the metadata of a Secret that may be a source. */
export function onSourceChange(
  { pullSecrets, dockercfgSecrets, otherSecrets }: Stores,
  listener: (change: SourceChange) => void,
): void {
  const notify = (change: Change<Stored>, isSourceAsBefore: boolean) => {
    const [secret] = sides(change);
    if (secret !== undefined) listener({ key: keyOf(secret), isSourceAsBefore });
  };
  for (const secrets of [pullSecrets, dockercfgSecrets])
    secrets.onChange((change) => notify(change, isUnchanged(change)));
  otherSecrets.onChange((change) =>
    notify(
      change,
      isUnchanged(change, ({ isCredentialSecret }) => isCredentialSecret),
    ),
  );
}

/** Collects keys and handles each of them once in the next turn of the event loop. */
export class TurnBatch {
  readonly #keys = new Set<string>();
  readonly #handle: (key: string) => void;
  #scheduled: NodeJS.Immediate | undefined;

  constructor(handle: (key: string) => void) {
    this.#handle = handle;
  }

  add(key: string): void {
    this.#keys.add(key);
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = undefined;
      const keys = [...this.#keys];
      this.#keys.clear();
      for (const each of keys) this.#handle(each);
    });
  }
}
