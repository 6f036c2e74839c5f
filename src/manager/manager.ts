import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import type { AdmissionServer } from '../admission/index.ts';
import {
  type ControllerOptions,
  type Controllers,
  countByReadiness,
  countOwn,
  countTemporary,
  createControllers,
  credentialExpirations,
  notReady,
  withUnboundScans,
} from '../controllers/index.ts';
import { Caches, describeFault, EventRecorder } from '../kube/index.ts';
import { keyOf } from '../object/index.ts';
import { scanTypesOf } from '../policy/index.ts';
import { RegistryChecker, type RegistrySettings } from '../registry/index.ts';
import { createReflectors, createStores, type Stores } from '../state/index.ts';
import { Metrics, ProbeServer } from '../telemetry/index.ts';
import { createAdmission } from './admission.ts';
import { ApiAccess, FIELD_MANAGER } from './api-access.ts';
import { Probes, type Stage } from './probes.ts';
import { Runner } from './runner.ts';
import type { ManagerSettings } from './settings.ts';

/** Below the 30 seconds that Kubernetes gives a pod by default. */
const LONGEST_STOP_MS = 20_000;
/** How long a stopping process still answers for new Scans: until no API server connects to it any more. */
const DRAIN_MS = 5_000;

/**
 * Runs the controllers. One of several processes leads and reconciles. The others follow with full caches and queues, so
 * that one of them can take over immediately.
 */
export class Manager {
  readonly #log: Logger;
  readonly #api: ApiAccess;
  readonly #checker: RegistryChecker;
  readonly #caches: Caches;
  readonly #runners: readonly Runner[];
  readonly #probes: Probes;
  readonly #server: ProbeServer;
  /** undefined: it is off. */
  readonly #admission: AdmissionServer | undefined;
  readonly #stopping = Promise.withResolvers<void>();
  #stage: Stage = 'starting';

