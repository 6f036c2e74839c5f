import type { ControlPlane } from '../../../hack/testenv/control-plane/control-plane.ts';
import { RELEASE, type RunningController, startController } from '../../../hack/testenv/controller.ts';
import { builtProgram } from '../../../hack/testenv/program.ts';
import { completeJob } from '../cluster/complete-job.ts';
import { until } from '../until.ts';

const HOOK = `${RELEASE}-release`;

/** What a pod of the chart runs. */
interface PodTemplate {
  readonly spec: { readonly containers: readonly [{ readonly args: readonly string[] }] };
}

interface Workload {
  readonly metadata: { readonly generation: number };
  readonly spec: { readonly replicas?: number; readonly template: PodTemplate };
}

/**
 * Stands for the pods of the chart, of which there are none without a node: runs the controller as the chart's Deployment says,
 * and the Job of `helm uninstall`, as processes, and says in their status how that went.
 */
export class Pods {
  readonly #controlPlane: ControlPlane;
  readonly #extra: { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> };
  #running: { readonly template: string; readonly controller: RunningController } | undefined;

  /** @param extra - what the cluster's surroundings need */
  constructor(
    controlPlane: ControlPlane,
    extra: { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> },
  ) {
    this.#controlPlane = controlPlane;
    this.#extra = extra;
  }

  /** Lets the controller run as the Deployment now says; resolves when it leads, or is gone. */
  async follow(): Promise<void> {
    const deployment = await this.#get<Workload>('deployment', RELEASE);
    const template = JSON.stringify(deployment?.spec.template);
    const wanted = deployment !== undefined && deployment.spec.replicas !== 0;
    if (wanted && template === this.#running?.template) return this.#report(deployment);
    await this.stop();
    if (!wanted) return;
    const args = this.#argsOf(deployment);
    const controller = await startController(this.#controlPlane, args, { env: this.#extra.env });
    this.#running = { template, controller };
    await this.#report(deployment);
  }

  /** What the controller answers to the probe of that name. */
  async readyz(): Promise<string> {
    const response = await fetch(`${this.#running?.controller.url}/readyz`);
    return response.text();
  }

  /** Ends the controller. */
  async stop(): Promise<void> {
    await this.#running?.controller.process.stop();
    this.#running = undefined;
  }

  /** Ends the controller, then runs the Job that uninstalling makes, until that is told to be over. */
  async release(uninstalled: Promise<unknown>): Promise<void> {
    let over = false;
    void uninstalled.finally(() => {
      over = true;
    });
    const job = await until(async () => over || (await this.#get<Workload>('job', HOOK)), 'a Job', 60);
    if (job === true) return;
    const kubeconfig = await this.#controlPlane.kubeconfigFor({ namespace: RELEASE, name: HOOK });
    const args = [await builtProgram(), ...this.#argsOf(job)];
    const options = { env: { KUBECONFIG: kubeconfig } };
    const { code, stderr } = await this.#controlPlane.group.run(process.execPath, args, options);
    if (code !== 0) throw new Error(`the Job ended with ${code}: ${stderr}`);
    await completeJob(this.#controlPlane, RELEASE, HOOK);
  }

  /** Not where probes are served: a port of this machine may be taken. */
  #argsOf({ spec }: Workload): readonly string[] {
    const { args } = spec.template.spec.containers[0];
    const own = args[0] === 'controller' ? args.slice(1) : args;
    const kept = own.filter((arg) => !arg.startsWith('--serve='));
    return args[0] === 'controller' ? [...kept, ...this.#extra.args] : kept;
  }

  async #report({ metadata, spec }: Workload): Promise<void> {
    const { replicas = 1 } = spec;
    const all = ['replicas', 'updatedReplicas', 'readyReplicas', 'availableReplicas'];
    const counts = Object.fromEntries(all.map((name) => [name, replicas]));
    const status = { observedGeneration: metadata.generation, ...counts };
    await this.#controlPlane.kubectl([
      ...['patch', 'deployment', RELEASE, '--namespace', RELEASE, '--subresource=status', '--type=merge'],
      ...['--patch', JSON.stringify({ status })],
    ]);
  }

  async #get<Kind>(kind: string, name: string): Promise<Kind | undefined> {
    const { stdout } = await this.#controlPlane.kubectl([
      ...['get', kind, name, '--namespace', RELEASE, '--output', 'json', '--ignore-not-found'],
    ]);
    return stdout === '' ? undefined : (JSON.parse(stdout) as Kind);
  }
}
