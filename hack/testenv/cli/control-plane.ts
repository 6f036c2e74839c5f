/** `npm run control-plane`: a control plane to try things by hand. */
import { fstatSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { CRDS } from '../../root.ts';
import { type ControlPlaneOptions, startControlPlane } from '../control-plane/index.ts';
import { type ClusterNode, nodeProblem, startNode } from '../node/index.ts';
import { ProcessGroup } from '../processes/index.ts';
import { secureCodeBoxCrds } from '../securecodebox/index.ts';

const PARENT_CHECK_MS = 500;

interface Options extends ControlPlaneOptions {
  /** Also start a node. */
  readonly node: boolean;
}

/** Starts a control plane, installs the CRDs of this project and of secureCodeBox, and prints its kubeconfig. */
async function serve({ node, ...options }: Options, log: (line: string) => void): Promise<void> {
  const problem = node ? await nodeProblem() : undefined;
  if (problem !== undefined) throw new Error(problem);
  const controlPlane = await startControlPlane(options);
  const running = node ? await startNode(controlPlane, log) : undefined;
  await controlPlane.installCrds([CRDS, ...secureCodeBoxCrds()]);
  process.stdout.write(`export KUBECONFIG=${controlPlane.kubeconfig}\n`);
  log(`ready: ${controlPlane.server}; data and logs are in ${controlPlane.directory} until you stop it (Ctrl-C)
Use it from another terminal: paste the line that begins with export there. For example:
  npm run -s icb -- controller --serve 127.0.0.1:0
  kubectl apply -f docs/examples/    (npm run -s tools -- kubectl says where a kubectl is)
${aboutNodes(running)}
There is no secureCodeBox operator, so no scan runs. A new ScheduledScan that is due is bound after a minute.`);
}

function aboutNodes(node: ClusterNode | undefined): string {
  if (node === undefined) return 'There are no nodes.';
  return `There is one node, which reaches no registry. Put an image on it with
  ${node.importCommand} FILE    (npm run image writes such a file)
kubectl logs and kubectl exec do not work. The logs of containers are in ${node.logs}`;
}

/**
 * Calls `stop` when this process gets a signal to stop, when its parent process is gone, or when the pipe on its standard
 * input closes. A pipe that closes within the first second does not count, because no process held its other end.
 */
function onEnd(stop: () => void): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && stop(), PARENT_CHECK_MS).unref();
  const input = fstatSync(0);
  if (!input.isFIFO() && !input.isSocket()) return;
  const started = Date.now();
  process.stdin.resume().once('end', () => Date.now() - started > 1_000 && stop());
}

const usage = `Usage: npm run control-plane -- [--node] [--controller-manager] [--no-audit-log]

Starts etcd and kube-apiserver with the CRDs of this project and of secureCodeBox, prints "export KUBECONFIG=…" and
runs until it gets SIGINT or SIGTERM, or its parent process ends. Then it removes all its data.

  --controller-manager  also run kube-controller-manager: garbage collection, Jobs, default service accounts
  --node                also run a node (containerd, kubelet, kube-scheduler) and kube-controller-manager; this needs Linux
                        and root
  --no-audit-log        record no requests
  --help                print this text

Missing programs are built first: see npm run tools -- --help.
`;

async function main(): Promise<void> {
  const options = parseCommandLine();
  if (typeof options === 'string') {
    process.stderr.write(`${options}\n\n${usage}`);
    process.exitCode = 2;
  } else if (options === undefined) process.stdout.write(usage);
  else await run(options);
}

async function run(options: Options): Promise<void> {
  const log = (line: string) => process.stderr.write(`${line}\n`);
  let ending = false;
  onEnd(() => {
    ending = true;
    void ProcessGroup.stopAll().then(() => process.exit(0));
  });
  try {
    await serve({ ...options, log }, log);
  } catch (error) {
    // Errors are expected while the processes are being stopped.
    if (ending) return;
    log(error instanceof Error ? error.message : String(error));
    await ProcessGroup.stopAll();
    process.exit(1);
  }
}

/** The options; undefined for --help; a message if the command line is wrong. */
function parseCommandLine(): Options | string | undefined {
  try {
    const { values } = parseArgs({
      options: {
        'controller-manager': { type: 'boolean', default: false },
        'no-audit-log': { type: 'boolean', default: false },
        node: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) return undefined;
    const { node } = values;
    return {
      node,
      controllerManager: node || values['controller-manager'],
      auditLog: !values['no-audit-log'],
    };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

await main();
