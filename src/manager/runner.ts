import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { type Controller, Refused } from '../controllers/index.ts';
import { type Caches, describeFault, KubeError, type Outcome, OutOfDate, WorkQueue } from '../kube/index.ts';
import { namespaceOf } from '../object/index.ts';
import type { Metrics } from '../telemetry/index.ts';

export interface RunnerOptions {
  readonly caches: Caches;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** How many keys are reconciled at the same time. */
  readonly concurrency: number;
}

/** A controller with its queue. An error in one reconcile ends that reconcile, and nothing else. */
export class Runner {
  readonly name: string;
  readonly runs: Controller['runs'];
  readonly queue: WorkQueue;
  readonly #controller: Controller;
  readonly #caches: Caches;
  readonly #log: Logger;

  constructor(controller: Controller, { caches, metrics, log, concurrency }: RunnerOptions) {
    this.name = controller.name;
    this.runs = controller.runs;
    this.#controller = controller;
    this.#caches = caches;
    this.#log = log;
    this.queue = new WorkQueue({
      process: (key) => this.#process(key),
      concurrency,
      onProcessed: (processed) =>
        metrics.observeReconcile(this.name, { ...processed, result: resultOf(processed.error) }),
    });
    controller.connect(this.queue);
  }

  /** Reconciles the key once all objects in its namespace are known. */
  async #process(key: string): Promise<Outcome> {
    const namespace = namespaceOf(key);
    if (this.#caches.isComplete(namespace)) return this.#reconcile(key);
    this.#caches.whenComplete(namespace, `${this.name} ${key}`, () => this.queue.add(key));
    return {};
  }

  /** All log lines of a reconcile share an ID, including the line about its failure. */
  async #reconcile(key: string): Promise<Outcome> {
    const log = this.#log.child({ controller: this.name, key, reconcile: randomUUID() });
    const requeue = () => this.queue.add(key);
    const outcome = await this.#controller
      .reconcile(key, log, requeue)
      .catch((error: unknown): Outcome => ({ error }));
    const { error } = outcome;
    if (error instanceof OutOfDate)
      log.debug({ err: error }, 'an object changed since it was observed, reconciling again');
    else if (error !== undefined) log.error(describeError(error), 'reconcile failed, trying again');
    return outcome;
  }
}

/** Omits the message of an unexpected error, because it may quote an object. */
function describeError(error: unknown): { readonly err: unknown } | { readonly fault: unknown } {
  const isExpected = error instanceof KubeError || error instanceof Refused;
  return isExpected ? { err: error } : { fault: describeFault(error) };
}

function resultOf(error: unknown): 'success' | 'outdated' | 'error' {
  if (error === undefined) return 'success';
  return error instanceof OutOfDate ? 'outdated' : 'error';
}
