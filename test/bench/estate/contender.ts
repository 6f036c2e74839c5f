import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundle, PROGRAM } from '../../../hack/build/bundle.ts';
import { RELEASE } from '../../../hack/testenv/controller.ts';
import type { Child } from '../../../hack/testenv/processes/process-group.ts';
import { Bundled } from '../../support/bundled.ts';
import type { Cluster } from '../../support/cluster/cluster.ts';
import { until } from '../../support/until.ts';

/** 60% of the chart's memory limit of 256 MiB. No cgroup limits the memory here. */
const HEAP = { NODE_OPTIONS: '--max-old-space-size=154 --max-semi-space-size=8' };

/** The controller or a bare writer as a separate process. Times are in milliseconds since the epoch. */
export interface Contender {
  readonly child: Child;
  readonly startedAt: number;
  /** When its lists were complete and it started to work as the leader. */
  readonly leadingAt: number;
}

/** Starts the controller and a bare writer, both as bundles with the same control plane and the same rights. */
export class Contenders implements AsyncDisposable {
  readonly #cluster: Cluster;
  readonly #controller: Bundled;
  readonly #bareWriter: string;

  private constructor(cluster: Cluster, controller: Bundled, bareWriter: string) {
    this.#cluster = cluster;
    this.#controller = controller;
    this.#bareWriter = bareWriter;
  }

  /** @param source - path of the bare writer, relative to the root of the repository */
  static async make(cluster: Cluster, source: string): Promise<Contenders> {
    const directory = join(cluster.controlPlane.directory, 'bare-writer');
    await bundle(directory, source);
    return new Contenders(cluster, await Bundled.make(), join(directory, PROGRAM));
  }

  /** Starts the bundle with the arguments of the chart. */
  async startController(): Promise<Contender> {
    const { child, milliseconds } = await this.#controller.start(this.#cluster.controlPlane, HEAP);
    return begun(child, Date.now() - milliseconds);
  }

  async startBareWriter(...args: readonly string[]): Promise<Contender> {
    const { controlPlane } = this.#cluster;
    const kubeconfig = await controlPlane.kubeconfigFor({ namespace: RELEASE, name: RELEASE });
    const startedAt = Date.now();
    const program = [this.#bareWriter, kubeconfig, ...args];
    return begun(
      await controlPlane.group.spawn('bare-writer', process.execPath, program, { env: HEAP }),
      startedAt,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#controller[Symbol.asyncDispose]();
  }
}

async function begun(child: Child, startedAt: number): Promise<Contender> {
  const leadingAt = await until(async () => {
    const time = /"time":"([^"]+)".*"msg":"leading"/.exec(await readFile(child.logFile, 'utf8'))?.[1];
    return time === undefined ? undefined : Date.parse(time);
  }, `${child.name} to have its lists`);
  return { child, startedAt, leadingAt };
}
