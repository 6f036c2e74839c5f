import type { ControlPlane } from '../../../hack/testenv/control-plane/control-plane.ts';
import { RELEASE, type RunningController, startController } from '../../../hack/testenv/controller.ts';
import { builtProgram } from '../../../hack/testenv/program.ts';
import { completeJob } from '../cluster/complete-job.ts';
import { until } from '../until.ts';

const HOOK = `${RELEASE}-unbind`;

/** The part of a pod template that is used here. */
interface PodTemplate {
  readonly spec: { readonly containers: readonly [{ readonly args: readonly string[] }] };
}

interface Workload {
  readonly metadata: { readonly generation: number };
  readonly spec: { readonly replicas?: number; readonly template: PodTemplate };
}

/**
 * Replaces the pods of the chart, which do not exist without a node. It runs the controller of the chart's Deployment,
 * and the Job of `helm uninstall`, as processes, and writes the results into their status.
 */
export class Pods {
  readonly #controlPlane: ControlPlane;
  readonly #extra: { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> };
  #running: { readonly template: string; readonly controller: RunningController } | undefined;

  /** @param extra - arguments and environment that the test cluster needs */
  constructor(
    controlPlane: ControlPlane,
    extra: { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> },
  ) {
    this.#controlPlane = controlPlane;
    this.#extra = extra;
  }

  /** Runs the controller according to the current Deployment. Resolves when the controller leads or has stopped. */
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

  /** The controller's response to the readiness probe. */
  async readyz(): Promise<string> {
    const response = await fetch(`${this.#running?.controller.url}/readyz`);
    return response.text();
  }

  /** Stops the controller. */
  async stop(): Promise<void> {
    await this.#running?.controller.process.stop();
    this.#running = undefined;
  }

  /**
   * Runs the Job of the uninstallation, if it is created before `uninstalled` settles. The controller must have
   * stopped.
   */
  async unbind(uninstalled: Promise<unknown>): Promise<void> {
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

  /** Omits the address of the probes, because that port may be in use on this machine. */
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
