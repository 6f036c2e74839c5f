/** What a metric is called, and what it says; Prometheus' words. */
interface Definition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
}

/**
 * All metrics of this program, beside those that every process has. `docs/reference/metrics.md` is made from this.
 *
 * Labels are bounded: names of controllers, resource types, verbs, codes and reasons. Of objects only those are named
 * that somebody has to look after, a few for each namespace (docs/adr/0017-metrics-name-what-wants-attention.md).
 */
export const METRICS = {
  icb_leader: {
    type: 'gauge',
    labels: ['lease'],
    help: '1 where this process leads, 0 where it follows, by the Lease (namespace/name) that it leads by.',
  },
  icb_bindings: {
    type: 'gauge',
    labels: ['ready', 'reason'],
    help: 'ImageCredentialBindings by the status of their condition Ready (True, False, Unknown) and its reason. Told by the leader.',
  },
  icb_binding_not_ready: {
    type: 'gauge',
    labels: ['namespace', 'name', 'reason'],
    help: '1 for each ImageCredentialBinding whose condition Ready is not True, with its reason; of a namespace the first 20 by name. Told by the leader.',
  },
  icb_credential_expiration_timestamp_seconds: {
    type: 'gauge',
    labels: ['namespace', 'secret'],
    help: 'When a credential ends that bindings have chosen, in seconds since 1970, by the Secret that it is from: where it says so itself; of a namespace the 20 that end first. Told by the leader.',
  },
  icb_scans_moved_total: {
    type: 'counter',
    labels: [],
    help: 'ScheduledScans that were moved from one home of their image to another.',
  },
  icb_scan_runs_started_total: {
    type: 'counter',
    labels: ['cause'],
    help: 'Runs of ScheduledScans that were started, by cause (Moved: their image; Bound: after a run that failed).',
  },
  icb_registry_requests_total: {
    type: 'counter',
    labels: ['kind', 'code'],
    help: 'Requests to registries and their token servers by kind (ping, token, manifest) and HTTP status, or class of it, or why no answer came.',
  },
  icb_kube_requests_total: {
    type: 'counter',
    labels: ['verb', 'resource', 'code'],
    help: 'Requests to the API server by verb, resource and HTTP status (or why no answer came), each try for itself.',
  },
  icb_kube_request_duration_seconds: {
    type: 'histogram',
    labels: ['verb'],
    help: 'Seconds until the API server began to answer, by verb.',
  },
  icb_watch_state: {
    type: 'gauge',
    labels: ['watch', 'state'],
    help: 'How many watches are in a state, one for each namespace of a list, else one: Listing, Watching, Waiting or Stopped.',
  },
  icb_watch_idle_seconds: {
    type: 'gauge',
    labels: ['watch'],
    help: 'Seconds since a watch last heard of the API server (bookmarks come about once a minute), the longest where there are several.',
  },
  icb_workqueue_depth: {
    type: 'gauge',
    labels: ['controller'],
    help: 'Keys that wait to be reconciled, by controller. Told by the leader.',
  },
  icb_workqueue_oldest_seconds: {
    type: 'gauge',
    labels: ['controller'],
    help: 'How long the key waits that has waited longest, in seconds, by controller. Told by the leader.',
  },
  icb_workqueue_queue_duration_seconds: {
    type: 'histogram',
    labels: ['controller'],
    help: 'Seconds that a key waited in the queue before it was reconciled, by controller.',
  },
  icb_reconcile_duration_seconds: {
    type: 'histogram',
    labels: ['controller', 'result'],
    help: 'Duration of reconciles in seconds by controller and result (success; outdated: what was decided on had changed, so it is decided again; error).',
  },
  icb_listener_errors_total: {
    type: 'counter',
    labels: [],
    help: 'Changes of objects that a handler failed on: each is a mistake in this program.',
  },
  icb_discovery_pods: {
    type: 'gauge',
    labels: [],
    help: 'Pods that discovery follows. Told by the leader.',
  },
  icb_discovery_bindings: {
    type: 'gauge',
    labels: [],
    help: 'Bindings that discovery has made and that no person has taken over. Told by the leader.',
  },
} as const satisfies Readonly<Record<`icb_${string}`, Definition>>;

export type MetricName = keyof typeof METRICS;

/** The metrics of a type. */
export type NameOf<Type extends Definition['type']> = {
  [Name in MetricName]: (typeof METRICS)[Name]['type'] extends Type ? Name : never;
}[MetricName];

/** The labels of a metric. */
export type LabelOf<Name extends MetricName> = (typeof METRICS)[Name]['labels'][number];
