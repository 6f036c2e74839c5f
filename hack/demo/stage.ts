/** What the demo runs: a control plane, a registry, the controller and the stand-in for secureCodeBox. */
import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import {
  type ControlPlane,
  installChart,
  preferInstalled,
  type Registry,
  type RunningController,
  type SecureCodeBox,
  secureCodeBoxAccess,
  secureCodeBoxCrds,
  startController,
  startControlPlane,
  startRegistry,
  startSecureCodeBox,
  tools,
  trivyImageScanType,
} from '../testenv/index.ts';
import { Shell } from './shell.ts';
import type { Story } from './story.ts';

/** The namespace of the objects that a user of secureCodeBox would create. */
export const NAMESPACE = 'shop';
/** The only user of the registry. */
export const USERNAME = 'ci';

const SECURE_CODE_BOX_NAMESPACE = 'securecodebox-system';
const IMAGE = 'shop/payments:1.0';
const FILES = { 'etc/os-release': 'ID=demo\n', 'srv/payments/index.html': '<h1>Payments</h1>\n' };

/** Everything that runs, and the output of the demo. */
export interface Stage extends AsyncDisposable {
  readonly story: Story;
  readonly shell: Shell;
  readonly controlPlane: ControlPlane;
  readonly registry: Registry;
  readonly secureCodeBox: SecureCodeBox;
  readonly controller: RunningController;
  /** The registry's password until step 3. */
  readonly password: string;
}

/** A new random password. All passwords have the same prefix, so that a test can find one in the output. */
export function newPassword(): string {
  return `demo-${randomBytes(16).toString('hex')}`;
}

/**
 * Starts everything, and prints what it starts. Uses fitting programs of the machine, and builds the others first,
 * which takes minutes.
 *
 * @returns the stage when everything is ready; the caller disposes of it
 * @throws Error if something does not start; then nothing is left running
 */
export async function setUp(story: Story): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  const log = (line: string) => story.output(line);
  await preferInstalled(['etcd', 'kube-apiserver', 'kubectl', 'helm', 'trivy'], log);
  const programs = await tools(
    ['etcd', 'kube-apiserver', 'kubectl', 'helm', 'registry', 'htpasswd', 'crane', 'trivy'],
    log,
  );

  const controlPlane = stack.use(await startControlPlane());
  const { group, kubeconfig } = controlPlane;
  await controlPlane.installCrds(secureCodeBoxCrds());
  story.output(`Kubernetes API server   ${controlPlane.server} (no nodes, so pods do not run)`);

  const password = newPassword();
  const registry = await startRegistry({ user: { username: USERNAME, password }, group });
  const digest = await registry.pushImage(IMAGE, FILES);
  story.output(`registry                ${registry.host}, user ${USERNAME}, with a random password
image                   ${registry.host}/${IMAGE}, pushed: ${digest}`);

  await installChart(controlPlane);
  // The registry listens on loopback and uses plain HTTP.
  const controller = await startController(controlPlane, [
    ...['--local-addresses', '127.0.0.1', '--insecure-registries', registry.host],
  ]);
  story.output(`controller              chart installed with Helm; the controller runs here as a process, with
                        the permissions of the chart's ServiceAccount`);

  const secureCodeBox = stack.use(await secureCodeBoxOn(controlPlane, programs.trivy));
  story.output(`secureCodeBox           its CRDs, and a stand-in for its operator that runs the real Trivy with
                        the environment and files that a pod would get`);

  const shell = await Shell.create({ group, story, kubeconfig, kubectl: programs.kubectl });
  const resources = stack.move();
  return {
    ...{ story, shell, controlPlane, registry, secureCodeBox, controller, password },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

async function secureCodeBoxOn(controlPlane: ControlPlane, trivy: string): Promise<SecureCodeBox> {
  for (const namespace of [SECURE_CODE_BOX_NAMESPACE, NAMESPACE]) {
    await controlPlane.kubectl(['create', 'namespace', namespace]);
  }
  const items = [...secureCodeBoxAccess(SECURE_CODE_BOX_NAMESPACE), trivyImageScanType(NAMESPACE)];
  // A List, because kubectl 1.32 cannot read a stream of JSON objects.
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  await controlPlane.kubectl(['apply', '-f', '-'], { input });
  const account = { namespace: SECURE_CODE_BOX_NAMESPACE, name: 'securecodebox-operator' };
  return startSecureCodeBox({
    kubeconfig: await controlPlane.kubeconfigFor(account),
    programs: { trivy },
    log: pino({ level: 'silent' }),
  });
}
