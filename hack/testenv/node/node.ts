/** A real node: containerd, the kubelet, and a scheduler, for a control plane of the test environment. */
import { randomUUID } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ControlPlane } from '../control-plane/index.ts';
import { KUBE_SCHEDULER, KUBELET, kubeconfigFile, serviceSocket } from '../control-plane/index.ts';
import { type Child, describe } from '../processes/index.ts';
import { nodeToolNames, tools } from '../tools/index.ts';
import { podCgroup, processesIn } from './cgroups.ts';
import { allowPlainHttp, containerdSocket, startContainerd } from './containerd.ts';
import { buildTestImage, programImage } from './images.ts';
import { emptyDir, podLogs, startKubelet } from './kubelet.ts';
import { Namespaces } from './namespaces.ts';
import { nodeProblem } from './requirements.ts';
import { startScheduler } from './scheduler.ts';
import { API_ADDRESS, NODE_ADDRESS, NODE_NAME, PAUSE_IMAGE } from './settings.ts';

const API_PORT = 443;

type Programs = Readonly<Record<(typeof nodeToolNames)[number], string>>;

interface Started {
  readonly controlPlane: ControlPlane;
  readonly namespaces: Namespaces;
  readonly programs: Programs;
  readonly kubeconfig: string;
}

/** A running node. When the control plane stops, the node stops, too, and leaves nothing on the machine. */
export class ClusterNode {
  /** Name of its cgroup in each hierarchy. Those of pods are below it. */
  readonly cgroup: string;
  /** Folder of the logs of containers: `<namespace>_<pod>_<uid>/<container>/<restarts>.log`. */
  readonly logs: string;
  readonly #started: Started;
  #kubelet: Child;

  /** For {@link startNode}. */
  constructor(started: Started, kubelet: Child) {
    this.#started = started;
    this.#kubelet = kubelet;
    this.cgroup = started.namespaces.cgroup;
    this.logs = podLogs(started.namespaces.directory);
  }

  /**
   * Makes a server of this machine reachable from the node and its pods.
   *
   * @param host - `127.0.0.1:PORT`, for example the host of a registry
   * @returns its host and port on the node. Containerd pulls from it over plain HTTP
   */
  async expose(host: string): Promise<string> {
    const port = Number(host.slice(host.lastIndexOf(':') + 1));
    const { namespaces } = this.#started;
    const exposed = `${NODE_ADDRESS}:${port}`;
    await allowPlainHttp(namespaces.directory, exposed);
    await namespaces.relay([[NODE_ADDRESS, port, port]]);
    return exposed;
  }

  /** The command of {@link load}. Append the file of the image to it. */
  get importCommand(): string {
    const { namespaces, programs } = this.#started;
    return [programs.ctr, ...importArguments(namespaces.directory)].join(' ');
  }

  /** Puts an image into the node's store, so that pods can use it without a pull. */
  async load(archive: Uint8Array): Promise<void> {
    await loadImage(this.#started, archive);
  }

  /** Folder of a pod's emptyDir volume on this machine. It is removed with the pod. */
  emptyDir(uid: string, volume: string): string {
    return emptyDir(this.#started.namespaces.directory, uid, volume);
  }

  /**
   * A pod's cgroup.
   *
   * @param controller - with cgroup v1, whose hierarchy is meant: `memory`, `cpuacct`
   * @returns its folder, which contains the folders of the containers
   * @throws Error if the pod does not run
   */
  async podCgroup(uid: string, controller = 'memory'): Promise<string> {
    return podCgroup(this.cgroup, uid, controller);
  }

  /** IDs of the processes in a pod's containers. */
  async processes(uid: string): Promise<readonly number[]> {
    return processesIn(await this.podCgroup(uid));
  }

  /** Kills the kubelet, as in a crash, and starts it again. Meanwhile, containers continue to run. */
  async restartKubelet(): Promise<void> {
    await this.#kubelet.stop();
    this.#kubelet = await startReady(this.#started);
  }

  /** Kills all processes of the node at once, as a power failure does, and removes everything that the node has created. */
  async stop(): Promise<void> {
    await this.#started.namespaces.remove();
  }
}

/**
 * Starts a node. Programs that are missing are built first, which takes minutes.
 *
 * @param controlPlane - with `controllerManager`
 * @returns when the node is ready
 * @throws Error when no node can run on this machine, or when a program does not start
 */
export async function startNode(
  controlPlane: ControlPlane,
  log: (line: string) => void = () => undefined,
): Promise<ClusterNode> {
  const problem = await nodeProblem();
  if (problem !== undefined) throw new Error(problem);
  const programs = await tools(nodeToolNames, log);
  const { group } = controlPlane;
  const namespaces = await Namespaces.create(group);
  try {
    const [kubeconfig] = await Promise.all([
      nodeKubeconfig(controlPlane),
      namespaces.relay([[API_ADDRESS, API_PORT, Number(new URL(controlPlane.server).port)]]),
      namespaces.connectPods(serviceSocket(controlPlane.directory)),
      startScheduler(group, programs[KUBE_SCHEDULER]),
      startContainerd(namespaces, programs),
    ]);
    const started = { controlPlane, namespaces, programs, kubeconfig };
    const pause = await buildTestImage(await programImage(PAUSE_IMAGE, programs.workload));
    await loadImage(started, pause.archive);
    return new ClusterNode(started, await startReady(started));
  } catch (error) {
    await namespaces.remove();
    throw error;
  }
}

/** The kubelet's kubeconfig, with the address at which the node reaches the API server. */
async function nodeKubeconfig({ directory, server }: ControlPlane): Promise<string> {
  const text = await readFile(kubeconfigFile(directory, KUBELET), 'utf8');
  const file = join(directory, 'node', 'kubeconfig');
  await writeFile(file, text.replace(server, `https://${API_ADDRESS}:${API_PORT}`), { mode: 0o600 });
  return file;
}

/** Starts the kubelet, and waits until it has reported that the node is ready since then. */
async function startReady({ controlPlane, namespaces, programs, kubeconfig }: Started): Promise<Child> {
  const started = Math.floor(Date.now() / 1_000) * 1_000;
  return startKubelet(namespaces, programs.kubelet, kubeconfig, async () => {
    const { stdout } = await controlPlane.kubectl([
      ...['get', 'node', NODE_NAME, '--ignore-not-found'],
      '--output=jsonpath={range .status.conditions[?(@.type=="Ready")]}{.status} {.lastHeartbeatTime}{end}',
    ]);
    const [status, time = ''] = stdout.split(' ');
    return status === 'True' && Date.parse(time) >= started;
  });
}

async function loadImage({ controlPlane, namespaces, programs }: Started, archive: Uint8Array) {
  const file = join(namespaces.directory, `image-${randomUUID()}.tar`);
  await writeFile(file, archive);
  const args = [...importArguments(namespaces.directory), file];
  const { stderr, ...exit } = await controlPlane.group.run(programs.ctr, args);
  await rm(file);
  if (exit.code !== 0) throw new Error(`the import of an image ended with ${describe(exit)}: ${stderr}`);
}

/** The kubelet sees only images in this namespace of containerd. */
function importArguments(directory: string): readonly string[] {
  return ['--address', containerdSocket(directory), '--namespace', 'k8s.io', 'images', 'import'];
}
