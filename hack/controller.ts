import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ControlPlane } from './control-plane.ts';
import { type Child, untilReady } from './processes.ts';
import { tools } from './tools.ts';

const repository = join(import.meta.dirname, '..');
const chart = join(repository, 'charts/image-credential-binding');

/** Name of the Helm release, of its namespace and so of the controller's ServiceAccount. */
export const RELEASE = 'image-credential-binding';

/** The controller's user name in the audit log. */
export const CONTROLLER_USER = `system:serviceaccount:${RELEASE}:${RELEASE}`;

/** A running controller: a process of its own, from source, with the rights that the chart gives. */
export interface RunningController {
  readonly process: Child;
  /** Base URL of probes and metrics. */
  readonly url: string;
  /** All that it has logged so far, one JSON object a line. */
  log(): Promise<string>;
}

/**
 * Installs the chart with Helm. There is no node here, so its Deployment gets no pods: the controller is run by
 * {@link startController}, under the chart's ServiceAccount.
 */
export async function installChart(controlPlane: ControlPlane, log?: (line: string) => void): Promise<void> {
  const { helm } = await tools(['helm'], log ?? (() => undefined));
  const arguments_ = ['install', RELEASE, chart, '--namespace', RELEASE, '--create-namespace'];
  const { code, stderr } = await controlPlane.group.run(helm, arguments_, {
    env: { KUBECONFIG: controlPlane.kubeconfig },
  });
  if (code !== 0) throw new Error(`helm install ended with ${code}: ${stderr}`);
}

/** Starts the controller and waits until it is ready. */
export async function startController(
  controlPlane: ControlPlane,
  flags: readonly string[] = [],
): Promise<RunningController> {
  const kubeconfig = await controlPlane.kubeconfigFor({ namespace: RELEASE, name: RELEASE });
  const process_ = await controlPlane.group.spawn(
    'controller',
    process.execPath,
    [join(repository, 'src/main.ts'), 'controller', '--serve', '127.0.0.1:0', ...flags],
    { env: { KUBECONFIG: kubeconfig }, graceMilliseconds: 10_000 },
  );
  const log = () => readFile(process_.logFile, 'utf8');
  let url = '';
  await untilReady(process_, async () => {
    const port = /"port":(\d+)/.exec(await log())?.[1];
    if (port === undefined) return false;
    url = `http://127.0.0.1:${port}`;
    return (await fetch(`${url}/readyz`)).ok;
  });
  return { process: process_, url, log };
}
