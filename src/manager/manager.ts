import { randomUUID } from 'node:crypto';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import {
  BindingReconciler,
  connectTriggers,
  countByReadiness,
  createDiscovery,
  credentialEnds,
  type Discovery,
  type DiscoverySettings,
  notReady,
  Refused,
  RunReconciler,
  SourceSecretReader,
  TrivySecretReconciler,
} from '../controllers/index.ts';
import {
  Caches,
  describeFault,
  EventRecorder,
  KubeClient,
  KubeError,
  LeaderElection,
  type LeaseSettings,
  type Outcome,
  OutOfDate,
  type RequestRecord,
  Transport,
  type WatchedNamespaces,
  WorkQueue,
} from '../kube/index.ts';
import { keyOf, namespaceOf } from '../object/index.ts';
import { scanTypesOf } from '../policy/index.ts';
import { RegistryChecker, type RegistrySettings } from '../registry/index.ts';
import { createReflectors, createStores } from '../state/index.ts';
import { type Health, Metrics, ProbeServer } from '../telemetry/index.ts';
import { Heartbeat, type Moving, stuck } from './liveness.ts';
import { namesOf, statesOf } from './watches.ts';

const FIELD_MANAGER = 'image-credential-binding';
/** Below the 30 seconds that a pod has by default. */
const LONGEST_STOP_MS = 20_000;

/** Settings of the controller, all checked. */
export interface ControllerSettings {
  /** Where everything happens. */
  readonly namespaces: WatchedNamespaces;
  /** Names of ScheduledScans' scan types, with `*` for any characters. */
  readonly scanTypes: readonly string[];
  /** How many bindings are reconciled at the same time. */
  readonly concurrency: number;
  /** How long a Trivy secret is kept when nothing needs it any more, in milliseconds. */
  readonly unusedSecretGraceMs: number;
  /** How many runs are started a minute at most, after a switch or a first binding; 0: none. */
  readonly runsPerMinute: number;
  /** Where probes and metrics are served; no host: on all addresses; port 0: any. */
  readonly serve: { readonly host: string | undefined; readonly port: number };
  /** The Lease by which one of several processes leads. */
  readonly lease: LeaseSettings;
  /** How registries are asked whether a credential may pull. */
  readonly registries: RegistrySettings;
  /** How bindings are made from pods; undefined: none are. */
  readonly discovery: DiscoverySettings | undefined;
}

/**
 * The running controller: its parts, wired together. Of several processes one leads and reconciles; the others
 * follow, with their caches warm and their queues filled.
 */
