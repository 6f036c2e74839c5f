import type { Logger } from 'pino';
import { AdmissionServer, type AdmissionSettings } from '../admission/index.ts';
import { decideNewScan, type NewScanSources } from '../controllers/index.ts';
import type { Caches } from '../kube/index.ts';
import type { Metrics } from '../telemetry/index.ts';

/**
 * Creates the server of the webhook for new Scans. All replicas serve, and decide from their stores alone.
 *
 * @param options.settings - undefined: the webhook is off
 * @param options.sources - without the answers of registries, which only the leader has
 */
export function createAdmission(options: {
  readonly settings: AdmissionSettings | undefined;
  readonly sources: Omit<NewScanSources, 'registry'>;
  readonly caches: Caches;
  readonly metrics: Metrics;
  readonly log: Logger;
}): AdmissionServer | undefined {
  const { settings, sources, caches, metrics, log } = options;
  if (settings === undefined) return undefined;
  const server = new AdmissionServer({
    settings,
    decide: (scan) => decideNewScan(scan, sources, Date.now()).decision,
    isComplete: (namespace) => caches.isComplete(namespace),
    log,
    onAnswer: (result, seconds) => metrics.observeAdmission(result, seconds),
  });
  metrics.publishAdmission(() => server.expiresAt);
  return server;
}
