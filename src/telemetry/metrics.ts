import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client';
import { type LabelOf, METRICS, type MetricName, type NameOf } from './definitions.ts';

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
  readonly result: 'success' | 'outdated' | 'error';
}

/** The figures that a work queue reports. */
interface QueueGauges {
  readonly depth: number;
  readonly oldestMs: number;
}

/** The state that a watch reports. */
interface WatchGauges {
  /** The resource and the selectors. */
  readonly watch: string;
  readonly state: string;
  /** Milliseconds since the watch last received anything from the API server. */
  readonly silentMs: number;
}

/** Rows of the gauges of bindings. */
interface BindingGauges {
  readonly readiness: () => Iterable<{
    readonly ready: string;
    readonly reason: string;
    readonly count: number;
  }>;
  readonly notReady: () => Iterable<{
    readonly namespace: string;
    readonly name: string;
    readonly reason: string;
  }>;
  /** Expiration times in milliseconds since the epoch. */
  readonly expirations: () => Iterable<{
    readonly namespace: string;
    readonly secret: string;
    readonly expiresAt: number;
  }>;
  readonly temporarySecrets: () => number;
  readonly leftSecrets: () => number;
  readonly unboundScans: () => Iterable<{
    readonly namespace: string;
    readonly name: string;
    readonly scans: number;
  }>;
}

/** The Lease of the leader election, as `namespace/name`, and whether this process leads. */
interface Leadership {
  readonly lease: string;
  readonly leads: () => boolean;
}

/**
 * The metrics of this process: {@link METRICS}, and those of every Node process. This class knows the names and labels of
 * metrics, but no type of the domain: callers pass rows. Only the leader reports what concerns the cluster, so that nothing
 * is counted twice.
 */
export class Metrics {
  readonly registry = new Registry();
  readonly #leads: () => boolean;
  readonly #requests = this.#counter('icb_kube_requests_total');
  readonly #requestDurations = this.#histogram('icb_kube_request_duration_seconds');
  readonly #registryRequests = this.#counter('icb_registry_requests_total');
  readonly #reconciles = this.#histogram('icb_reconcile_duration_seconds');
  readonly #waits = this.#histogram('icb_workqueue_queue_duration_seconds');
  readonly #listenerErrors = this.#counter('icb_listener_errors_total');
  readonly #migrated = this.#counter('icb_scans_migrated_total');
  readonly #runs = this.#counter('icb_scan_runs_started_total');
  readonly #holds = this.#counter('icb_held_scans_total');
  /** undefined: the admission webhook is off. */
  #admissions: Histogram<LabelOf<'icb_admission_duration_seconds'>> | undefined;

  constructor({ lease, leads }: Leadership) {
    this.#leads = leads;
    collectDefaultMetrics({ register: this.registry });
    this.#gauge('icb_leader', (set) => set({ lease }, leads() ? 1 : 0));
  }

  countRequest({ verb, resource, code, seconds }: KubeRequest): void {
    this.#requests.inc({ verb, resource, code });
    this.#requestDurations.observe({ verb }, seconds);
  }

  countRegistryRequest({ kind, code }: RegistryRequest): void {
    this.#registryRequests.inc({ kind, code });
  }

  observeReconcile(controller: string, { waitedSeconds, seconds, result }: Reconcile): void {
    this.#waits.observe({ controller }, waitedSeconds);
    this.#reconciles.observe({ controller, result }, seconds);
  }

  countMigrated(scans: number): void {
    this.#migrated.inc(scans);
  }

  countRun(cause: string): void {
    this.#runs.inc({ cause });
  }

  countHold(result: string): void {
    this.#holds.inc({ result });
  }

  countListenerError(): void {
    this.#listenerErrors.inc();
  }

