import type { Binding } from '../../binding/index.ts';
import { keyOf, type Stored } from '../../object/index.ts';
import { bindingKeys, imageKeys, replacersIn, replacesChain } from '../../policy/index.ts';
import { isOpen, type Run, type ScheduledScan } from '../../scan/index.ts';
import type { TrivySecret } from '../../secret/index.ts';
import {
  indexKey,
  type Selection,
  type SelectionChange,
  type Stores,
  scanKeysOf,
  scansUnder,
} from '../../state/index.ts';
import { changesSpec, onSourceChange, sides, TurnBatch } from '../changes.ts';
import type { Queue } from '../controller.ts';

/**
 * Enqueues the bindings that each change in the stores affects. Adds the key of the changed binding first and immediately, so
 * that an error in the search for the others does not lose it. Collects the scan keys of all changes in a turn of the event
 * loop, and searches for the scans under each key only once.
 */
export function connectBindingTriggers(stores: Stores, queue: Pick<Queue, 'add'>): void {
  const triggers = new BindingTriggers(stores, queue);
  const { bindings, scheduledScans, trivySecrets, sourceSecrets, selections, runs, temporaryRefusals } =
    stores;
  bindings.onChange((change) => {
    for (const binding of sides(change)) triggers.binding(binding, changesSpec(change));
    if (change.after === undefined) triggers.waiting(change.before);
  });
  selections.onChange((change) => triggers.selection(change));
  scheduledScans.onChange((change) => {
    for (const scan of sides(change)) triggers.scheduledScan(scan);
  });
  runs.onChange((change) => triggers.run(change));
  temporaryRefusals.onChange((key) => queue.add(key));
  onSourceChange(stores, ({ key, isSourceAsBefore }) => {
    if (!isSourceAsBefore) triggers.namedSecret(key);
  });
  trivySecrets.onChange((change) => {
    for (const secret of sides(change)) triggers.temporarySecret(secret);
  });
  for (const secrets of [trivySecrets, sourceSecrets])
    secrets.onChange((change) => {
      for (const secret of sides<Stored>(change)) triggers.namedSecret(keyOf(secret));
    });
}

class BindingTriggers {
  readonly #stores: Stores;
  readonly #queue: Pick<Queue, 'add'>;
  /** Keys of scans ({@link scanKeysOf}). */
  readonly #scanKeys = new TurnBatch((key) => this.#bindingsOfScansUnder(key));

  constructor(stores: Stores, queue: Pick<Queue, 'add'>) {
    this.#stores = stores;
    this.#queue = queue;
  }

  binding(binding: Binding, rivalsToo: boolean): void {
    this.#queue.add(keyOf(binding));
    if (!rivalsToo || binding.validity === 'Invalid') return;
    this.#atTheLimitWith(binding);
    this.#rivalsOf(binding);
    this.#chainOf(binding);
  }

  selection({ binding, before, after }: SelectionChange): void {
    this.waiting(binding);
    const stored = this.#stores.bindings.get(keyOf(binding));
    if (stored !== undefined && concernsRivals(before, after)) this.#rivalsOf(stored);
  }

  /** The bindings that wait for the selection of this binding. */
  waiting(binding: Stored | undefined): void {
    if (binding === undefined) return;
    for (const key of this.#stores.selections.takeWaiting(keyOf(binding))) this.#queue.add(key);
  }

  scheduledScan(scan: ScheduledScan): void {
    for (const key of new Set([...imageKeysOf(scan), ...scan.mentions.flatMap(imageKeys)]))
      this.#bindingsUnder(scan.namespace, key);
    if (scan.bound !== undefined) this.#queue.add(indexKey(scan, scan.bound.binding));
  }

  /**
   * The bindings of a Scan that is not bound, and the binding of a ScheduledScan whose requested run may begin or cease to wait for
   * this Scan.
   */
  run({ before, after }: { readonly before: Run | undefined; readonly after: Run | undefined }): void {
    for (const { admission } of sides({ before, after }))
      if (admission?.unbound !== undefined) this.#bindingsOf(admission.unbound);
    const run = after ?? before;
    if (run?.scheduledScan === undefined || before?.state === after?.state) return;
    const scan = this.#stores.scheduledScans.get(indexKey(run, run.scheduledScan));
    if (scan?.bound !== undefined && isOpen(scan)) this.#queue.add(indexKey(scan, scan.bound.binding));
  }

  /** The bindings that name the Secret of this key as a pull secret, or need its name for their Trivy Secret. */
  namedSecret(key: string): void {
    const { bindings } = this.#stores;
    for (const binding of [...bindings.byIndex('pullSecret', key), ...bindings.byIndex('trivySecret', key)])
      this.#queue.add(keyOf(binding));
  }

  /** The binding of a temporary Secret, because its status names the temporary Secrets that have existed for long. */
  temporarySecret({ namespace, temporary }: TrivySecret): void {
    if (temporary?.binding !== undefined) this.#queue.add(indexKey({ namespace }, temporary.binding));
  }

  /** The rivals for the scans that fit this binding, and the bindings to which those scans are bound. */
  #rivalsOf(binding: Binding): void {
    if (binding.validity === 'Invalid') return;
    for (const key of scanKeysOf(binding)) this.#scanKeys.add(key);
  }

  /**
   * For each key of this binding, the bindings on either side of the limit. A change of this binding may put them on the
   * other side.
   */
  #atTheLimitWith(binding: Binding): void {
    if (binding.validity === 'Invalid') return;
    for (const key of bindingKeys(binding)) {
      for (const rival of this.#stores.rivals.atTheLimit(binding.namespace, key))
        this.#queue.add(keyOf(rival));
    }
  }

  /** The bindings whose cycle this one may create or break. */
  #chainOf(binding: Binding): void {
    if (binding.validity === 'Invalid') return;
    const { chain, others } = replacesChain(binding, replacersIn(binding.namespace, this.#stores.rivals));
    if (chain === 'Acyclic') return;
    for (const other of others) this.#queue.add(keyOf(other));
  }

  #bindingsUnder(namespace: string, key: string): void {
    for (const binding of this.#stores.rivals.affectedUnder(namespace, key)) this.#queue.add(keyOf(binding));
  }

  #bindingsOf(scan: ScheduledScan): void {
    for (const key of imageKeysOf(scan)) this.#bindingsUnder(scan.namespace, key);
  }

  #bindingsOfScansUnder(scanKey: string): void {
    const scans = scansUnder(scanKey, this.#stores);
    const [first] = scans;
    if (first === undefined) return;
    for (const key of new Set(scans.flatMap(imageKeysOf))) this.#bindingsUnder(first.namespace, key);
    for (const { bound } of scans) if (bound !== undefined) this.#queue.add(indexKey(first, bound.binding));
  }
}

function imageKeysOf({ image }: ScheduledScan): readonly string[] {
  return image === undefined ? [] : imageKeys(image);
}

/**
 * Whether a new selection affects rivals other than those that wait for it, which are enqueued anyway. Until the first
 * selection, rivals assume that the binding migrates scans. So a first selection affects them only if it migrates none.
 */
function concernsRivals(before: Selection | undefined, after: Selection): boolean {
  if (before === undefined) return !after.migrates;
  return before.canBind !== after.canBind || before.migrates !== after.migrates;
}
