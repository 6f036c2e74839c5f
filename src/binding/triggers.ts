import { type Change, keyOf, type Stored } from '../kube/index.ts';
import type { ScheduledScan } from '../scan/index.ts';
import type { Binding } from './binding.ts';
import { replacersIn } from './contention.ts';
import { chainOf } from './move.ts';
import type { Selection, SelectionChange } from './selections.ts';
import { keysNaming, keysServed } from './serve.ts';
import { indexKey, isSourceWanted, type Stores, scanKeysOf, scansUnder, sourceIn } from './stores.ts';

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
 * Says for each change in the stores which keys have to be reconciled. The key of the object itself comes first and at once,
 * so that an error on the way to the others does not lose it. What takes a walk (over the scans that a binding could
 * serve, over the Trivy Secrets of a source) is done once for all changes of a turn of the event loop.
 */
export function connectTriggers(stores: Stores, queues: Queues): void {
  const triggers = new Triggers(stores, queues);
  const { bindings, scheduledScans, trivySecrets, otherSecrets, sourceSecrets, runs, selections } = stores;
  bindings.onChange((change) => {
    const rivalsToo = changesService(change);
    for (const binding of sides(change)) triggers.binding(binding, rivalsToo);
    if (change.after === undefined) triggers.waiting(change.before);
  });
  selections.onChange((change) => triggers.selection(change));
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
  /** Keys of scans whose bindings are to be enqueued in the next turn of the event loop, see {@link scanKeysOf}. */
  readonly #scanKeys = new Set<string>();
  /** Keys of Secrets whose Trivy Secrets are to be enqueued then. */
  readonly #sources = new Set<string>();
  #flushing: NodeJS.Immediate | undefined;

  constructor(stores: Stores, queues: Queues) {
    this.#stores = stores;
    this.#queues = queues;
  }

  binding(binding: Binding, rivalsToo: boolean): void {
    this.#queues.bindings.add(keyOf(binding));
    const trivySecret = binding.status?.trivySecret?.name;
    if (trivySecret !== undefined) this.#queues.trivySecrets.add(indexKey(binding, trivySecret));
    if (!rivalsToo || binding.validity === 'Invalid') return;
    this.trivySecretsOf(binding);
    for (const name of binding.imagePullSecrets) this.sourceSecret(indexKey(binding, name));
    this.#placesOf(binding);
    this.rivalsOf(binding);
    this.#chainOf(binding);
  }

  selection({ binding, before, after }: SelectionChange): void {
    this.waiting(binding);
    for (const name of [before?.trivySecret, after.trivySecret])
      if (name !== undefined) this.#queues.trivySecrets.add(indexKey(binding, name));
    const stored = this.#stores.bindings.get(keyOf(binding));
    if (stored === undefined) return;
    if (before === undefined) this.trivySecretsOf(stored);
    if (concernsRivals(before, after)) this.rivalsOf(stored);
  }

  /** Those whose reconcile waits for what this binding comes to. */
  waiting(binding: Stored | undefined): void {
    if (binding === undefined) return;
    for (const key of this.#stores.selections.takeWaiting(keyOf(binding))) this.#queues.bindings.add(key);
  }

  /** The bindings that may serve a scan that this one may serve, too, and those whose name such a scan carries. */
  rivalsOf(binding: Binding): void {
    if (binding.validity === 'Invalid') return;
    for (const key of scanKeysOf(binding)) this.#scanKeys.add(key);
    this.#flushLater();
  }

  /** The Trivy Secrets that may be made from what a binding names. */
  trivySecretsOf(binding: Binding): void {
    const names = binding.validity === 'Valid' ? binding.imagePullSecrets : [];
    for (const name of names) this.#trivySecretsFrom(indexKey(binding, name));
  }

  scheduledScan(scan: ScheduledScan): void {
    for (const key of this.#bindingKeysOf(scan)) this.#bindingsUnder(scan, key);
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
    const [secret] = sides(change);
    if (secret === undefined) return;
    this.sourceSecret(keyOf(secret));
    if (isThereAsBefore) return;
    for (const side of sides(change)) this.source(side);
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
    this.#trivySecretsFrom(keyOf(secret));
  }

  /** The reader of Secrets, where there is something to read or to forget. */
  sourceSecret(key: string): void {
    const isToRead = sourceIn(this.#stores, key) !== undefined && isSourceWanted(this.#stores, key);
    if (isToRead || this.#stores.sourceSecrets.get(key) !== undefined) this.#queues.sourceSecrets.add(key);
  }

  #trivySecretsFrom(source: string): void {
    this.#sources.add(source);
    this.#flushLater();
  }

  /** The bindings that this one gives a place to, or takes it from. */
  #placesOf(binding: Binding): void {
    if (binding.validity === 'Invalid') return;
    for (const key of keysServed(binding)) {
      for (const rival of this.#stores.rivals.atTheLimit(binding.namespace, key))
        this.#queues.bindings.add(keyOf(rival));
    }
  }

  /** The bindings whose cycle this one may close or open. */
  #chainOf(binding: Binding): void {
    if (binding.validity === 'Invalid') return;
    const { chain, others } = chainOf(binding, replacersIn(binding.namespace, this.#stores));
    if (chain === 'Acyclic') return;
    for (const other of others) this.#queues.bindings.add(keyOf(other));
  }

  #bindingKeysOf({ image }: ScheduledScan): readonly string[] {
    return image === undefined ? [] : keysNaming(image);
  }

  #bindingsUnder({ namespace }: { readonly namespace: string }, key: string): void {
    for (const binding of this.#stores.rivals.affectedUnder(namespace, key))
      this.#queues.bindings.add(keyOf(binding));
  }

  #flushLater(): void {
    this.#flushing ??= setImmediate(() => {
      this.#flushing = undefined;
      this.#flush();
    });
  }

  #flush(): void {
    const scanKeys = [...this.#scanKeys];
    const sources = [...this.#sources];
    this.#scanKeys.clear();
    this.#sources.clear();
    for (const key of scanKeys) this.#bindingsOfScansUnder(key);
    for (const source of sources) {
      for (const secret of this.#stores.trivySecrets.byIndex('source', source))
        this.#queues.trivySecrets.add(keyOf(secret));
    }
  }

  #bindingsOfScansUnder(scanKey: string): void {
    const scans = scansUnder(scanKey, this.#stores);
    const [first] = scans;
    if (first === undefined) return;
    for (const key of new Set(scans.flatMap((scan) => this.#bindingKeysOf(scan))))
      this.#bindingsUnder(first, key);
    for (const { bound } of scans)
      if (bound !== undefined) this.#queues.bindings.add(indexKey(first, bound.binding));
  }
}

/** Who waited for the first selection has been enqueued; it was taken for granted that the binding migrates scans. */
function concernsRivals(before: Selection | undefined, after: Selection): boolean {
  if (before === undefined) return !after.migrates;
  return before.isAble !== after.isAble || before.migrates !== after.migrates;
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
