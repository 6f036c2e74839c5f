import { type Change, keyOf, type Stored } from '../kube/index.ts';
import type { ScheduledScan } from '../scan/index.ts';
import type { Binding } from './binding.ts';
import { indexKey, repositoryIndex, type Stores } from './stores.ts';

interface Enqueue {
  add(key: string): void;
}

/** The queues that changes feed. */
export interface Queues {
  readonly bindings: Enqueue;
  readonly trivySecrets: Enqueue;
  /** Of ScheduledScans, by their key. */
  readonly runs: Enqueue;
  /** Of Secrets that are no pull secrets, by their key: to be read, or forgotten. */
  readonly offeredSecrets: Enqueue;
}

/** Says for each change in the stores which keys have to be reconciled; an index look-up each, never a walk. */
export function connectTriggers(stores: Stores, queues: Queues): void {
  const triggers = new Triggers(stores, queues);
  const { bindings, scheduledScans, trivySecrets, otherSecrets, offeredSecrets, runs } = stores;
  bindings.onChange((change) => {
    const rivalsToo = changesService(change);
    for (const binding of sides(change)) triggers.binding(binding, rivalsToo);
  });
  scheduledScans.onChange((change) => {
    for (const scan of sides(change)) triggers.scheduledScan(scan);
    if (change.after?.bound !== undefined) queues.runs.add(keyOf(change.after));
  });
  for (const pullSecrets of [stores.pullSecrets, stores.dockercfgSecrets]) {
    pullSecrets.onChange((change) => {
      for (const secret of sides(change)) triggers.source(secret);
    });
  }
  trivySecrets.onChange((change) => {
    for (const secret of sides(change)) {
      triggers.namedSecret(secret);
      queues.trivySecrets.add(keyOf(secret));
    }
  });
  otherSecrets.onChange((change) => {
    const { before, after } = change;
    for (const secret of sides(change)) if (secret.offered) queues.offeredSecrets.add(keyOf(secret));
    // Of these only their existence is known, and whether they are offered.
    if (before !== undefined && after !== undefined && before.offered === after.offered) return;
    for (const secret of sides(change)) triggers.source(secret);
  });
  offeredSecrets.onChange((change) => {
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
    if (!rivalsToo) return;
    this.#connectedBindings(repositoryIndex(binding));
    const names = binding.validity === 'Valid' ? binding.imagePullSecrets : [];
    for (const name of names) {
      const key = indexKey(binding, name);
      this.trivySecretsOf(key);
      // What no binding names any more is forgotten.
      if (this.#stores.otherSecrets.get(key)?.offered) this.#queues.offeredSecrets.add(key);
    }
  }

  scheduledScan(scan: ScheduledScan): void {
    this.#bindingsOf(repositoryIndex(scan));
    const { bound } = scan;
    if (bound === undefined) return;
    this.#queues.bindings.add(indexKey(scan, bound.binding));
    if (bound.delivery !== undefined)
      this.#queues.trivySecrets.add(indexKey(scan, bound.delivery.secretName));
  }

  /**
   * The bindings that name this secret as a pull secret, or need its name for their Trivy secret; and their rivals, for
   * who answers for a scan depends on who can.
   */
  namedSecret(secret: Stored): void {
    const { bindings } = this.#stores;
    const key = keyOf(secret);
    for (const binding of [...bindings.byIndex('pullSecret', key), ...bindings.byIndex('trivySecret', key)]) {
      this.#queues.bindings.add(keyOf(binding));
      this.#bindingsOf(repositoryIndex(binding));
    }
  }

  /** A Secret that a credential may be taken from. */
  source(secret: Stored): void {
    this.namedSecret(secret);
    this.trivySecretsOf(keyOf(secret));
  }

  trivySecretsOf(source: string): void {
    for (const secret of this.#stores.trivySecrets.byIndex('source', source)) {
      this.#queues.trivySecrets.add(keyOf(secret));
    }
  }

  /** The bindings of repositories, and of those that `replaces` leads to from there: whether there is a circle depends on all. */
  #connectedBindings(repositories: readonly string[]): void {
    const connected = new Set(repositories);
    for (const repository of connected) {
      for (const binding of this.#stores.bindings.byIndex('repository', repository)) {
        this.#queues.bindings.add(keyOf(binding));
        for (const other of repositoryIndex(binding)) connected.add(other);
      }
    }
  }

  #bindingsOf(repositories: readonly string[]): void {
    for (const repository of repositories) {
      for (const binding of this.#stores.bindings.byIndex('repository', repository)) {
        this.#queues.bindings.add(keyOf(binding));
      }
    }
  }
}

/** Whether others may now serve other scans; a change of status alone matters to the binding itself only. */
function changesService({ before, after }: Change<Binding>): boolean {
  if (before === undefined || after === undefined) return true;
  return before.generation !== after.generation || before.discovered !== after.discovered;
}

function sides<Item>({ before, after }: Change<Item>): readonly Item[] {
  return [before, after].filter((item) => item !== undefined);
}
