/**
 * A stand-in for secureCodeBox, which runs nowhere but in a cluster with nodes: its schedule (operator.ts) and its scans
 * (kubelet/kubelet.ts) against a real API server and with the real Trivy.
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

/** How the stand-in calls itself: User-Agent and field manager. */
const NAME = 'securecodebox-operator';

export interface SecureCodeBoxOptions {
  /** Path of a kubeconfig; its user is who writes. What that user must be allowed: `secureCodeBoxAccess`. */
  readonly kubeconfig: string;
  /** Where the programs are that ScanTypes call, by the first word of their command: `{ trivy: path }`. */
  readonly programs: Readonly<Record<string, string>>;
  readonly log: Logger;
  /** Where scans have their temporary folders: one that exists; one of its own, which goes with it, unless told. */
  readonly directory?: string;
  /** Awaited between the creation of a Scan and the status update that follows: the time in which no one may write. */
  readonly beforeStatusUpdate?: (scheduledScan: ScheduledScan, scan: Scan) => Promise<void>;
}

/**
 * A running stand-in. It ends its scanners and removes their folders when it stops, or when the process that started it
 * is gone.
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
      onScan: (...made) => this.#resolve(...made),
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

  /** The Scans that have ended, in that order. */
  get runs(): readonly ScanRun[] {
    return this.#kubelet.ended;
  }

  /** Resolves when a Scan has ended and its status says so; rejects when the stand-in stops before. */
  run(namespace: string, scan: string): Promise<ScanRun> {
    return this.#kubelet.run(keyOf({ namespace, name: scan }));
  }

  /** The run of the next Scan that this ScheduledScan gets from now on, when it has ended. The latter need not exist. */
  nextRun(namespace: string, name: string): Promise<ScanRun> {
    const key = keyOf({ namespace, name });
    const expected = this.#expected.get(key) ?? Promise.withResolvers<Scan>();
    this.#expected.set(key, expected);
    return abandonable(expected.promise.then(({ metadata }) => this.run(namespace, metadata.name)));
  }

  /**
   * Starts a run as `scbctl trigger` does, by an old `status.lastScheduleTime`, and waits for it to end. On a cron
   * schedule a second one within the same tick gets stuck, as with the real one.
   *
   * @throws KubeError `NotFound`; `Conflict` where somebody writes the ScheduledScan at the same time
   */
  async trigger(namespace: string, name: string): Promise<ScanRun> {
    // The API server answers with a ScheduledScan.
    const object = (await this.#client.get(SCHEDULED_SCANS, { namespace, name })) as ScheduledScan;
    const run = this.nextRun(namespace, name);
    const status = { ...object.status, lastScheduleTime: triggerTime(object, this.#triggerClock()) };
    await this.#status.replace(SCHEDULED_SCANS, { ...object, status });
    return run;
  }

  /** Now, but a second after the last Scan at least, whoever started it: a Scan is named by the second of its planned run. */
  #triggerClock(): number {
    this.#lastTrigger = Math.max(Date.now(), this.#lastTrigger + 1_000);
    return this.#lastTrigger;
  }

  /** Why a ScheduledScan's last try for a run failed: stuck ones say `AlreadyExists`. Undefined where it did not. */
  failure(namespace: string, name: string): string | undefined {
    return this.#operator.failure(keyOf({ namespace, name }));
  }

  /** Ends scanners and watches and removes all folders; writes nothing after. May be called again. */
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
 * @returns when it has seen everything that there is
 */
export async function startSecureCodeBox(options: SecureCodeBoxOptions): Promise<SecureCodeBox> {
  return SecureCodeBox.start(options);
}
