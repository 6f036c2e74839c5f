import type { Logger } from 'pino';
import {
  AdmissionServer,
  type AdmissionSettings,
  type CertificateSource,
  certificateFiles,
} from '../admission/index.ts';
import { CertificateKeeper, type CertificatePlace, CertificateSecret } from '../certificate/index.ts';
import { decideNewScan, type NewScanSources } from '../controllers/index.ts';
import { type Caches, type KubeClient, Reflector, Store, WorkQueue } from '../kube/index.ts';
import { keyOf, SECRETS, type Stored, storedMeta } from '../object/index.ts';
import type { Metrics } from '../telemetry/index.ts';

/**
 * The certificate is also looked at after this time, in milliseconds, because the leader renews it when 30 days are left. No
 * change of the Secret announces that.
 */
const RENEWAL_CHECK_MS = 3_600_000;

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
    read: async () => {
      const { certificate: cert, key } = await keeper.serving();
      return { cert, key };
    },
    follow: (load) => followSecret(load, { client, place, log }),
  };
}

/**
 * Calls `load` now, after each change of the Secret, and until it succeeds. The watch delivers metadata only, because a store must
 * not keep private keys. `load` may write the Secret. So if another client reverts that each time, the calls become less frequent.
 */
function followSecret(
  load: () => Promise<unknown>,
  options: { readonly client: KubeClient; readonly place: CertificatePlace; readonly log: Logger },
): () => void {
  const { client, place, log } = options;
  const queue = new WorkQueue({
    process: async () => ({ error: await load(), requeueAfterMs: RENEWAL_CHECK_MS, repeated: true }),
    concurrency: 1,
  });
  const store = new Store<Stored>({});
  const add = () => queue.add(keyOf(place));
  store.onChange(add);
  const { namespace, name } = place;
  const reflector = new Reflector({
    client,
    resource: SECRETS,
    selection: { namespace, fieldSelector: `metadata.name=${name}`, metadataOnly: true },
    project: storedMeta,
    store,
    log,
  });
  reflector.start();
  // The watch may fail for long.
  add();
  queue.start();
  return () => {
    void reflector.stop();
    void queue.stop();
  };
}
