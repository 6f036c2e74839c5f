import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { makeCertificate } from '../../../hack/testenv/certificate.ts';
import { Cloud } from '../../../hack/testenv/cloud.ts';
import { type ControlPlane, startControlPlane } from '../../../hack/testenv/control-plane/control-plane.ts';
import { RELEASE } from '../../../hack/testenv/controller.ts';
import { startRegistry } from '../../../hack/testenv/registry/registry.ts';
import {
  type SecureCodeBox,
  secureCodeBoxAccess,
  secureCodeBoxCrds,
  startSecureCodeBox,
  trivyImageScanType,
} from '../../../hack/testenv/securecodebox/index.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';
import { loginSite } from './login-site.ts';
import { Pods } from './pods.ts';
import { NAMESPACE, Reader } from './reader.ts';

const CHANGES_CHART = /^helm |^kubectl scale /;
const SECURE_CODE_BOX = 'securecodebox-system';
/** The annotation that opts a namespace in to autodiscovery, and so to discovery. */
const OPT_IN = 'auto-discovery.securecodebox.io/enabled';

/** The registries that pages name, with the logins that may pull. */
const LOGINS: Readonly<Record<string, readonly string[]>> = {
  'registry.example.org': ['reader:change-me', 'shop-reader:change-me-too', 'shop-reader:changed'],
  'registry.example.com': ['scanner:change-me'],
};
/** Docker Hub, from which everyone can pull. */
const DOCKER_HUB = 'index.docker.io';
const SCAN_TYPES = ['trivy-image', 'trivy-image-autodiscovery'];
const IMAGES = ['shop/payments:1.0', 'team/payments:1.0', 'library/alpine:3.18'];

/**
 * A reader's cluster: an API server with secureCodeBox, and the registries that pages name. A stand-in for the operator
 * runs the real Trivy. One real registry serves all registry names.
 */
export class ReaderCluster implements AsyncDisposable {
  readonly controlPlane: ControlPlane;
  readonly pods: Pods;
  readonly secureCodeBox: SecureCodeBox;
  /** The registries, and the proxy that leads to them. */
  readonly cloud: Cloud;
  /** The environment of programs that contact the registries. */
  readonly network: Readonly<Record<string, string>>;
  readonly #programs: { readonly kubectl: string; readonly helm: string };
  readonly #disposables: AsyncDisposableStack;
  #readers = 0;
  #last: Reader | undefined;
  #asInstalled = false;

  private constructor(
    controlPlane: ControlPlane,
    rest: {
      readonly pods: Pods;
      readonly secureCodeBox: SecureCodeBox;
      readonly cloud: Cloud;
      readonly network: Readonly<Record<string, string>>;
      readonly programs: { readonly kubectl: string; readonly helm: string };
      readonly disposables: AsyncDisposableStack;
    },
  ) {
    this.controlPlane = controlPlane;
    this.pods = rest.pods;
    this.secureCodeBox = rest.secureCodeBox;
    this.cloud = rest.cloud;
    this.network = rest.network;
    this.#programs = rest.programs;
    this.#disposables = rest.disposables;
  }

