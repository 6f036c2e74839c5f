import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { RELEASE, type RunningController, startController } from '../../../hack/testenv/controller.ts';
import { describe, type Exit } from '../../../hack/testenv/processes/process-group.ts';
import type { KubeObject, Resource } from '../../../src/object/object.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { memoryOf } from '../process.ts';
import { until } from '../until.ts';

const DEPLOYMENTS: Resource = { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment' };
const PROBE_EACH_MS = 1_000;
const PROBE_TIMEOUT_MS = 5_000;
const LOOK_EACH_MS = 250;
/** Longest delay until the end of the process is reported. */
const EXIT_SHOWS_MS = 100;
/** The chart's liveness probe gives up after three failures that are ten seconds apart. */
const LONGEST_SILENCE_MS = 30_000;
/** Delay before each restart. The kubelet waits longer from the second restart on. */
const RESTART_AFTER_MS = 1_000;

/** How the chart runs the controller. */
interface Shipped {
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** MiB. */
  readonly memoryLimit: number;
}

interface Deployment extends KubeObject {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly {
          readonly args: readonly string[];
          readonly env: readonly { readonly name: string; readonly value?: string }[];
          readonly resources: { readonly limits: { readonly memory: string } };
        }[];
      };
    };
  };
}

/**
 * Reads the flags and the environment from the chart's Deployment. No cgroup limits the memory here, so the heap is limited by its
 * share in MiB instead of a percentage.
 */
export async function readShipped({ client }: Cluster): Promise<Shipped> {
  // The API server returns the requested resource.
  const deployment = (await client.get(DEPLOYMENTS, { namespace: RELEASE, name: RELEASE })) as Deployment;
  const [container] = deployment.spec.template.spec.containers;
  const limit = /^(\d+)Mi$/.exec(container?.resources.limits.memory ?? '')?.[1];
  if (container === undefined || limit === undefined) throw new Error('expected a memory limit in Mi');
  const env = container.env.map(({ name, value = '' }) => [
    name,
    value.replace(
      /--max-old-space-size-percentage=(\d+)/,
      (_, percentage) => `--max-old-space-size=${Math.floor((Number(limit) * Number(percentage)) / 100)}`,
    ),
  ]);
  const flags = container.args.slice(1).filter((flag) => !flag.startsWith('--serve='));
  return { flags, env: Object.fromEntries(env), memoryLimit: Number(limit) };
}

/** Results of the controller, across all of its processes. */
export interface Observation {
  /** How each process that was not stopped on purpose ended. */
  readonly ends: readonly string[];
  readonly probes: number;
  readonly failedProbes: number;
  readonly longestBlockMs: number;
  /** The largest resident set, in MiB. */
  readonly peakMebibytes: number;
}

/** How a controller is started. */
export interface ControllerOptions {
  readonly shipped: Shipped;
  readonly flags: readonly string[];
  /** Modules that Node loads before the controller. */
  readonly preloads: readonly string[];
  /** FIFO of the zone that does not answer. */
  readonly silentFifo: string;
}

/** Probes a controller and restarts it when it ends or does not answer, as the kubelet does. */
export class Supervised implements AsyncDisposable {
  readonly #cluster: Cluster;
  readonly #options: ControllerOptions;
  readonly #ends: string[] = [];
  readonly #stopping = new AbortController();
  #probes = 0;
  #failedProbes = 0;
  #longestBlockMs = 0;
  #peakMebibytes = 0;
  #starts = 0;
  #current: RunningController | undefined;
  #isStopRequested = false;
  readonly #running: Promise<void>;

  private constructor(cluster: Cluster, options: ControllerOptions) {
    this.#cluster = cluster;
    this.#options = options;
    this.#running = this.#run();
  }

  /** Resolves when the controller leads. */
  static async start(cluster: Cluster, options: ControllerOptions): Promise<Supervised> {
    const supervised = new Supervised(cluster, options);
    await supervised.leading();
    return supervised;
  }

