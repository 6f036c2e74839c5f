/**
 * A stand-in for the rest of secureCodeBox's operator (v5.8.0), and for the cluster that runs its Jobs. It composes the pod
 * of each Scan, computes its environment and Secrets as the kubelet does, and runs the scanner's program on this machine.
 * - States: Init (no status), Scanning, then Done after an exit with 0, otherwise Errored. A pod that the API server would
 *   refuse keeps its Scan in Init. A suspended Scan is not touched. If a pod needs a Secret or ConfigMap that does not exist
 *   and is not optional, its Scan stays in Scanning until the object exists.
 * - There is no container. Therefore, paths below a mount path are replaced with paths of this machine in arguments and in
 *   literal environment values, but not in files. `HOME`, `TMPDIR` and `TRIVY_CACHE_DIR` are set unless the pod sets them.
 *   The first word of the command is looked up in {@link PodRunnerOptions.programs}. Otherwise, the program gets only the
 *   pod's environment, not even a PATH. Network, user and root folder are those of this machine.
 * - The only supported init container is that of autodiscovery (kubelet/extraction.ts). With any other, the Scan becomes
 *   Errored.
 *
 * Not implemented: Jobs and pods as objects, retries (the real operator runs a failed pod again, up to the ScanType's
 * backoffLimit), parsers and findings, hooks, cascades, ClusterScanTypes, result storage with its links and finalizer,
 * `ttlSecondsAfterFinished`. `errorDescription` contains more than that of the real operator.
 */
import type { Logger } from 'pino';
import { hasReason, type Outcome, Reflector, Store, WorkQueue } from '../../../../src/kube/index.ts';
import { keyOf, type Stored, storedMeta } from '../../../../src/object/index.ts';
import { abandonable } from '../abandonable.ts';
import { SCAN_TYPES, SCANS, type Scan, type ScanType, timestamp } from '../objects.ts';
import type { StatusWriter } from '../status.ts';
import { composePod, resultName } from './pod.ts';
import { type PodResult, type PodRun, PodRunner, type PodRunnerOptions, remove } from './pod-runner.ts';
import { PodWaiting, SecretReader } from './secrets.ts';

const WAITING_POD_RETRY_MS = 250;
const CONCURRENT_SCANS = 32;

export interface KubeletOptions extends PodRunnerOptions {
  readonly status: StatusWriter;
  readonly log: Logger;
}

/** A finished Scan. */
export interface ScanRun extends PodResult {
  readonly namespace: string;
  /** Name of the Scan. */
  readonly scan: string;
  /** Name of the ScheduledScan that created it; undefined: none. */
  readonly scheduledScan: string | undefined;
}

interface HeldScan extends Stored {
  readonly object: Scan;
}

function held(object: Scan): HeldScan {
  return { ...storedMeta(object), object };
}

/** Runs from {@link Kubelet.start} to {@link Kubelet.stop}. */
export class Kubelet {
  readonly #options: KubeletOptions;
  readonly #scans = new Store<HeldScan>({});
  readonly #reflector: Reflector<HeldScan>;
  readonly #queue: WorkQueue;
  readonly #pods: PodRunner;
  readonly #runs = new Map<string, PodRun>();
  readonly #finished = new Map<string, ScanRun>();
  readonly #waiters = new Map<string, PromiseWithResolvers<ScanRun>>();
  #stopping = false;

