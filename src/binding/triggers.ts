import { type Change, keyOf, type Stored } from '../kube/index.ts';
import type { ScheduledScan } from '../scan/index.ts';
import type { Binding } from './binding.ts';
import { replacersIn } from './contention.ts';
import { chainOf } from './move.ts';

import { keysNaming } from './serve.ts';
import { indexKey, isSourceWanted, type Stores, scansServed, sourceIn } from './stores.ts';

interface Enqueue {
  add(key: string): void;
}

/** The queues that changes feed. */
export interface Queues {
  readonly bindings: Enqueue;
  readonly trivySecrets: Enqueue;
  /** Of ScheduledScans, by their key. */
  readonly runs: Enqueue;
  /** Of Secrets that credentials are taken from, by their key: to be read, or forgotten. */
  readonly sourceSecrets: Enqueue;
}

/**
 * Says for each change in the stores which keys have to be reconciled; an index look-up each, never a walk. The key of the
 * object itself comes first, so that an error on the way to the others does not lose it.
 */
export function connectTriggers(stores: Stores, queues: Queues): void {
  const triggers = new Triggers(stores, queues);
  const { bindings, scheduledScans, trivySecrets, otherSecrets, sourceSecrets, runs, selections } = stores;
  bindings.onChange((change) => {
    const rivalsToo = changesService(change);
    for (const binding of sides(change)) triggers.binding(binding, rivalsToo);
  });
  selections.onChange(({ binding, before, after }) => {
    const stored = bindings.get(keyOf(binding));
    if (stored !== undefined && before?.isAble !== after.isAble) triggers.rivalsOf(stored);
    for (const name of [before?.trivySecret, after.trivySecret])
      if (name !== undefined) queues.trivySecrets.add(indexKey(binding, name));
  });
  scheduledScans.onChange((change) => {
    for (const scan of sides(change)) triggers.scheduledScan(scan);
    if (change.after?.bound !== undefined) queues.runs.add(keyOf(change.after));
  });
  for (const secrets of [stores.pullSecrets, stores.dockercfgSecrets])
    secrets.onChange((change) =>
      triggers.existence(
        change,
        isEqual(change, () => true),
      ),
    );
  otherSecrets.onChange((change) =>
    triggers.existence(
      change,
      isEqual(change, ({ offered }) => offered),
    ),
  );
  trivySecrets.onChange((change) => {
    for (const secret of sides(change)) {
      queues.trivySecrets.add(keyOf(secret));
      triggers.namedSecret(secret);
      // What one of our Secrets is made from is read as long as that one is there.
      if (secret.identity !== undefined && !isEqual(change, () => true))
        triggers.sourceSecret(indexKey(secret, secret.identity.source));
    }
  });
  sourceSecrets.onChange((change) => {
    for (const secret of sides(change)) triggers.source(secret);
  });
  runs.onChange((change) => {
    for (const run of sides(change)) {
      if (run.secretName !== undefined) queues.trivySecrets.add(indexKey(run, run.secretName));
      if (run.scheduledScan !== undefined) queues.runs.add(indexKey(run, run.scheduledScan));
    }
  });
}

class Triggers {
  readonly #stores: Stores;
  readonly #queues: Queues;

  constructor(stores: Stores, queues: Queues) {
    this.#stores = stores;
    this.#queues = queues;
  }

  binding(binding: Binding, rivalsToo: boolean): void {
    this.#queues.bindings.add(keyOf(binding));
    const trivySecret = binding.status?.trivySecret?.name;
    if (trivySecret !== undefined) this.#queues.trivySecrets.add(indexKey(binding, trivySecret));
    if (!rivalsToo || binding.validity === 'Invalid') return;
    for (const name of binding.imagePullSecrets) {
      const key = indexKey(binding, name);
      this.#trivySecretsOf(key);
      this.sourceSecret(key);
    }
    this.rivalsOf(binding);
    this.#chainOf(binding);
  }

  /** The bindings that may serve a scan that this one may serve, too. */
  rivalsOf(binding: Binding): void {
    if (binding.validity === 'Invalid') return;
    const scans = [...scansServed(binding, this.#stores)];
    const keys = new Set(scans.flatMap(({ image }) => (image === undefined ? [] : keysNaming(image))));
    for (const key of keys) this.#bindingsUnder(binding, key);
  }

  scheduledScan(scan: ScheduledScan): void {
    for (const key of scan.image === undefined ? [] : keysNaming(scan.image)) this.#bindingsUnder(scan, key);
    const { bound } = scan;
    if (bound === undefined) return;
    this.#queues.bindings.add(indexKey(scan, bound.binding));
    if (bound.delivery !== undefined)
      this.#queues.trivySecrets.add(indexKey(scan, bound.delivery.secretName));
  }

  /**
   * A Secret whose metadata changed. Whoever names it hears of it when it comes or goes, and of what it holds once that
   * is read.
   *
   * @param isThereAsBefore - whether it can be a source after the change as before
   */
  existence(change: Change<Stored>, isThereAsBefore: boolean): void {
    const { before, after } = change;
    const key = keyOf(after ?? before ?? { namespace: '', name: '' });
    this.sourceSecret(key);
    if (isThereAsBefore) return;
    for (const secret of sides(change)) this.source(secret);
  }

  /** The bindings that name this secret as a pull secret, or need its name for their Trivy secret. */
  namedSecret(secret: Stored): void {
    const { bindings } = this.#stores;
    const key = keyOf(secret);
    for (const binding of [...bindings.byIndex('pullSecret', key), ...bindings.byIndex('trivySecret', key)])
      this.#queues.bindings.add(keyOf(binding));
  }

  /** A Secret that a credential may be taken from. */
  source(secret: Stored): void {
    this.namedSecret(secret);
    this.#trivySecretsOf(keyOf(secret));
  }

  /** The reader of Secrets, where there is something to read or to forget. */
  sourceSecret(key: string): void {
    const isToRead = sourceIn(this.#stores, key) !== undefined && isSourceWanted(this.#stores, key);
    if (isToRead || this.#stores.sourceSecrets.get(key) !== undefined) this.#queues.sourceSecrets.add(key);
  }

  #trivySecretsOf(source: string): void {
    for (const secret of this.#stores.trivySecrets.byIndex('source', source)) {
      this.#queues.trivySecrets.add(keyOf(secret));
    }
  }

  /** The bindings whose cycle this one may close or open. */
  #chainOf(binding: Binding): void {
    if (binding.validity === 'Invalid') return;
    const { chain, others } = chainOf(binding, replacersIn(binding.namespace, this.#stores));
    if (chain === 'Acyclic') return;
    for (const other of others) this.#queues.bindings.add(keyOf(other));
  }

  #bindingsUnder({ namespace }: { readonly namespace: string }, key: string): void {
    for (const binding of this.#stores.rivals.affectedUnder(namespace, key))
      this.#queues.bindings.add(keyOf(binding));
  }
}

/** Whether others may now serve other scans; a change of status alone matters to the binding itself only. */
function changesService({ before, after }: Change<Binding>): boolean {
  if (before === undefined || after === undefined) return true;
  return before.generation !== after.generation || before.discovered !== after.discovered;
}

/** Whether there is an object before and after a change, with the same answer. */
function isEqual<Item extends Stored>(
  { before, after }: Change<Item>,
  answer: (item: Item) => boolean,
): boolean {
  return before !== undefined && after !== undefined && answer(before) === answer(after);
}

function sides<Item>({ before, after }: Change<Item>): readonly Item[] {
  return [before, after].filter((item) => item !== undefined);
}
