import type { Binding } from '../../binding/index.ts';
import type { Change } from '../../kube/index.ts';
import { keyOf, type Stored } from '../../object/index.ts';
import { bindingKeys, imageKeys, replacersIn, replacesChain } from '../../policy/index.ts';
import type { ScheduledScan } from '../../scan/index.ts';
import type { Selection, SelectionChange } from '../../state/index.ts';
import {
  indexKey,
  isSourceWanted,
  type Stores,
  scanKeysOf,
  scansUnder,
  sourceIn,
} from '../../state/index.ts';

interface Enqueue {
  add(key: string): void;
}

/** The queues that changes feed. */
export interface Queues {
  readonly bindings: Enqueue;
  readonly trivySecrets: Enqueue;
  /** Of ScheduledScans, by their key. */
  readonly runs: Enqueue;
  /** Keys of pull secrets and credential Secrets to read or to forget. */
  readonly sourceSecrets: Enqueue;
}

/**
 * Enqueues the keys that each change in the stores affects. The key of the object itself comes first and immediately,
 * so that an error in finding the others does not lose it. Walks (over the scans that could fit a binding, over the
 * Trivy Secrets of a source) run once for all changes of a turn of the event loop.
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
      // The source of a Trivy Secret is read as long as the Trivy Secret exists.
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
  /** Keys of scans ({@link scanKeysOf}) whose bindings are enqueued in the next turn of the event loop. */
  readonly #scanKeys = new Set<string>();
  /** Keys of Secrets whose Trivy Secrets are enqueued in the next turn. */
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
    this.#replacesChain(binding);
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

  /** The bindings that wait for the selection of this binding. */
  waiting(binding: Stored | undefined): void {
    if (binding === undefined) return;
    for (const key of this.#stores.selections.takeWaiting(keyOf(binding))) this.#queues.bindings.add(key);
  }

  /** The rivals for the scans that fit this binding, and the bindings to which those scans are bound. */
  rivalsOf(binding: Binding): void {
    if (binding.validity === 'Invalid') return;
    for (const key of scanKeysOf(binding)) this.#scanKeys.add(key);
    this.#flushLater();
  }

  /** The Trivy Secrets that may be made from the Secrets that a binding names. */
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
   * Handles a change of a Secret's metadata. Bindings that name the Secret are enqueued when it appears or disappears,
   * and when its content has been read.
   *
   * @param isThereAsBefore - whether the Secret can be a source both before and after the change
   */
  existence(change: Change<Stored>, isThereAsBefore: boolean): void {
    const [secret] = sides(change);
    if (secret === undefined) return;
    this.sourceSecret(keyOf(secret));
    if (isThereAsBefore) return;
    for (const side of sides(change)) this.source(side);
  }

  /** The bindings that name this Secret as a pull secret, or need its name for their Trivy Secret. */
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

  /** Enqueues the reader of Secrets if it has something to read or to forget. */
  sourceSecret(key: string): void {
    const isToRead = sourceIn(this.#stores, key) !== undefined && isSourceWanted(this.#stores, key);
    if (isToRead || this.#stores.sourceSecrets.get(key) !== undefined) this.#queues.sourceSecrets.add(key);
  }

  #trivySecretsFrom(source: string): void {
    this.#sources.add(source);
    this.#flushLater();
  }

  /** The bindings that this one moves across the limit of a key. */
  #placesOf(binding: Binding): void {
    if (binding.validity === 'Invalid') return;
    for (const key of bindingKeys(binding)) {
      for (const rival of this.#stores.rivals.atTheLimit(binding.namespace, key))
        this.#queues.bindings.add(keyOf(rival));
    }
  }

  /** The bindings whose cycle this one may create or break. */
  #replacesChain(binding: Binding): void {
    if (binding.validity === 'Invalid') return;
    const { chain, others } = replacesChain(binding, replacersIn(binding.namespace, this.#stores.rivals));
    if (chain === 'Acyclic') return;
    for (const other of others) this.#queues.bindings.add(keyOf(other));
  }

  #bindingKeysOf({ image }: ScheduledScan): readonly string[] {
    return image === undefined ? [] : imageKeys(image);
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

/**
 * Waiting bindings are enqueued for the first selection anyway. Until then, rivals assume that the binding migrates
 * scans.
 */
function concernsRivals(before: Selection | undefined, after: Selection): boolean {
  if (before === undefined) return !after.migrates;
  return before.canBind !== after.canBind || before.migrates !== after.migrates;
}

/** Whether others may now serve other scans; a change of status alone matters to the binding itself only. */
function changesService({ before, after }: Change<Binding>): boolean {
  if (before === undefined || after === undefined) return true;
  return before.generation !== after.generation || before.discovered !== after.discovered;
}

/** Whether the object exists both before and after the change, with the same result. */
function isEqual<Item extends Stored>(
  { before, after }: Change<Item>,
  answer: (item: Item) => boolean,
): boolean {
  return before !== undefined && after !== undefined && answer(before) === answer(after);
}

function sides<Item>({ before, after }: Change<Item>): readonly Item[] {
  return [before, after].filter((item) => item !== undefined);
}