  static async start(): Promise<ReaderCluster> {
    await using stack = new AsyncDisposableStack();
    const log = (line: string) => process.stderr.write(`${line}\n`);
    const { trivy, ...programs } = await tools(['kubectl', 'helm', 'trivy'], log);
    const controlPlane = stack.use(await startControlPlane({ auditLog: false, log }));
    const { cloud, authority } = await startRegistries(stack, controlPlane, log);
    const proxies = { HTTPS_PROXY: cloud.proxy, HTTP_PROXY: cloud.proxy };
    const network = { ...proxies, SSL_CERT_FILE: authority };
    await controlPlane.installCrds(secureCodeBoxCrds());
    for (const name of [SECURE_CODE_BOX, NAMESPACE])
      await controlPlane.kubectl(['create', 'namespace', name]);
    const env = Object.entries(network).map(([name, value]) => ({ name, value }));
    await apply(controlPlane, [
      ...secureCodeBoxAccess(SECURE_CODE_BOX),
      ...SCAN_TYPES.map((name) => trivyImageScanType(NAMESPACE, { name, env })),
    ]);
    const operator = { namespace: SECURE_CODE_BOX, name: 'securecodebox-operator' };
    const kubeconfig = await controlPlane.kubeconfigFor(operator);
    const secureCodeBox = stack.use(
      await startSecureCodeBox({ kubeconfig, programs: { trivy }, log: pino({ level: 'silent' }) }),
    );
    const pods = new Pods(controlPlane, {
      // Long enough that a busy machine does not lose the Lease, because nothing would restart the controller.
      args: ['--registry-ca-file', authority, '--lease-duration', '120s', '--renew-deadline', '100s'],
      env: proxies,
    });
    stack.defer(() => pods.stop());
    const rest = { pods, secureCodeBox, cloud, network, programs };
    return new ReaderCluster(controlPlane, { ...rest, disposables: stack.move() });
  }

  /** Creates a new reader, who finds nothing that earlier readers have created, and the chart installed or not. */
  async reader(chart: 'Installed' | 'Absent'): Promise<Reader> {
    const typed = this.#last?.typed ?? [];
    if (typed.length > 0) await this.#tidy();
    this.#readers += 1;
    const reader = await Reader.create(this.controlPlane, `reader-${this.#readers}`, this.#programs);
    if (
      chart === 'Installed' &&
      (!this.#asInstalled || typed.some((command) => CHANGES_CHART.test(command)))
    ) {
      await reader.succeed(
        `helm upgrade --install ${RELEASE} charts/${RELEASE} --namespace ${RELEASE} --create-namespace --reset-values`,
      );
      this.#asInstalled = true;
      // The reader did not type this command.
      reader.typed.length = 0;
    }
    await this.pods.follow();
    this.#last = reader;
    return reader;
  }

  /** Deletes what another page has left in the namespace. */
  async #tidy(): Promise<void> {
    const kubectl = (...args: readonly string[]) =>
      this.controlPlane.kubectl([...args, '--namespace', NAMESPACE]);
    // Deletes the bindings first, because the controller acts on them. Their CRD may no longer exist.
    await kubectl('delete', 'imagecredentialbindings', '--all').catch(() => undefined);
    await kubectl('delete', 'scheduledscans,scans,pods,secrets,roles,rolebindings', '--all');
    await this.controlPlane.kubectl(['annotate', 'namespace', NAMESPACE, `${OPT_IN}-`]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#disposables.disposeAsync();
  }
}

/**
 * Starts the registries of the pages, under the hosts that pages name.
 *
 * @returns the registries with a proxy, and the PEM file of the authority that signed their certificate
 */
async function startRegistries(
  stack: AsyncDisposableStack,
  { group, directory }: ControlPlane,
  log: (line: string) => void,
): Promise<{ readonly cloud: Cloud; readonly authority: string }> {
  const registry = stack.use(await startRegistry({ group, log }));
  for (const image of IMAGES) await registry.pushImage(image, { 'srv/index.html': image });
  const certificate = await makeCertificate(group, [...Object.keys(LOGINS), DOCKER_HUB], { log });
  const authority = join(directory, 'registries.pem');
  await writeFile(authority, certificate.ca);
  const sites = Object.entries(LOGINS).map(([host, logins]) => [host, loginSite(logins)] as const);
  const all = { ...Object.fromEntries(sites), [DOCKER_HUB]: () => 'Registry' as const };
  return { cloud: stack.use(await Cloud.start(certificate, all, registry.host)), authority };
}

async function apply(controlPlane: ControlPlane, objects: readonly object[]): Promise<void> {
  const input = objects.map((object) => JSON.stringify(object)).join('\n---\n');
  await controlPlane.kubectl(['apply', '--filename', '-'], { input });
}
