import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client';

const RECONCILE_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/**
 * What the process says about itself to Prometheus. Labels are bounded: names of controllers, resource types,
 * verbs and codes, never names of objects.
 */
export class Metrics {
  readonly registry = new Registry();
  readonly #requests: Counter<'verb' | 'resource' | 'code'>;
  readonly #reconciles: Histogram<'controller' | 'result'>;

  constructor() {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#requests = new Counter({
      name: 'icb_kube_requests_total',
      help: 'Requests to the API server by verb, resource and HTTP status (or why no answer came).',
      labelNames: ['verb', 'resource', 'code'],
      registers,
    });
    this.#reconciles = new Histogram({
      name: 'icb_reconcile_duration_seconds',
      help: 'Duration of reconciles in seconds by controller and result (success, error).',
      labelNames: ['controller', 'result'],
      buckets: RECONCILE_BUCKETS,
      registers,
    });
  }

  countRequest(record: { readonly verb: string; readonly resource: string; readonly code: string }): void {
    const { verb, resource, code } = record;
    this.#requests.inc({ verb, resource, code });
  }

  observeReconcile(controller: string, seconds: number, result: 'success' | 'error'): void {
    this.#reconciles.observe({ controller, result }, seconds);
  }

  /** Publishes the depth of each work queue, read when Prometheus asks. */
  watchQueues(queues: Readonly<Record<string, { readonly depth: number }>>): void {
    new Gauge({
      name: 'icb_workqueue_depth',
      help: 'Keys that wait to be reconciled, by controller.',
      labelNames: ['controller'],
      registers: [this.registry],
      collect() {
        for (const [controller, queue] of Object.entries(queues)) this.set({ controller }, queue.depth);
      },
    });
  }
}
