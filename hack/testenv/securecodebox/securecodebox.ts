/**
 * A stand-in for secureCodeBox, which needs a cluster with nodes. It schedules Scans (operator.ts) and runs them
 * (kubelet/kubelet.ts), with a real API server and the real Trivy.
 */
import { KubeConfig } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import { KubeClient, Transport } from '../../../src/kube/index.ts';
import { keyOf, storedMeta } from '../../../src/object/index.ts';
import { ProcessGroup } from '../processes/index.ts';
import { abandonable } from './abandonable.ts';
import { Kubelet, type ScanRun } from './kubelet/index.ts';
import { SCHEDULED_SCANS, type Scan, type ScheduledScan } from './objects.ts';
import { Operator } from './operator.ts';
import { triggerTime } from './scheduled-scan.ts';
import { StatusWriter } from './status.ts';

/** The User-Agent and field manager of the stand-in. */
const NAME = 'securecodebox-operator';

export interface SecureCodeBoxOptions {
  /** Path of the kubeconfig of the stand-in. Its user needs the permissions of `secureCodeBoxAccess`. */
  readonly kubeconfig: string;
  /** Paths of the programs that ScanTypes call, by the first word of their command: `{ trivy: path }`. */
  readonly programs: Readonly<Record<string, string>>;
  readonly log: Logger;
  /** An existing folder for the temporary folders of scans. The default is a new folder that is removed at the end. */
  readonly directory?: string;
  /** Awaited between the creation of a Scan and the status update that follows. No other client may write in this time. */
  readonly beforeStatusUpdate?: (scheduledScan: ScheduledScan, scan: Scan) => Promise<void>;
}

/**
 * A running stand-in. When it stops, or when the process that started it ends, it stops its scanners and removes their
 * folders.
 */
export class SecureCodeBox implements AsyncDisposable {
  readonly #transport: Transport;
  readonly #client: KubeClient;
  readonly #status: StatusWriter;
  readonly #group: ProcessGroup;
  readonly #operator: Operator;
  readonly #kubelet: Kubelet;
  readonly #expected = new Map<string, PromiseWithResolvers<Scan>>();
  #lastTrigger = 0;
  #stopped: Promise<void> | undefined;

  private constructor(options: SecureCodeBoxOptions, group: ProcessGroup) {
    const config = new KubeConfig();
    config.loadFromFile(options.kubeconfig);
    this.#group = group;
    this.#transport = new Transport(config);
    this.#client = new KubeClient({ transport: this.#transport, fieldManager: NAME });
    this.#status = new StatusWriter(this.#transport, NAME);
    const { log, programs, beforeStatusUpdate, directory = group.directory } = options;
    const shared = { client: this.#client, status: this.#status, log };
    this.#kubelet = new Kubelet({ ...shared, group, directory, programs });
    this.#operator = new Operator({
      ...shared,
      onScan: (...created) => this.#resolve(...created),
      beforeStatusUpdate,
    });
  }

  /** For {@link startSecureCodeBox}. */
  static async start(options: SecureCodeBoxOptions): Promise<SecureCodeBox> {
    const group = await ProcessGroup.start();
    try {
      const secureCodeBox = new SecureCodeBox(options, group);
      await Promise.all([secureCodeBox.#kubelet.start(), secureCodeBox.#operator.start()]);
      return secureCodeBox;
    } catch (error) {
      await group.stop();
      throw error;
    }
  }

  /** The finished Scans, in the order in which they finished. */
  get runs(): readonly ScanRun[] {
    return this.#kubelet.finished;
  }

  /** Resolves when a Scan has finished and its status is written. Rejects if the stand-in stops before. */
  run(namespace: string, scan: string): Promise<ScanRun> {
    return this.#kubelet.run(keyOf({ namespace, name: scan }));
  }

  /** Resolves when the next Scan of this ScheduledScan has finished. The ScheduledScan need not exist yet. */
  nextRun(namespace: string, name: string): Promise<ScanRun> {
    const key = keyOf({ namespace, name });
    const expected = this.#expected.get(key) ?? Promise.withResolvers<Scan>();
    this.#expected.set(key, expected);
    return abandonable(expected.promise.then(({ metadata }) => this.run(namespace, metadata.name)));
  }

  /**
   * Starts a run as `scbctl trigger` does, by an old `status.lastScheduleTime`, and waits until it has finished. On a cron
   * schedule, a second run within the same tick gets stuck, as with the real operator.
   *
   * @throws KubeError `NotFound`; `Conflict` if another client writes the ScheduledScan at the same time
   */
  async trigger(namespace: string, name: string): Promise<ScanRun> {
    // The API server returns a ScheduledScan.
    const object = (await this.#client.get(SCHEDULED_SCANS, { namespace, name })) as ScheduledScan;
    const run = this.nextRun(namespace, name);
    const status = { ...object.status, lastScheduleTime: triggerTime(object, this.#triggerClock()) };
    await this.#status.replace(SCHEDULED_SCANS, { ...object, status });
    return run;
  }

  /** Now, but at least a second after the last Scan, because a Scan is named after the second of its planned run. */
  #triggerClock(): number {
    this.#lastTrigger = Math.max(Date.now(), this.#lastTrigger + 1_000);
    return this.#lastTrigger;
  }

  /** Why the last attempt to run a ScheduledScan failed: `AlreadyExists` if it is stuck. Undefined: it did not fail. */
  failure(namespace: string, name: string): string | undefined {
    return this.#operator.failure(keyOf({ namespace, name }));
  }

  /** Stops scanners and watches, and removes all folders. Writes nothing afterwards. It can be called again. */
  async stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    await this.#stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(): Promise<void> {
    await Promise.all([this.#operator.stop(), this.#kubelet.stop(), this.#group.stop()]);
    await this.#transport.close();
    const error = new Error('the stand-in for secureCodeBox has stopped');
    for (const { reject } of this.#expected.values()) reject(error);
  }

  #resolve(scheduledScan: ScheduledScan, scan: Scan): void {
    this.#lastTrigger = Math.max(this.#lastTrigger, Date.now());
    const key = keyOf(storedMeta(scheduledScan));
    this.#expected.get(key)?.resolve(scan);
    this.#expected.delete(key);
  }
}

/**
 * Starts the stand-in. The API server must serve secureCodeBox's CRDs: see `secureCodeBoxCrds`.
 *
 * @returns when all existing objects have been read
 */
export async function startSecureCodeBox(options: SecureCodeBoxOptions): Promise<SecureCodeBox> {
  return SecureCodeBox.start(options);
}