  constructor(options: KubeletOptions) {
    this.#options = options;
    this.#pods = new PodRunner(options);
    this.#reflector = new Reflector({
      client: options.client,
      log: options.log,
      resource: SCANS,
      // The reflector requests Scans.
      project: (object) => held(object as Scan),
      store: this.#scans,
    });
    this.#queue = new WorkQueue({
      process: (key) => this.#process(key),
      concurrency: CONCURRENT_SCANS,
      onProcessed: ({ key, error }) => {
        if (error !== undefined)
          options.log.warn({ scan: key, err: error }, 'cannot process the scan, retrying');
      },
    });
    this.#scans.onChange(({ before, after }) => {
      const scan = after ?? before;
      if (scan === undefined) return;
      if (after === undefined) void this.#runs.get(keyOf(scan))?.child?.stop();
      this.#queue.add(keyOf(scan));
    });
  }

  /** Resolves when all existing Scans have been read. */
  async start(): Promise<void> {
    this.#reflector.start();
    await this.#reflector.synced;
    this.#queue.start();
  }

  /** Call this when the process group has stopped or is stopping. It writes nothing after this resolves. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all([this.#reflector.stop(), this.#queue.stop()]);
    const directories = [...this.#runs.values()].flatMap(({ directory }) => directory ?? []);
    await Promise.all(directories.map(remove));
    for (const { reject } of this.#waiters.values())
      reject(new Error('the stand-in for secureCodeBox has stopped'));
  }

  /** The finished Scans, in the order in which they finished. */
  get finished(): readonly ScanRun[] {
    return [...this.#finished.values()];
  }

  /** Resolves when the Scan of this key has finished and its status is written. Rejects if the kubelet stops before. */
  run(key: string): Promise<ScanRun> {
    const finished = this.#finished.get(key);
    if (finished !== undefined) return Promise.resolve(finished);
    const waiter = this.#waiters.get(key) ?? Promise.withResolvers<ScanRun>();
    this.#waiters.set(key, waiter);
    return abandonable(waiter.promise);
  }

  async #process(key: string): Promise<Outcome> {
    const scan = this.#scans.get(key)?.object;
    await this.#discardOthers(key, scan?.metadata.uid);
    if (scan === undefined || scan.spec.suspend === true) return {};
    const state = scan.status?.state ?? '';
    if (state === '') await this.#begin(scan);
    else if (state === 'Scanning') return this.#continue(scan);
    return {};
  }

  /** Removes the run and the folder of a Scan of this key that was deleted. */
  async #discardOthers(key: string, uid: string | undefined): Promise<void> {
    const run = this.#runs.get(key);
    if (run === undefined || run.uid === uid) return;
    this.#runs.delete(key);
    if (run.directory !== undefined) await remove(run.directory);
  }

  async #begin(scan: Scan): Promise<void> {
    const run = await this.#newRun(scan);
    if (run === undefined) return;
    this.#runs.set(keyOf(storedMeta(scan)), run);
    const { pod } = run;
    const status = { state: 'Scanning', rawResultType: pod.resultType, rawResultFile: resultName(pod) };
    await this.#writeStatus(scan, status);
  }

  /** The run of a Scan; undefined: its ScanType does not exist, so the Scan is now Errored. */
  async #newRun(scan: Scan): Promise<PodRun | undefined> {
    const { namespace, uid } = storedMeta(scan);
    const { client } = this.#options;
    let scanType: ScanType;
    try {
      // The API server returns a ScanType.
      scanType = (await client.get(SCAN_TYPES, { namespace, name: scan.spec.scanType })) as ScanType;
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error;
      const log = `Configured ScanType '${scan.spec.scanType}' not found in '${namespace}' namespace. You'll likely need to deploy the ScanType.`;
      await this.#finish(scan, { state: 'Errored', exitCode: null, log, results: undefined });
      return undefined;
    }
    const composed = composePod(scanType, scan);
    if (composed.result === 'Rejected')
      throw new Error(`the API server would refuse the Job: ${composed.message}`);
    return { uid, pod: composed.pod, secrets: new SecretReader(client, namespace) };
  }

  async #continue(scan: Scan): Promise<Outcome> {
    const key = keyOf(storedMeta(scan));
    const run = this.#runs.get(key) ?? (await this.#newRun(scan));
    if (run === undefined) return {};
    this.#runs.set(key, run);
    try {
      run.result ??= await this.#pods.run(scan, run);
    } catch (error) {
      if (!(error instanceof PodWaiting)) throw error;
      this.#options.log.debug({ scan: key, reason: error.message }, 'pod waits');
      return { requeueAfterMs: WAITING_POD_RETRY_MS };
    }
    if (!this.#stopping && this.#scans.get(key)?.uid === run.uid) await this.#finish(scan, run.result);
    return {};
  }

  async #finish(scan: Scan, result: PodResult): Promise<void> {
    const { namespace, name } = storedMeta(scan);
    const key = keyOf({ namespace, name });
    const outcome = { state: result.state, finishedAt: timestamp(Date.now()) };
    await this.#writeStatus(scan, {
      ...outcome,
      ...(result.state === 'Errored' ? { errorDescription: errorDescription(result) } : {}),
    });
    const owner = scan.metadata.ownerReferences?.find(({ controller }) => controller === true);
    const run: ScanRun = { namespace, scan: name, scheduledScan: owner?.name, ...result };
    this.#finished.set(key, run);
    this.#options.log.info({ scan: key, state: run.state, exitCode: run.exitCode }, 'scan finished');
    await this.#discardOthers(key, undefined);
    this.#waiters.get(key)?.resolve(run);
    this.#waiters.delete(key);
  }

  async #writeStatus(scan: Scan, status: object): Promise<void> {
    const written = await this.#options.status.replace(SCANS, {
      ...scan,
      status: { ...scan.status, ...status },
    });
    this.#scans.set(held(written));
  }
}

function errorDescription({ exitCode, log }: PodResult): string {
  const text = exitCode === null ? log : `Exit code ${exitCode}: ${log}`;
  return `Failed to run the Scan Container, check k8s Job and its logs for more details. ${text}`;
}
