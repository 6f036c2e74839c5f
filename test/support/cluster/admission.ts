import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Certificate, makeCertificate } from '../../../hack/testenv/certificate.ts';
import { RELEASE, type RunningController, startController } from '../../../hack/testenv/controller.ts';
import { SCANS } from '../../../src/object/resources.ts';
import type { RawScan } from '../../../src/scan/raw-scan.ts';
import { until } from '../until.ts';
import type { Cluster } from './cluster.ts';

const NAME = 'icb-test';

/** Gives the controller the rights that it needs to resume held Scans. */
export async function grantAdmission({ controlPlane }: Cluster): Promise<void> {
  const scans = 'scans.execution.securecodebox.io';
  await controlPlane.kubectl([
    ...['create', 'clusterrole', NAME, '--verb=get,update', `--resource=${scans}`],
  ]);
  await controlPlane.kubectl([
    ...['create', 'clusterrolebinding', NAME, `--clusterrole=${NAME}`],
    `--serviceaccount=${RELEASE}:${RELEASE}`,
  ]);
}

/** A folder with the serving certificate of a webhook, as the kubelet mounts a Secret. */
export class CertificateFolder {
  readonly path: string;
  readonly #cluster: Cluster;

  private constructor(path: string, cluster: Cluster) {
    this.path = path;
    this.#cluster = cluster;
  }

  static async create(cluster: Cluster, name: string): Promise<CertificateFolder> {
    const path = join(cluster.controlPlane.directory, name);
    await mkdir(path, { recursive: true });
    return new CertificateFolder(path, cluster);
  }

  /** Creates a certificate with an authority of its own, and puts it into the folder. */
  async renew(options: { readonly expired?: boolean } = {}): Promise<Certificate> {
    const made = await this.make(options);
    await this.put(made);
    return made;
  }

  async make(options: { readonly expired?: boolean } = {}): Promise<Certificate> {
    return makeCertificate(this.#cluster.controlPlane.group, ['127.0.0.1', 'localhost'], options);
  }

  async put({ certificate, key }: Certificate): Promise<void> {
    for (const [file, text] of [
      ['tls.key', key],
      ['tls.crt', certificate],
    ] as const) {
      await writeFile(join(this.path, `${file}.new`), text, { mode: 0o600 });
      await rename(join(this.path, `${file}.new`), join(this.path, file));
    }
  }
}

/** A controller that serves the webhook. */
export interface AdmittingController extends RunningController {
  /** URL of the webhook. */
  readonly webhook: string;
}

/** Starts a controller that serves the webhook on a free port, or on the given one. */
export async function startAdmitting(
  { controlPlane }: Cluster,
  certificates: CertificateFolder,
  {
    port = 0,
    flags = [],
    ...options
  }: { readonly port?: number; readonly flags?: readonly string[] } & Parameters<
    typeof startController
  >[2] = {},
): Promise<AdmittingController> {
  const admission = ['--admission', `127.0.0.1:${port}`, '--admission-cert-dir', certificates.path];
  const controller = await startController(controlPlane, [...admission, ...flags], options);
  const found = await until(
    async () => /"admissionPort":(\d+)/.exec(await controller.log())?.[1],
    'the controller to serve the webhook',
  );
  return { ...controller, webhook: `https://127.0.0.1:${found}/scans` };
}

/**
 * Registers the webhook as the chart does, but by URL.
 *
 * @param options.times - how often the API server calls it for one Scan
 */
export async function registerWebhook(
  cluster: Cluster,
  { url, ca, times = 1 }: { readonly url: string; readonly ca: string; readonly times?: number },
): Promise<void> {
  await registerWebhooks(cluster, { webhooks: Array.from({ length: times }, () => ({ url })), ca });
}

/** A webhook that API servers call by URL. */
interface TestWebhook {
  readonly url: string;
  /** Where it is called; undefined: in all namespaces. */
  readonly namespace?: string;
}

/** Like {@link registerWebhook}, for several ones. The API server calls all of them for each Scan in their namespaces. */
export async function registerWebhooks(
  { controlPlane }: Cluster,
  { webhooks, ca }: { readonly webhooks: readonly TestWebhook[]; readonly ca: string },
): Promise<void> {
  const webhook = ({ url, namespace }: TestWebhook, index: number) => ({
    name: `scans-${index}.credentials.securecodebox.io`,
    clientConfig: { url, caBundle: Buffer.from(ca).toString('base64') },
    rules: [
      {
        apiGroups: ['execution.securecodebox.io'],
        apiVersions: ['v1'],
        resources: ['scans'],
        operations: ['CREATE'],
        scope: 'Namespaced',
      },
    ],
    failurePolicy: 'Ignore',
    timeoutSeconds: 1,
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    namespaceSelector:
      namespace === undefined ? {} : { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
    matchConditions: [{ name: 'trivy', expression: 'object.spec.scanType.startsWith("trivy-image")' }],
  });
  const object = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: NAME },
    webhooks: webhooks.map(webhook),
  };
  await controlPlane.kubectl(['apply', '--server-side', '-f', '-'], { input: JSON.stringify(object) });
}

/** Creates Scans that no binding matches, until the API server calls the webhook of this controller. */
export async function untilCalled(cluster: Cluster, controller: RunningController): Promise<void> {
  await until(async () => {
    await createScan(cluster, 'default', { spec: { parameters: ['probe.example/none:1'] } });
    return (await metric(controller, COUNT, 'NoBinding')) > 0;
  }, 'the API server to call the webhook');
}

/** The metric that counts answers of the webhook, with the label `result`. */
export const COUNT = 'icb_admission_duration_seconds_count';

/** Creates a Scan of `reg.example/app:1.0`, as the API server stores it. */
export async function createScan(
  { client }: Cluster,
  namespace: string,
  { spec = {}, metadata = {} }: { readonly spec?: object; readonly metadata?: object } = {},
): Promise<RawScan> {
  return client.create(SCANS, {
    apiVersion: 'execution.securecodebox.io/v1',
    kind: 'Scan',
    metadata: { generateName: 'scan-', namespace, ...metadata } as unknown as RawScan['metadata'],
    spec: { scanType: 'trivy-image', parameters: ['reg.example/app:1.0'], ...spec },
  });
}

/** Waits until a Scan fulfills a condition. */
export async function untilScan(
  { client }: Cluster,
  { metadata: { namespace = '', name } }: RawScan,
  is: (scan: RawScan) => boolean,
  seconds?: number,
): Promise<RawScan> {
  return until(
    async () => {
      const present = await client.get<RawScan>(SCANS, { namespace, name });
      return is(present) ? present : undefined;
    },
    `the Scan ${name} to fulfill ${is.name}`,
    seconds,
  );
}

/** The name of the Trivy Secret that a Scan mounts; undefined: none. */
export function secretOf({ spec }: RawScan): string | undefined {
  return spec.volumes?.find(({ name }) => name === 'image-credential-binding')?.secret?.secretName;
}

/** The value of a metric with these labels, or the sum over all labels; 0: there is none. */
export async function metric({ url }: RunningController, name: string, labels = ''): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return lines
    .filter((line) => line.includes(labels))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
