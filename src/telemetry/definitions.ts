/** The definition of a Prometheus metric. */
interface Definition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
}

/**
 * All metrics of this program, in addition to those of every Node process. `npm run generate` writes
 * `docs/reference/metrics.md` from this.
 *
 * Labels are bounded: names of controllers, resource types, verbs, codes and reasons. Labels name only objects that need
 * attention, a few per namespace (docs/adr/0017-metrics-name-what-wants-attention.md).
 */
export const METRICS = {
  icb_leader: {
    type: 'gauge',
    labels: ['lease'],
    help: '1 if this process is the leader, 0 if it is a follower. The label names the Lease of the leader election (namespace/name).',
  },
  icb_bindings: {
    type: 'gauge',
    labels: ['ready', 'reason'],
    help: 'Number of ImageCredentialBindings, by status (True, False, Unknown) and reason of their condition Ready. Reported by the leader.',
  },
  icb_binding_not_ready: {
    type: 'gauge',
    labels: ['namespace', 'name', 'reason'],
    help: '1 for each ImageCredentialBinding whose condition Ready is not True, with its reason. Limited to the first 20 of each namespace, by name. Reported by the leader.',
  },
  icb_credential_expiration_timestamp_seconds: {
    type: 'gauge',
    labels: ['namespace', 'secret'],
    help: 'Time when a credential that bindings have chosen expires, in seconds since 1970, by its source Secret. Contains only credentials that state their expiration, in each namespace at most the 20 that expire first. Reported by the leader.',
  },
  icb_scans_migrated_total: {
    type: 'counter',
    labels: [],
    help: 'Number of ScheduledScans that the controller migrated from a previous repository of their image to the new one. Does not count those that it does not write, whose new Scans get the new image (status.parameterChanges).',
  },
  icb_scan_runs_started_total: {
    type: 'counter',
    labels: ['cause'],
    help: 'Number of runs of ScheduledScans that the controller started, by cause (Migrated: the image was migrated; Bound: the last run before the scan was bound had failed).',
  },
  icb_admission_duration_seconds: {
    type: 'histogram',
    labels: ['result'],
    help: 'Seconds that the admission webhook needed for a new Scan, by result (Bound: the Scan has its credential; Held: suspended until the leader decides; Unbound: the effective binding delivers nothing; NoBinding; Unready: not all objects of the namespace are known yet; Error). Dry runs are not counted. Every replica serves.',
  },
  icb_unbound_scans: {
    type: 'gauge',
    labels: ['namespace', 'name'],
    help: 'Scans of the last 24 hours that started without the credential of their effective binding, by binding. Only bindings that have such Scans; limited to the 20 of each namespace that have the most. Reported by the leader.',
  },
  icb_temporary_secrets: {
    type: 'gauge',
    labels: [],
    help: 'Number of Secrets that exist for one Scan each (delivery Temporary). Reported by the leader.',
  },
  icb_left_secrets: {
    type: 'gauge',
    labels: [],
    help: 'Number of Secrets for Trivy that the controller created earlier and may not delete, because config.writeSecrets is false. Reported by the leader.',
  },
  icb_held_scans_total: {
    type: 'counter',
    labels: ['result'],
    help: 'Held Scans that the controller resumed, by result (Bound; Unbound: the effective binding delivers nothing; Edited: another client had changed the Scan; TimedOut: nothing could be decided within 50 seconds, or 10 minutes with the delivery Temporary). Each replica reports those that it resumed.',
  },
  icb_admission_certificate_expiration_timestamp_seconds: {
    type: 'gauge',
    labels: [],
    help: 'When the serving certificate of the admission webhook expires, in seconds since 1970. Absent if no certificate is loaded, or the webhook is off.',
  },
  icb_registry_requests_total: {
    type: 'counter',
    labels: ['kind', 'code'],
    help: 'Number of requests to registries and their token servers, by kind (ping, token, manifest) and code: a common HTTP status, the class of any other status (such as 5xx), or the reason why there was no response.',
  },
  icb_kube_requests_total: {
    type: 'counter',
    labels: ['verb', 'resource', 'code'],
    help: 'Number of requests to the API server, by verb, resource and code: the HTTP status, or the reason why there was no response. Each attempt counts separately.',
  },
  icb_kube_request_duration_seconds: {
    type: 'histogram',
    labels: ['verb'],
    help: 'Seconds until the API server began to respond, by verb.',
  },
  icb_watch_state: {
    type: 'gauge',
    labels: ['watch', 'state'],
    help: 'Number of watches by state: Listing, Watching, Waiting or Stopped. A resource has one watch per namespace if namespaces are listed, otherwise one in total.',
  },
  icb_watch_idle_seconds: {
    type: 'gauge',
    labels: ['watch'],
    help: 'Seconds since a watch last received anything from the API server, which sends bookmarks about once a minute. If there are several watches of the resource, the maximum.',
  },
  icb_workqueue_depth: {
    type: 'gauge',
    labels: ['controller'],
    help: 'Number of keys that wait to be reconciled, by controller. A key names an object or a namespace. Reported by the leader.',
  },
  icb_workqueue_oldest_seconds: {
    type: 'gauge',
    labels: ['controller'],
    help: 'Seconds that the oldest key in the queue has waited, by controller. Reported by the leader.',
  },
  icb_workqueue_queue_duration_seconds: {
    type: 'histogram',
    labels: ['controller'],
    help: 'Seconds that a key waited in the queue before it was reconciled, by controller.',
  },
  icb_reconcile_duration_seconds: {
    type: 'histogram',
    labels: ['controller', 'result'],
    help: 'Duration of reconciles in seconds, by controller and result (success; error; outdated: an object had changed since it was observed, so the reconcile is repeated).',
  },
  icb_listener_errors_total: {
    type: 'counter',
    labels: [],
    help: 'Number of changes of objects that a handler failed to process. Each of them is a bug in this program.',
  },
  icb_discovery_pods: {
    type: 'gauge',
    labels: [],
    help: 'Number of pods that discovery watches. Reported by the leader.',
  },
  icb_discovery_bindings: {
    type: 'gauge',
    labels: [],
    help: 'Number of bindings that discovery has created and that no user has taken over. Reported by the leader.',
  },
} as const satisfies Readonly<Record<`icb_${string}`, Definition>>;

export type MetricName = keyof typeof METRICS;

/** The names of the metrics of a type. */
export type NameOf<Type extends Definition['type']> = {
  [Name in MetricName]: (typeof METRICS)[Name]['type'] extends Type ? Name : never;
}[MetricName];

/** The labels of a metric. */
export type LabelOf<Name extends MetricName> = (typeof METRICS)[Name]['labels'][number];
