import {
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type LabelValues,
  Registry,
} from '@prometheus-io/client';
import type { Watch } from './watches.ts';

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** One try of a request to the API server. */
interface KubeRequest {
  readonly verb: string;
  readonly resource: string;
  readonly code: string;
  readonly seconds: number;
}

/** One request to a registry or its token server. */
interface RegistryRequest {
  readonly kind: string;
  readonly code: string;
}

/** One processing of a key. */
interface Reconcile {
  readonly waitedSeconds: number;
  readonly seconds: number;
  readonly error: unknown;
}

/** What a work queue shows of itself. */
interface QueueGauges {
  readonly depth: number;
  readonly oldestMs: number;
}

/**
 * What the process says about itself to Prometheus. Labels are bounded: names of controllers, resource types,
 * verbs and codes, never names of objects nor of namespaces.
 */
export class Metrics {
  readonly registry = new Registry();
  readonly #requests: Counter<'verb' | 'resource' | 'code'>;
  readonly #requestDurations: Histogram<'verb'>;
  readonly #registryRequests: Counter<'kind' | 'code'>;
  readonly #reconciles: Histogram<'controller' | 'result'>;
  readonly #waits: Histogram<'controller'>;
  readonly #listenerErrors: Counter;
  readonly #moved: Counter;
  readonly #runs: Counter<'cause'>;

  constructor() {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#requests = new Counter({
      name: 'icb_kube_requests_total',
      help: 'Requests to the API server by verb, resource and HTTP status (or why no answer came), each try for itself.',
      labelNames: ['verb', 'resource', 'code'],
      registers,
    });
    this.#requestDurations = new Histogram({
      name: 'icb_kube_request_duration_seconds',
      help: 'Seconds until the API server began to answer, by verb.',
      labelNames: ['verb'],
      buckets: BUCKETS,
      registers,
    });
    this.#registryRequests = new Counter({
      name: 'icb_registry_requests_total',
      help: 'Requests to registries and their token servers by kind (ping, token, manifest) and HTTP status, or class of it, or why no answer came.',
      labelNames: ['kind', 'code'],
      registers,
    });
    this.#reconciles = new Histogram({
      name: 'icb_reconcile_duration_seconds',
      help: 'Duration of reconciles in seconds by controller and result (success, error).',
      labelNames: ['controller', 'result'],
      buckets: BUCKETS,
      registers,
    });
    this.#waits = new Histogram({
      name: 'icb_workqueue_queue_duration_seconds',
      help: 'Seconds that a key waited in the queue before it was reconciled, by controller.',
      labelNames: ['controller'],
      buckets: BUCKETS,
      registers,
    });
    this.#listenerErrors = new Counter({
      name: 'icb_listener_errors_total',
      help: 'Changes of objects that a handler failed on: each is a mistake in this program.',
      registers,
    });
    this.#moved = new Counter({
      name: 'icb_scans_moved_total',
      help: 'ScheduledScans that were moved from one home of their image to another.',
      registers,
    });
    this.#runs = new Counter({
      name: 'icb_scan_runs_started_total',
      help: 'Runs of ScheduledScans that were started, by cause (Moved: their image; Bound: after a run that failed).',
      labelNames: ['cause'],
      registers,
    });
  }

  countRequest({ verb, resource, code, seconds }: KubeRequest): void {
    this.#requests.inc({ verb, resource, code });
    this.#requestDurations.observe({ verb }, seconds);
  }

  countRegistryRequest({ kind, code }: RegistryRequest): void {
    this.#registryRequests.inc({ kind, code });
  }

  observeReconcile(controller: string, { waitedSeconds, seconds, error }: Reconcile): void {
    this.#waits.observe({ controller }, waitedSeconds);
    this.#reconciles.observe({ controller, result: error === undefined ? 'success' : 'error' }, seconds);
  }

  countMoved(scans: number): void {
    this.#moved.inc(scans);
  }

  countRun(cause: string): void {
    this.#runs.inc({ cause });
  }

  countListenerError(): void {
    this.#listenerErrors.inc();
  }

  /** Publishes depth and age of each work queue, read when Prometheus asks. */
  watchQueues(queues: Readonly<Record<string, QueueGauges>>): void {
    this.#gauge(
      'icb_workqueue_depth',
      'Keys that wait to be reconciled, by controller.',
      ['controller'],
      (set) => {
        for (const [controller, { depth }] of Object.entries(queues)) set({ controller }, depth);
      },
    );
    const help = 'How long the key waits that has waited longest, in seconds, by controller.';
    this.#gauge('icb_workqueue_oldest_seconds', help, ['controller'], (set) => {
      for (const [controller, { oldestMs }] of Object.entries(queues)) set({ controller }, oldestMs / 1000);
    });
  }

  /** Publishes states and age of watches, read when Prometheus asks: of those of several namespaces together. */
  watchWatches(watches: readonly Watch[]): void {
    const stateHelp =
      'How many watches are in a state, one for each namespace of a list, else one: Listing, Watching, Waiting or Stopped.';
    this.#gauge('icb_watch_state', stateHelp, ['watch', 'state'], (set) => {
      const groups = Map.groupBy(watches, ({ watch, state }) => `${watch} ${state}`);
      for (const group of groups.values())
        for (const { watch, state } of group.slice(0, 1)) set({ watch, state }, group.length);
    });
    const idleHelp =
      'Seconds since a watch last heard of the API server (bookmarks come about once a minute), the longest where there are several.';
    this.#gauge('icb_watch_idle_seconds', idleHelp, ['watch'], (set) => {
      for (const [watch, group] of Map.groupBy(watches, (each) => each.watch))
        set({ watch }, Math.max(...group.map(({ idleMs }) => idleMs)) / 1000);
    });
  }

  /** Publishes whether this process leads, read when Prometheus asks. */
  watchLeadership(leads: () => boolean): void {
    this.#gauge<string>('icb_leader', '1 where this process leads, 0 where it follows.', [], (set) => {
      set({}, leads() ? 1 : 0);
    });
  }

  /** Publishes what discovery follows and has made, read when Prometheus asks. */
  watchDiscovery(count: () => { readonly pods: number; readonly bindings: number }): void {
    this.#gauge<string>('icb_discovery_pods', 'Pods that discovery follows.', [], (set) => {
      set({}, count().pods);
    });
    const help = 'Bindings that discovery has made and that no person has taken over.';
    this.#gauge<string>('icb_discovery_bindings', help, [], (set) => set({}, count().bindings));
  }

  /** A gauge whose values are read when Prometheus asks; those of the time before are forgotten. */
  #gauge<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    read: (set: (labels: LabelValues<Label>, value: number) => void) => void,
  ): void {
    new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
      collect() {
        this.reset();
        read((labels, value) => this.set(labels, value));
      },
    });
  }
}
