import type { KubeConfig } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import {
  BindingReconciler,
  connectTriggers,
  createReflectors,
  createStores,
  OutOfDate,
  scanTypesOf,
  TrivySecretReconciler,
} from './binding/index.ts';
import {
  EventRecorder,
  KubeClient,
  type Outcome,
  type Processed,
  Transport,
  WorkQueue,
} from './kube/index.ts';
import { Metrics, ProbeServer } from './server/index.ts';

const FIELD_MANAGER = 'image-credential-binding';
/** Below the 30 seconds that a pod has by default. */
const LONGEST_STOP_MS = 20_000;

/** Settings of the controller, all checked. */
export interface ControllerSettings {
  /** Names of ScheduledScans' scan types, with `*` for any characters. */
  readonly scanTypes: readonly string[];
  /** How many bindings are reconciled at the same time. */
  readonly concurrency: number;
  /** How long a Trivy secret is kept when nothing needs it any more, in milliseconds. */
  readonly unusedSecretGraceMs: number;
  /** Where probes and metrics are served; no host: on all addresses; port 0: any. */
  readonly serve: { readonly host: string | undefined; readonly port: number };
}

/** The running controller: its parts, wired together. */
export class Controller {
  readonly #log: Logger;
  readonly #transport: Transport;
  readonly #reflectors: ReturnType<typeof createReflectors>;
  readonly #queues: { readonly bindings: WorkQueue; readonly trivySecrets: WorkQueue };
  readonly #server: ProbeServer;
  readonly #stopping = Promise.withResolvers<void>();
  #state: 'starting' | 'running' | 'stopping' = 'starting';

  constructor(config: KubeConfig, settings: ControllerSettings, log: Logger) {
    this.#log = log;
    const metrics = new Metrics();
    this.#transport = new Transport(config);
    const client = new KubeClient({
      transport: this.#transport,
      fieldManager: FIELD_MANAGER,
      onRequest: (record) => metrics.countRequest(record),
    });
    const stores = createStores((error) => {
      metrics.countListenerError();
      log.error({ err: error }, 'a change could not be handled');
    });
    this.#reflectors = createReflectors(client, stores, log);
    metrics.watchWatches(this.#reflectors);
    const events = new EventRecorder({ client, controller: FIELD_MANAGER, log });
    const { concurrency, unusedSecretGraceMs: graceMs } = settings;
    const scanTypes = scanTypesOf(settings.scanTypes);
    const queue = (controller: string, process: (key: string) => Promise<Outcome>) =>
      new WorkQueue({
        process,
        concurrency,
        onProcessed: (processed) => this.#observe(controller, processed, metrics),
      });
    this.#queues = {
      bindings: queue('binding', new BindingReconciler({ client, stores, events, log, scanTypes }).reconcile),
      trivySecrets: queue(
        'trivysecret',
        new TrivySecretReconciler({ client, stores, log, graceMs }).reconcile,
      ),
    };
    metrics.watchQueues({ binding: this.#queues.bindings, trivysecret: this.#queues.trivySecrets });
    connectTriggers(stores, this.#queues);
    this.#server = new ProbeServer({
      ...settings.serve,
      healthz: () => undefined,
      readyz: () => this.#unreadiness(),
      metrics: metrics.registry,
    });
  }

  /**
   * Begins: serves probes, fills the stores, then reconciles. Resolves when the stores are full,
   * or when it is stopped before.
   *
   * @throws Error where the probes' address cannot be used.
   */
  async start(): Promise<void> {
    const port = await this.#server.start();
    this.#log.info({ port }, 'probes and metrics are served');
    for (const reflector of this.#reflectors) reflector.start();
    const full = Promise.all(this.#reflectors.map(({ synced }) => synced));
    await Promise.race([full, this.#stopping.promise]);
    if (this.#state !== 'starting') return;
    this.#state = 'running';
    this.#queues.bindings.start();
    this.#queues.trivySecrets.start();
    this.#log.info('caches are full, reconciling');
  }

  /** Finishes what is under way, but within 20 seconds, and closes everything. */
  async stop(): Promise<void> {
    this.#state = 'stopping';
    this.#stopping.resolve();
    const deadline = setTimeout(() => {
      this.#log.warn('requests do not end, closing their connections');
      this.#transport.close().catch(() => undefined);
    }, LONGEST_STOP_MS);
    await Promise.all(this.#reflectors.map((reflector) => reflector.stop()));
    await Promise.all([this.#queues.bindings.stop(), this.#queues.trivySecrets.stop()]);
    clearTimeout(deadline);
    await this.#transport.close();
    await this.#server.stop();
  }

  #unreadiness(): string | undefined {
    if (this.#state === 'stopping') return 'stopping';
    const waiting = this.#reflectors
      .filter(({ hasSynced }) => !hasSynced)
      .map(({ description }) => description);
    return waiting.length === 0 ? undefined : `waiting for the list of ${waiting.join(', ')}`;
  }

  #observe(controller: string, processed: Processed, metrics: Metrics): void {
    metrics.observeReconcile(controller, processed);
    const { key, error } = processed;
    if (error === undefined) return;
    if (error instanceof OutOfDate)
      this.#log.debug({ controller, key, err: error }, 'out of date, deciding again');
    else this.#log.error({ controller, key, err: error }, 'reconcile failed, trying again');
  }
}
