import type { Logger } from 'pino';
import type { EventRecorder, KubeClient, Outcome } from '../../kube/index.ts';
import type { DiscoveryStores, Stores } from '../../state/index.ts';
import { shortest } from '../shortest.ts';
import { DiscoveryApplier } from './apply.ts';
import { decide } from './decide.ts';
import { dueEvents, NOTHING_REPORTED, type Reported } from './events/index.ts';
import type { MissingSince } from './grace-periods.ts';
import { observe } from './observe.ts';
import type { ObservedNamespace } from './observed.ts';
import { report } from './report.ts';
import type { DiscoverySettings } from './settings.ts';
import { fingerprintOf } from './writes/index.ts';

/** If discovery repeats the same writes within this time, another client is undoing them. */
const REPETITION_MS = 10_000;

export interface DiscoveryReconcilerOptions {
  readonly client: KubeClient;
  readonly stores: Stores;
  readonly discoveryStores: DiscoveryStores;
  readonly events: EventRecorder;
  readonly settings: DiscoverySettings;
}

/** State of a namespace in memory. If this state is lost, unused bindings and missing users are kept for longer. */
interface NamespaceState {
  readonly missingSince: MissingSince;
  readonly reported: Reported;
  /** The size of the last decision. */
  readonly size: number;
  /** A fingerprint of the last writes, and when they were made, in milliseconds since the epoch. */
  readonly written: { readonly at: number; readonly fingerprint: string } | undefined;
}

const INITIAL_STATE: NamespaceState = {
  missingSince: new Map(),
  reported: NOTHING_REPORTED,
  size: 0,
  written: undefined,
};

/** Derives the bindings of a namespace from its pods: observe, decide, apply, report. The key is the name of the namespace. */
export class DiscoveryReconciler {
  readonly #options: DiscoveryReconcilerOptions;
  readonly #applier: DiscoveryApplier;
  readonly #states = new Map<string, NamespaceState>();

  constructor(options: DiscoveryReconcilerOptions) {
    this.#options = options;
    this.#applier = new DiscoveryApplier(options);
  }

  /**
   * @param log - its lines identify this reconcile
   * @throws OutOfDate, KubeError: retry.
   */
  readonly reconcile = async (namespace: string, log: Logger): Promise<Outcome> => {
    const before = this.#states.get(namespace) ?? INITIAL_STATE;
    const now = Date.now();
    const observed = observe(namespace, this.#options, { now, missingSince: before.missingSince });
    const decision = decide(observed);
    const { missingSince, size } = decision;
    const due = dueEvents(decision.problems, before.reported, now);
    const { written, repeated } = compareWrites(fingerprintOf(decision), before.written, now);
    if (isEmpty(observed)) this.#states.delete(namespace);
    else this.#states.set(namespace, { missingSince, reported: due.reported, size, written });
    try {
      await this.#applier.apply(namespace, decision, log);
    } finally {
      // Report even if a write fails, because problems of pods do not depend on it.
      await report(due, this.#options.events, log);
    }
    return { requeueAfterMs: shortest([decision.requeueAfterMs, due.requeueAfterMs]), repeated };
  };

  /** The number of namespaces with state from the last decision: those with observed pods or with bindings. */
  get namespaces(): number {
    return this.#states.size;
  }

  /** The size of the last decision on a namespace. */
  readonly sizeOf = (namespace: string): number => this.#states.get(namespace)?.size ?? 0;
}

/** @param fingerprint - undefined: nothing is written */
function compareWrites(
  fingerprint: string | undefined,
  before: NamespaceState['written'],
  now: number,
): Pick<NamespaceState, 'written'> & { readonly repeated: boolean } {
  if (fingerprint === undefined) return { written: before, repeated: false };
  const repeated = before?.fingerprint === fingerprint && now - before.at < REPETITION_MS;
  return { written: { at: now, fingerprint }, repeated };
}

function isEmpty({ pods, discovered, userCreated }: ObservedNamespace): boolean {
  return pods.length + discovered.length + userCreated.length === 0;
}