export class Controller {
  readonly #log: Logger;
  readonly #transport: Transport;
  readonly #election: LeaderElection;
  readonly #leaseTransport: Transport;
  readonly #heartbeat = new Heartbeat();
  readonly #caches: Caches;
  readonly #checker: RegistryChecker;
  readonly #queues: {
    readonly bindings: WorkQueue;
    readonly trivySecrets: WorkQueue;
    readonly runs: WorkQueue;
    readonly sourceSecrets: WorkQueue;
  };
  readonly #discoveryQueue: WorkQueue | undefined;
  readonly #server: ProbeServer;
  readonly #stopping = Promise.withResolvers<void>();
  #state: 'starting' | 'following' | 'leading' | 'stopping' = 'starting';

  /** @throws Error where the certificates or the proxies of the settings cannot be used. */
  constructor(config: KubeConfig, settings: ControllerSettings, log: Logger) {
    this.#log = log;
    const { namespaces, lease } = settings;
    const metrics = new Metrics({
      lease: keyOf(lease),
      leads: () => this.#state === 'leading',
    });
    const checker = new RegistryChecker({
      settings: settings.registries,
      onRequest: (record) => metrics.countRegistryRequest(record),
      // The message may quote a credential.
      onError: (error) =>
        log.error({ name: error instanceof Error ? error.name : typeof error }, 'a registry check failed'),
    });
    this.#checker = checker;
    this.#transport = new Transport(config);
    this.#leaseTransport = new Transport(config);
    const common = {
      fieldManager: FIELD_MANAGER,
      onRequest: (record: RequestRecord) => metrics.countRequest(record),
    };
    const leaseClient = new KubeClient({ ...common, transport: this.#leaseTransport });
    this.#election = new LeaderElection({ client: leaseClient, settings: lease, log });
    const client = new KubeClient({
      ...common,
      transport: this.#transport,
      fence: () => this.#election.assertLeading(),
    });
    const onListenerError = (error: unknown) => {
      metrics.countListenerError();
      log.error({ fault: describeFault(error) }, 'a change could not be handled');
    };
    const stores = createStores(onListenerError);
    const events = new EventRecorder({ client, controller: FIELD_MANAGER, log });
    const discovery =
      settings.discovery &&
      createDiscovery(
        { client, stores, namespaces, events, log, settings: settings.discovery },
        onListenerError,
      );
    const reflectors = createReflectors(client, stores, namespaces, log);
    this.#caches = new Caches([...reflectors, ...(discovery?.reflectors ?? [])], log);
    metrics.watchWatches(this.#caches.reflectors);
    metrics.watchBindings({
      readiness: () => countByReadiness(stores.bindings.values()),
      notReady: () => notReady(stores.bindings.values()),
      ends: () => credentialEnds(stores.bindings.values()),
    });
    const { concurrency, unusedSecretGraceMs: graceMs } = settings;
    const queue = (controller: string, reconcile: Reconcile): WorkQueue => {
      const created = new WorkQueue({
        process: (key) => this.#process(controller, key, reconcile, () => created.add(key)),
        concurrency,
        onProcessed: (processed) =>
          metrics.observeReconcile(controller, { ...processed, result: resultOf(processed.error) }),
      });
      return created;
    };
    this.#queues = {
      bindings: queue(
        'binding',
        new BindingReconciler({
          ...{ client, stores, events, checker },
          settings: {
            scanTypes: scanTypesOf(settings.scanTypes),
            checkIntervalMs: settings.registries.acceptedTtl,
            firstAnswerTimeoutMs: settings.registries.questionTimeout,
          },
          enqueue: (key) => this.#queues.bindings.add(key),
          onMigrated: (scans) => metrics.countMoved(scans),
        }).reconcile,
      ),
      trivySecrets: queue('trivysecret', new TrivySecretReconciler({ client, stores, graceMs }).reconcile),
      runs: queue(
        'run',
        new RunReconciler({
          ...{ client, stores },
          runsPerMinute: settings.runsPerMinute,
          onStarted: (cause) => metrics.countRun(cause),
        }).reconcile,
      ),
      sourceSecrets: queue('sourcesecret', new SourceSecretReader({ client, stores }).reconcile),
    };
    this.#discoveryQueue = discovery && queue('discovery', discovery.reconcile);
    metrics.watchQueues({
      binding: this.#queues.bindings,
      trivysecret: this.#queues.trivySecrets,
      run: this.#queues.runs,
      sourcesecret: this.#queues.sourceSecrets,
      ...(this.#discoveryQueue && { discovery: this.#discoveryQueue }),
    });
    this.#feedDiscovery(discovery, metrics);
    connectTriggers(stores, this.#queues);
    this.#server = new ProbeServer({
      ...settings.serve,
      healthz: () => this.#health(),
      readyz: () => this.#readiness(),
      metrics: metrics.registry,
    });
  }

  /** Rejects when this process was the leader and must end at once; never resolves. */
  get failed(): Promise<never> {
    return this.#election.lost;
  }

  /**
   * Begins: serves probes, fills the stores, then takes part in the election, and reconciles when it is won.
   * Resolves then, or when it is stopped before.
   *
   * @throws Error where the probes' address cannot be used.
   */
  async start(): Promise<void> {
    const port = await this.#server.start();
    this.#log.info({ port }, 'probes and metrics are served');
    await Promise.race([this.#caches.fill(), this.#stopping.promise]);
    if (this.#state !== 'starting') return;
    // A standby process runs it, too, so that it knows the content of Secrets when it becomes the leader.
    this.#queues.sourceSecrets.start();
    this.#state = 'following';
    this.#log.info('caches are full');
    this.#election.start();
    await Promise.race([this.#election.leading, this.#stopping.promise]);
    if (this.#state !== 'following') return;
    this.#state = 'leading';
    this.#queues.bindings.start();
    this.#queues.trivySecrets.start();
    this.#queues.runs.start();
    this.#discoveryQueue?.start();
  }

  /**
   * Finishes what is under way, but within 20 seconds, then releases the lease and closes everything. Where requests
   * had to be cut off the lease is not released, for the API server may still carry them out.
   */
  async stop(): Promise<void> {
    this.#state = 'stopping';
    this.#stopping.resolve();
    let cutOff = false;
    const deadline = setTimeout(() => {
      cutOff = true;
      this.#log.warn('requests do not end, closing their connections');
      this.#transport.close().catch(() => undefined);
    }, LONGEST_STOP_MS);
    await this.#caches.stop();
    const queues = [...Object.values(this.#queues), this.#discoveryQueue];
    await Promise.all(queues.map((queue) => queue?.stop()));
    this.#checker.close();
    clearTimeout(deadline);
    await this.#election.stop({ release: !cutOff });
    await Promise.all([this.#transport.close(), this.#leaseTransport.close()]);
    await this.#server.stop();
    this.#heartbeat.stop();
  }

  #feedDiscovery(discovery: Discovery | undefined, metrics: Metrics): void {
    if (discovery === undefined || this.#discoveryQueue === undefined) return;
    discovery.connect(this.#discoveryQueue);
    metrics.watchDiscovery(() => discovery.count());
  }

  /** What must move now and then, or this process is stuck. */
  get #movingParts(): readonly Moving[] {
    const { reflectors } = this.#caches;
    return [this.#heartbeat, ...reflectors, ...(this.#state === 'starting' ? [] : [this.#election])];
  }

  #health(): Health {
    const problem = stuck(this.#movingParts);
    return problem === undefined ? { ok: true, text: 'ok' } : { ok: false, text: problem };
  }

  #readiness(): Health {
    const problem = this.#unreadiness();
    const { reflectors, leftAlone } = this.#caches;
    const lines = [
      problem ?? `ok, ${this.#election.role}`,
      ...leftAlone.map((namespace) => `${namespace} is left alone: no rights to list and watch there`),
      ...statesOf(reflectors),
    ];
    return { ok: problem === undefined, text: lines.join('\n') };
  }

  #unreadiness(): string | undefined {
    if (this.#state === 'stopping') return 'stopping';
    const { missing } = this.#caches;
    if (missing.length > 0) return `waiting for the list of ${namesOf(missing).join('; ')}`;
    const { problem } = this.#election;
    return problem === undefined ? undefined : `cannot take part in the leader election: ${problem}`;
  }

  /** Of a namespace that is not known whole, nothing is decided. */
  async #process(controller: string, key: string, reconcile: Reconcile, again: () => void): Promise<Outcome> {
    const namespace = namespaceOf(key);
    if (this.#caches.isWhole(namespace)) return this.#reconcile(controller, key, reconcile);
    this.#caches.whenWhole(namespace, `${controller} ${key}`, again);
    return {};
  }

  /** Its lines in the log, and the one that says why it failed, have an id in common. */
  async #reconcile(controller: string, key: string, reconcile: Reconcile): Promise<Outcome> {
    const log = this.#log.child({ controller, key, reconcile: randomUUID() });
    const outcome = await reconcile(key, log).catch((error: unknown): Outcome => ({ error }));
    const { error } = outcome;
    if (error instanceof OutOfDate) log.debug({ err: error }, 'out of date, deciding again');
    else if (error !== undefined) log.error(describeError(error), 'reconcile failed, trying again');
    return outcome;
  }
}

/** The message of an unexpected error may quote an object. */
function describeError(error: unknown): { readonly err: unknown } | { readonly fault: unknown } {
  const isExpected = error instanceof KubeError || error instanceof Refused;
  return isExpected ? { err: error } : { fault: describeFault(error) };
}

function resultOf(error: unknown): 'success' | 'outdated' | 'error' {
  if (error === undefined) return 'success';
  return error instanceof OutOfDate ? 'outdated' : 'error';
}

type Reconcile = (key: string, log: Logger) => Promise<Outcome>;
