import { hash } from 'node:crypto';
import type { Logger } from 'pino';
import { imageCredentialBindings } from '../api/index.ts';
import type { Stores } from '../binding/index.ts';
import { apiVersionOf, type EventRecorder, type KubeClient, type Outcome } from '../kube/index.ts';
import { Applier } from './apply.ts';
import { type Decision, decide, type Telling } from './decide.ts';
import { type DiscoverySettings, observe } from './observe.ts';
import { type DiscoveryStores, PODS } from './stores.ts';
import type { Absences } from './timekeeper.ts';

/** The same writes within this time are an answer to somebody who undoes them. */
const REPETITION_MS = 10_000;

export interface DiscoveryOptions {
  readonly client: KubeClient;
  readonly stores: Stores;
  readonly own: DiscoveryStores;
  readonly events: EventRecorder;
  readonly settings: DiscoverySettings;
}

/** What is known of a namespace from the last time; to lose it makes bindings stay longer, and nothing else. */
interface Recollection {
  readonly absences: Absences;
  readonly told: ReadonlySet<string>;
  /** `what`: see {@link fingerprint}. */
  readonly written: { readonly at: number; readonly what: string } | undefined;
}

const NOTHING: Recollection = { absences: new Map(), told: new Set(), written: undefined };

/** Makes bindings from the pods of a namespace: observe, decide, apply. The key is the name of the namespace. */
export class DiscoveryReconciler {
  readonly #options: DiscoveryOptions;
  readonly #applier: Applier;
  readonly #recollections = new Map<string, Recollection>();

  constructor(options: DiscoveryOptions) {
    this.#options = options;
    this.#applier = new Applier(options);
  }

  /**
   * @param log - names this reconcile in its lines
   * @throws OutOfDate, KubeError: to be tried again.
   */
  readonly reconcile = async (namespace: string, log: Logger): Promise<Outcome> => {
    const before = this.#recollections.get(namespace) ?? NOTHING;
    const now = Date.now();
    const decision = decide(observe(namespace, this.#options, { now, absences: before.absences }));
    const what = fingerprint(decision);
    const repeated = before.written?.what === what && now - before.written.at < REPETITION_MS;
    const written = isNothing(decision) ? before.written : { at: now, what };
    const { absences } = decision;
    this.#recollections.set(namespace, { absences, told: before.told, written });
    try {
      await this.#applier.apply(namespace, decision, log);
    } finally {
      // Also where a write is refused, for ever perhaps: what is odd about a pod has nothing to do with that.
      const told = await this.#tell(decision.tellings, before.told);
      if (absences.size + told.size === 0 && written === undefined) this.#recollections.delete(namespace);
      else this.#recollections.set(namespace, { absences, told, written });
    }
    return { requeueAfterMs: decision.lookAgainAfterMs, repeated };
  };

  /** Tells what was not told the last time; gives back what has been told. */
  async #tell(tellings: readonly Telling[], before: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const told = new Set<string>();
    for (const { about, reason, note } of tellings) {
      const key = `${about.kind === 'Pod' ? about.pod.use.workload : about.binding.name} ${note}`;
      if (!before.has(key) && !told.has(key)) {
        const occurrence = { type: 'Warning', reason, action: 'Discover', note, once: true } as const;
        await this.#options.events.record(regarding(about), occurrence);
      }
      told.add(key);
    }
    return told;
  }
}

function regarding(about: Telling['about']) {
  const resource = about.kind === 'Pod' ? PODS : imageCredentialBindings;
  const { namespace, name, uid } = about.kind === 'Pod' ? about.pod : about.binding;
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, namespace, name, uid };
}

function isNothing({ writes, marks }: Decision): boolean {
  return writes.length + marks.length === 0;
}

/** Of what is written, but for versions. */
function fingerprint({ writes, marks }: Decision): string {
  const wanted = writes
    .flat()
    .map((write) => [
      write.action,
      write.action === 'Create' ? write.name : write.binding.uid,
      write.action === 'Delete' ? '' : write.content,
    ]);
  const marked = marks.map(({ pod, binding }) => [pod.uid, binding]);
  return hash('sha256', JSON.stringify([wanted, marked]), 'base64');
}
