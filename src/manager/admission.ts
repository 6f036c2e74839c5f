import type { Logger } from 'pino';
import {
  AdmissionServer,
  type AdmissionSettings,
  type CertificateSource,
  certificateFiles,
} from '../admission/index.ts';
import { CertificateKeeper, CertificateSecret } from '../certificate/index.ts';
import { decideNewScan, type NewScanSources } from '../controllers/index.ts';
import type { Caches, KubeClient } from '../kube/index.ts';
import type { Metrics } from '../telemetry/index.ts';

/** Time between two reads of the Secret with the certificate, in milliseconds. */
const READ_SECRET_MS = 5_000;

/**
 * Creates the server of the webhook for new Scans. All replicas serve, and decide from their stores alone.
 *
 * @param options.settings - undefined: the webhook is off
 * @param options.client - also writes while this process does not lead
 * @param options.namespace - of the Secret with the certificate
 * @param options.sources - without the answers of registries, which only the leader has
 */
export function createAdmission(options: {
  readonly settings: AdmissionSettings | undefined;
  readonly sources: Omit<NewScanSources, 'registry'>;
  readonly client: KubeClient;
  readonly namespace: string;
  readonly isLeading: () => boolean;
  readonly caches: Caches;
  readonly metrics: Metrics;
  readonly log: Logger;
}): AdmissionServer | undefined {
  const { settings, sources, caches, metrics, log } = options;
  if (settings === undefined) return undefined;
  const server = new AdmissionServer({
    settings,
    certificate: sourceOf(settings, options),
    decide: (scan) => decideNewScan(scan, sources, Date.now()).decision,
    isComplete: (namespace) => caches.isComplete(namespace),
    log,
    onAnswer: (result, seconds) => metrics.observeAdmission(result, seconds),
  });
  metrics.publishAdmission(() => server.expiresAt);
  return server;
}

function sourceOf(
  { certificates }: AdmissionSettings,
  options: {
    readonly client: KubeClient;
    readonly namespace: string;
    readonly isLeading: () => boolean;
    readonly log: Logger;
  },
): CertificateSource {
  if (certificates.kind === 'Files') return certificateFiles(certificates.directory);
  const { client, namespace, isLeading, log } = options;
  const place = { namespace, name: certificates.name };
  const keeper = new CertificateKeeper({ secret: new CertificateSecret(client, place), isLeading, log });
  return {
    place: `in the Secret ${namespace}/${certificates.name}`,
    readEveryMs: READ_SECRET_MS,
    read: async () => {
      const { certificate: cert, key } = await keeper.serving();
      return { cert, key };
    },
  };
}
