import { hash } from 'node:crypto';
import type { Logger } from 'pino';
import { imageCredentialBindings } from '../../api/index.ts';
import type { EventRecorder, KubeClient, Outcome } from '../../kube/index.ts';
import { apiVersionOf } from '../../object/index.ts';
import type { Stores } from '../../state/index.ts';
import { type DiscoveryStores, PODS } from '../../state/index.ts';
import { Applier } from './apply.ts';
import { type Decision, decide, type Observed } from './decide.ts';
import { dueEvents, NOTHING_REPORTED, type Reported } from './event-limit.ts';
import { type DiscoverySettings, observe } from './observe.ts';
import type { Telling } from './tellings.ts';
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
  readonly reported: Reported;
  /** The size of the last decision: see {@link Decision}. */
  readonly size: number;
  /** `what`: see {@link fingerprint}. */
  readonly written: { readonly at: number; readonly what: string } | undefined;
}

const NOTHING: Recollection = {
  absences: new Map(),
  reported: NOTHING_REPORTED,
  size: 0,
  written: undefined,
};

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
    const observed = observe(namespace, this.#options, { now, absences: before.absences });
    const decision = decide(observed);
    const what = fingerprint(decision);
    const repeated = before.written?.what === what && now - before.written.at < REPETITION_MS;
    const written = isNothing(decision) ? before.written : { at: now, what };
    const { absences, size } = decision;
    const due = dueEvents(decision.tellings, before.reported, now);
    if (isEmpty(observed)) this.#recollections.delete(namespace);
    else this.#recollections.set(namespace, { absences, reported: due.reported, size, written });
    try {
      await this.#applier.apply(namespace, decision, log);
    } finally {
      // Report even if a write is refused, because problems of pods do not depend on it.
      for (const telling of due.events) await this.#report(telling);
      if (due.postponed > 0 && due.events.length > 0)
        log.warn(
          { postponed: due.postponed },
          'too many events of discovery in this namespace: postponing the rest',
        );
    }
    return { requeueAfterMs: earlier(decision.lookAgainAfterMs, due.lookAgainAfterMs), repeated };
  };

  /** The number of namespaces with state from the last decision: those with observed pods or with bindings. */
  get namespaces(): number {
    return this.#recollections.size;
  }

  /** The size of the last decision on a namespace. */
  readonly sizeOf = (namespace: string): number => this.#recollections.get(namespace)?.size ?? 0;

  async #report({ about, reason, note }: Telling): Promise<void> {
    const occurrence = { type: 'Warning', reason, action: 'Discover', note, once: true } as const;
    await this.#options.events.record(regarding(about), occurrence);
  }
}

function isEmpty({ pods, bindings, persons }: Observed): boolean {
  return pods.length + bindings.length + persons.length === 0;
}

function earlier(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);
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