  /** Publishes the readiness of bindings, the expiration of credentials, unbound Scans, and Secrets, read at each scrape. */
  publishBindings(gauges: BindingGauges): void {
    const { readiness, notReady, expirations, unboundScans, temporarySecrets, leftSecrets } = gauges;
    this.#leadersGauge('icb_bindings', (set) => {
      for (const { ready, reason, count } of readiness()) set({ ready, reason }, count);
    });
    this.#leadersGauge('icb_binding_not_ready', (set) => {
      for (const { namespace, name, reason } of notReady()) set({ namespace, name, reason }, 1);
    });
    this.#leadersGauge('icb_credential_expiration_timestamp_seconds', (set) => {
      for (const { namespace, secret, expiresAt } of expirations())
        set({ namespace, secret }, expiresAt / 1000);
    });
    this.#leadersGauge('icb_temporary_secrets', (set) => set({}, temporarySecrets()));
    this.#leadersGauge('icb_left_secrets', (set) => set({}, leftSecrets()));
    this.#leadersGauge('icb_unbound_scans', (set) => {
      for (const { namespace, name, scans } of unboundScans()) set({ namespace, name }, scans);
    });
  }

  /** Publishes the depth and age of each work queue, read at each scrape. */
  publishQueues(queues: Readonly<Record<string, QueueGauges>>): void {
    this.#leadersGauge('icb_workqueue_depth', (set) => {
      for (const [controller, { depth }] of Object.entries(queues)) set({ controller }, depth);
    });
    this.#leadersGauge('icb_workqueue_oldest_seconds', (set) => {
      for (const [controller, { oldestMs }] of Object.entries(queues)) set({ controller }, oldestMs / 1000);
    });
  }

  /**
   * Publishes the state and silence of watches, read at each scrape. Watches of one resource in several namespaces are one
   * group.
   */
  publishWatches(watches: readonly WatchGauges[]): void {
    this.#gauge('icb_watch_state', (set) => {
      const groups = Map.groupBy(watches, ({ watch, state }) => `${watch} ${state}`);
      for (const group of groups.values())
        for (const { watch, state } of group.slice(0, 1)) set({ watch, state }, group.length);
    });
    this.#gauge('icb_watch_idle_seconds', (set) => {
      for (const [watch, group] of Map.groupBy(watches, (each) => each.watch))
        set({ watch }, Math.max(...group.map(({ silentMs }) => silentMs)) / 1000);
    });
  }

  /** Publishes the expiration of the webhook's certificate, in milliseconds since the epoch, read at each scrape. */
  publishAdmission(expiresAt: () => number | undefined): void {
    this.#admissions = this.#histogram('icb_admission_duration_seconds');
    this.#gauge('icb_admission_certificate_expiration_timestamp_seconds', (set) => {
      const time = expiresAt();
      if (time !== undefined) set({}, time / 1000);
    });
  }

  observeAdmission(result: string, seconds: number): void {
    this.#admissions?.observe({ result }, seconds);
  }

  /** Publishes the number of pods that discovery follows and of bindings that it has created, read at each scrape. */
  publishDiscovery(count: () => { readonly pods: number; readonly bindings: number }): void {
    this.#leadersGauge('icb_discovery_pods', (set) => set({}, count().pods));
    this.#leadersGauge('icb_discovery_bindings', (set) => set({}, count().bindings));
  }

  #counter<Name extends NameOf<'counter'>>(name: Name): Counter<LabelOf<Name>> {
    return new Counter<LabelOf<Name>>(this.#configuration(name));
  }

  #histogram<Name extends NameOf<'histogram'>>(name: Name): Histogram<LabelOf<Name>> {
    return new Histogram({ ...this.#configuration(name), buckets: BUCKETS });
  }

  /** A gauge whose values are read at each scrape. The values of the previous scrape are dropped. */
  #gauge<Name extends NameOf<'gauge'>>(name: Name, read: Read<LabelOf<Name>>): void {
    const { labels } = METRICS[name];
    new Gauge<string>({
      ...this.#configuration(name),
      collect() {
        this.reset();
        // Otherwise, a gauge without labels would be 0 after the reset.
        if (labels.length === 0) this.remove({});
        read((values, value) => this.set(values, value));
      },
    });
  }

  /** A {@link #gauge} that has values only while this process leads. */
  #leadersGauge<Name extends NameOf<'gauge'>>(name: Name, read: Read<LabelOf<Name>>): void {
    this.#gauge(name, (set) => {
      if (this.#leads()) read(set);
    });
  }

  #configuration<Name extends MetricName>(name: Name) {
    const { help, labels } = METRICS[name];
    // The compiler does not infer that these labels belong to `name`.
    const labelNames = [...labels] as LabelOf<Name>[];
    return { name, help, labelNames, registers: [this.registry] };
  }
}

type Read<Label extends string> = (
  set: (labels: Readonly<Record<Label, string>>, value: number) => void,
) => void;
