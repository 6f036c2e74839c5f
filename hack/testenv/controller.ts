import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CHART, ROOT } from '../root.ts';
import type { ControlPlane } from './control-plane/index.ts';
import type { Child } from './processes/index.ts';
import { untilReady } from './processes/index.ts';
import { builtProgram } from './program.ts';
import { tools } from './tools/index.ts';

/** Name of the Helm release, of its namespace, and therefore of the controller's ServiceAccount. */
export const RELEASE = 'image-credential-binding';

/** Name of the Role for the Lease, in the namespace of the release. */
export const LEASE_ROLE = `${RELEASE}-leader-election`;

/** The controller's user name in the audit log. */
export const CONTROLLER_USER = `system:serviceaccount:${RELEASE}:${RELEASE}`;

/** A running controller: a separate process of the bundle, with the permissions of the chart. */
export interface RunningController {
  readonly process: Child;
  /** Base URL of probes and metrics. */
  readonly url: string;
  /** Identifies the controller's requests in the audit log among those of others with the same ServiceAccount. */
  readonly credentialId: string;
  /** The log so far, one JSON object per line. */
  log(): Promise<string>;
}

/** How a controller is started. */
export interface StartOptions {
  /** The state to wait for before `startController` returns. The default is `leading`. */
  readonly until?: 'leading' | 'following' | 'serving';
  /**
   * Keep an existing Lease. By default, the Lease is deleted first, so that the controller does not wait for the Lease of a
   * killed controller to expire. Without this option, no other controller may run.
   */
  readonly keepLease?: boolean;
  /** URL of the API server. The default is the control plane's own. */
  readonly server?: string;
  /** A module that Node loads before the controller. */
  readonly preload?: string;
  /** Run the source instead of the bundle, so that `preload` can replace parts of its modules. */
  readonly fromSource?: boolean;
  /** Added to the environment of the process. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Installs the chart with Helm. Because there are no nodes, its Deployment gets no pods. {@link startController} runs the
 * controller with the chart's ServiceAccount. For the same reason, the admission webhook is off, unless a value turns it on:
 * Helm would wait for the Job that registers it.
 *
 * @param values - as for Helm's `--set`: `config.discovery.enabled=true`
 */
export async function installChart(
  controlPlane: ControlPlane,
  log?: (line: string) => void,
  values: readonly string[] = [],
): Promise<void> {
  const { helm } = await tools(['helm'], log ?? (() => undefined));
  const arguments_ = ['install', RELEASE, CHART, '--namespace', RELEASE, '--create-namespace'];
  for (const value of ['admission.enabled=false', ...values]) arguments_.push('--set', value);
  const { code, stderr } = await controlPlane.group.run(helm, arguments_, {
    env: { KUBECONFIG: controlPlane.kubeconfig },
  });
  if (code !== 0) throw new Error(`helm install ended with ${code}: ${stderr}`);
}

/** Starts the controller and waits for the state in {@link StartOptions.until}. */
export async function startController(
  controlPlane: ControlPlane,
  flags: readonly string[] = [],
  options: StartOptions = {},
): Promise<RunningController> {
  const { keepLease = false, preload, fromSource = false, env = {}, until = 'leading' } = options;
  const program = fromSource ? join(ROOT, 'src/main.ts') : await builtProgram();
  if (!keepLease) await deleteLease(controlPlane);
  const { kubeconfig, credentialId } = await newKubeconfig(controlPlane, options.server);
  const process_ = await controlPlane.group.spawn(
    'controller',
    process.execPath,
    [
      ...(preload === undefined ? [] : ['--import', preload]),
      ...[program, 'controller', '--serve', '127.0.0.1:0'],
      ...['--lease-namespace', RELEASE, ...flags],
    ],
    { env: { KUBECONFIG: kubeconfig, ...env }, graceMilliseconds: 25_000 },
  );
  const log = () => readFile(process_.logFile, 'utf8');
  let url = '';
  await untilReady(process_, async () => {
    const port = /"port":(\d+)/.exec(await log())?.[1];
    if (port === undefined) return false;
    url = `http://127.0.0.1:${port}`;
    if (until === 'serving') return true;
    const response = await fetch(`${url}/readyz`);
    return response.ok && (await response.text()).startsWith(`ok, ${until}`);
  });
  return { process: process_, url, credentialId, log };
}

async function deleteLease(controlPlane: ControlPlane): Promise<void> {
  await controlPlane.kubectl(['delete', 'lease', RELEASE, '--namespace', RELEASE, '--ignore-not-found']);
}

/** Creates a kubeconfig with a new token. */
async function newKubeconfig(
  controlPlane: ControlPlane,
  server = controlPlane.server,
): Promise<{ readonly kubeconfig: string; readonly credentialId: string }> {
  const text = await readFile(
    await controlPlane.kubeconfigFor({ namespace: RELEASE, name: RELEASE }),
    'utf8',
  );
  const payload = /token: \S+?\.(\S+)\./.exec(text)?.[1] ?? '';
  // A token of the TokenRequest API is a JWT with an ID.
  const { jti } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { readonly jti: string };
  const kubeconfig = join(controlPlane.directory, `controller-${jti}.kubeconfig`);
  await writeFile(kubeconfig, text.replace(controlPlane.server, server), { mode: 0o600 });
  return { kubeconfig, credentialId: `JTI=${jti}` };
}