  /** @throws Error if the certificates or the proxies of the settings cannot be used. */
  constructor(config: KubeConfig, settings: ManagerSettings, log: Logger) {
    this.#log = log;
    const { namespaces, lease, concurrency, serve } = settings;
    const metrics = new Metrics({ lease: keyOf(lease), leads: () => this.#stage === 'leading' });
    this.#checker = createChecker(settings.registries, metrics, log);
    this.#api = new ApiAccess(config, { lease, log, onRequest: (record) => metrics.countRequest(record) });
    const { client, unfenced, election } = this.#api;
    const onListenerError = (error: unknown) => {
      metrics.countListenerError();
      log.error({ fault: describeFault(error) }, 'a change could not be handled');
    };
    const stores = createStores(onListenerError);
    const events = new EventRecorder({ client, controller: FIELD_MANAGER, log });
    const ofControllers = controllerSettings(settings);
    const controllers = createControllers({
      ...{ client, unfenced, stores, events, checker: this.#checker, namespaces, log, onListenerError },
      settings: ofControllers,
      onMigrated: (scans) => metrics.countMigrated(scans),
      onRunStarted: (cause) => metrics.countRun(cause),
      onHoldEnded: (result) => metrics.countHold(result),
    });
    this.#caches = new Caches(
      [
        ...createReflectors(client, stores, { namespaces, admission: settings.admission !== undefined }, log),
        ...reflectorsOf(controllers),
      ],
      log,
    );
    const common = { caches: this.#caches, metrics, log, concurrency };
    this.#runners = controllers.table.map((controller) => new Runner(controller, common));
    this.#publish(metrics, stores, controllers, ofControllers.binding);
    const sources = { stores, settings: ofControllers.binding };
    const admission = createAdmission({
      ...common,
      settings: settings.admission,
      sources,
      client: unfenced,
      namespace: lease.namespace,
      isLeading: () => this.#stage === 'leading',
    });
    this.#admission = admission;
    this.#probes = new Probes({ caches: this.#caches, election, stage: () => this.#stage, admission });
    this.#server = new ProbeServer({ ...serve, ...this.#probes, metrics: metrics.registry });
  }

  /** Rejects when this process was the leader and must exit immediately. Never resolves. */
  get failed(): Promise<never> {
    return this.#api.election.lost;
  }

  /**
   * Serves probes, fills the stores, takes part in the election, and reconciles once this process leads. Resolves when it
   * leads, or when it is stopped before.
   *
   * @throws Error if the probes' address cannot be used.
   */
  async start(): Promise<void> {
    const port = await this.#server.start();
    this.#log.info({ port }, 'probes and metrics are served');
    await this.#startAdmission();
    await Promise.race([this.#caches.fill(), this.#stopping.promise]);
    if (this.#stage !== 'starting') return;
    this.#startQueues('Always');
    this.#stage = 'following';
    this.#log.info('caches are synced');
    const { election } = this.#api;
    election.start();
    await Promise.race([election.leading, this.#stopping.promise]);
    if (this.#stage !== 'following') return;
    this.#stage = 'leading';
    this.#startQueues('Leading');
  }

  /**
   * Finishes running work within 20 seconds, then releases the Lease and closes everything. If requests had to be cut
   * off, the Lease is not released, because the API server may still carry them out.
   */
  async stop(): Promise<void> {
    this.#stage = 'stopping';
    this.#stopping.resolve();
    const drained = this.#drain();
    let isCutOff = false;
    const deadline = setTimeout(() => {
      isCutOff = true;
      this.#log.warn('requests still run after 20 seconds, closing their connections');
      this.#api.cutOff().catch(() => undefined);
    }, LONGEST_STOP_MS);
    await Promise.all(this.#runners.map(({ queue }) => queue.stop()));
    this.#checker.close();
    clearTimeout(deadline);
    await this.#api.election.stop({ release: !isCutOff });
    await drained;
    // Before the caches, because the webhook decides from the stores that they fill.
    await this.#admission?.stop();
    await this.#caches.stop();
    await this.#api.close();
    await this.#server.stop();
    this.#probes.stop();
  }

  async #startAdmission(): Promise<void> {
    if (this.#admission === undefined) return;
    const admissionPort = await this.#admission.start();
    this.#log.info({ admissionPort }, 'new scans are admitted');
  }

  /** Keeps answering for new Scans until the API servers use other replicas. */
  async #drain(): Promise<void> {
    if (this.#admission === undefined) return;
    this.#admission.drain();
    await sleep(DRAIN_MS);
  }

  #startQueues(runs: Runner['runs']): void {
    for (const runner of this.#runners) if (runner.runs === runs) runner.queue.start();
  }

  /** Publishes the metrics that are read at each scrape. */
  #publish(
    metrics: Metrics,
    { bindings, trivySecrets }: Stores,
    { countDiscovered }: Controllers,
    { writesSecrets }: ControllerOptions['settings']['binding'],
  ): void {
    metrics.publishWatches(this.#caches.reflectors);
    metrics.publishBindings({
      readiness: () => countByReadiness(bindings.values()),
      notReady: () => notReady(bindings.values()),
      expirations: () => credentialExpirations(bindings.values()),
      unboundScans: () => withUnboundScans(bindings.values()),
      temporarySecrets: () => countTemporary(trivySecrets.values()),
      leftSecrets: () => (writesSecrets ? 0 : countOwn(trivySecrets.values())),
    });
    metrics.publishQueues(Object.fromEntries(this.#runners.map(({ name, queue }) => [name, queue])));
    if (countDiscovered !== undefined) metrics.publishDiscovery(countDiscovered);
  }
}

function createChecker(settings: RegistrySettings, metrics: Metrics, log: Logger): RegistryChecker {
  return new RegistryChecker({
    settings,
    onRequest: (record) => metrics.countRegistryRequest(record),
    // The message may quote a credential.
    onError: (error) =>
      log.error({ name: error instanceof Error ? error.name : typeof error }, 'a registry check failed'),
  });
}

type BoundAtCreation = ControllerOptions['settings']['binding']['boundAtCreation'];

function controllerSettings(settings: ManagerSettings): ControllerOptions['settings'] {
  const { unusedSecretGraceMs, runsPerMinute, runWaitMs, discovery, registries } = settings;
  const { delivery, writesSecrets } = settings;
  const admission = settings.admission !== undefined;
  const binding = {
    scanTypes: scanTypesOf(settings.scanTypes),
    checkIntervalMs: registries.acceptedTtl,
    firstAnswerTimeoutMs: registries.checkTimeout,
    runWaitMs: runsPerMinute === 0 ? undefined : runWaitMs,
    boundAtCreation: boundAtCreation(settings),
    ...{ admission, delivery, writesSecrets },
  };
  return { binding, unusedSecretGraceMs, runsPerMinute, runWaitMs, admission, discovery };
}

function boundAtCreation({ admission, bind }: ManagerSettings): BoundAtCreation {
  if (admission === undefined) return 'None';
  return bind === 'scans' ? 'All' : 'GitManaged';
}

function reflectorsOf({ table }: Controllers) {
  return table.flatMap(({ reflectors = [] }) => reflectors);
}