  get observation(): Observation {
    return {
      ends: [...this.#ends],
      probes: this.#probes,
      failedProbes: this.#failedProbes,
      longestBlockMs: this.#longestBlockMs,
      peakMebibytes: this.#peakMebibytes,
    };
  }

  /** Waits until the controller leads. */
  async leading(seconds = 60): Promise<void> {
    await until(
      async () => (await this.#get('/readyz'))?.startsWith('ok, leading'),
      'the controller to lead',
      seconds,
    );
  }

  /** Stops the process as an update of the Deployment does, and starts another one at once. Resolves when the first one has ended. */
  async restart(): Promise<void> {
    if (this.#current === undefined) return;
    this.#isStopRequested = true;
    await this.#current.process.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#current?.process.stop();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const exit = await this.#runOnce();
      if (this.#isStopRequested || signal.aborted) this.#isStopRequested = false;
      else {
        this.#ends.push(exit);
        await delay(RESTART_AFTER_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** @returns how it ended */
  async #runOnce(): Promise<string> {
    const { controlPlane } = this.#cluster;
    const { shipped, flags, preloads, silentFifo } = this.#options;
    this.#starts += 1;
    const eventLoopFile = join(controlPlane.directory, `event-loop-${this.#starts}`);
    const imports = preloads.map((file) => `--import=${file}`);
    const env = {
      ...shipped.env,
      NODE_OPTIONS: [shipped.env['NODE_OPTIONS'], ...imports].join(' '),
      ICB_EVENT_LOOP_FILE: eventLoopFile,
      ICB_SILENT_FIFO: silentFifo,
    };
    let controller: RunningController;
    try {
      const options = { until: 'serving', keepLease: this.#starts > 1, env } as const;
      controller = await startController(controlPlane, [...shipped.flags, ...flags], options);
    } catch (error) {
      return `before it served probes: ${String(error)}`;
    }
    // The event loop is measured from now on: loading the program blocks it too.
    process.kill(controller.process.pid, 'SIGUSR2');
    return this.#watch(controller, eventLoopFile);
  }

  async #watch(controller: RunningController, eventLoopFile: string): Promise<string> {
    this.#current = controller;
    const over = new AbortController();
    const { exited, pid } = controller.process;
    const looking = this.#look(pid, eventLoopFile, over.signal);
    const probing = this.#probe(controller, over.signal);
    const exit = await Promise.race([exited, probing]);
    over.abort();
    await looking;
    this.#current = undefined;
    if (exit !== undefined) return ending(exit, await controller.log());
    process.kill(pid, 'SIGKILL');
    await exited;
    return `killed: no probe was answered for ${LONGEST_SILENCE_MS / 1_000} s`;
  }

  async #look(pid: number, eventLoopFile: string, over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const [memory, block] = await Promise.all([
        memoryOf(pid).catch(() => undefined),
        blockIn(eventLoopFile).catch(() => 0),
      ]);
      // A process that has just ended has no memory: NaN.
      this.#peakMebibytes = Math.max(this.#peakMebibytes, memory?.peak || 0);
      this.#longestBlockMs = Math.max(this.#longestBlockMs, block);
      await delay(LOOK_EACH_MS, undefined, { signal: over }).catch(() => undefined);
    }
  }

  /** Resolves when no probe has been answered for too long; otherwise never. */
  async #probe({ url }: RunningController, over: AbortSignal): Promise<undefined> {
    let answeredAt = performance.now();
    while (performance.now() - answeredAt < LONGEST_SILENCE_MS) {
      const begun = performance.now();
      const isHealthy = await isAnswered(`${url}/healthz`);
      if (over.aborted || this.#isStopRequested) return new Promise(() => undefined);
      this.#probes += 1;
      if (isHealthy) answeredAt = performance.now();
      else this.#failedProbes += 1;
      await delay(Math.max(0, begun + PROBE_EACH_MS - performance.now()));
    }
    return undefined;
  }

  async #get(path: string): Promise<string | undefined> {
    if (this.#current === undefined) return undefined;
    const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS);
    return (await fetch(`${this.#current.url}${path}`, { signal })).text();
  }
}

async function isAnswered(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) })).ok;
  } catch {
    // The end of a process is counted elsewhere, but its connections fail a moment before that is known.
    await delay(EXIT_SHOWS_MS);
    return false;
  }
}

/** Longest block of the event loop in milliseconds: what the preloaded module wrote, or how long it has written nothing. */
async function blockIn(file: string): Promise<number> {
  const [text, { mtimeMs }] = await Promise.all([readFile(file, 'utf8'), stat(file)]);
  return Math.max(Number(text), Date.now() - mtimeMs - 2 * LOOK_EACH_MS);
}

/** How a process ended, with the last message of its log. */
function ending(exit: Exit, log: string): string {
  const last = log.trimEnd().split('\n').at(-1) ?? '';
  const why =
    /"(?:message|reason)":"(?<why>[^"]+)"/.exec(last)?.groups?.['why'] ?? /FATAL ERROR: .*/.exec(log)?.[0];
  return why === undefined ? describe(exit) : `${describe(exit)}: ${why.slice(0, 120)}`;
}
