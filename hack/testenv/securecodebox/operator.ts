/**
 * A stand-in for the part of secureCodeBox's operator (v5.8.0) that starts the Scans of ScheduledScans:
 * - The first run of an interval starts at once. Later runs, and runs of a cron schedule, start when they are due. A
 *   suspended ScheduledScan does not run.
 * - A run writes the hash of the ScanType to the status (with `retriggerOnScanTypeChange`; without such a ScanType there is
 *   no run). Then it creates the Scan. Then it writes `status.lastScheduleTime`, as a PUT with the resource version that was
 *   read. If another client has written the ScheduledScan in between, the PUT fails. Every retry then fails, because the
 *   Scan already exists, until another client writes another `lastScheduleTime`.
 * - A changed ScanType starts another run within 3 s (`retriggerOnScanTypeChange`).
 * - If a Scan has not ended when a run is due, the run starts anyway (`concurrencyPolicy: Allow`, the default), is delayed until
 *   that Scan has ended (`Forbid`), or that Scan is deleted first (`Replace`).
 *
 * Not implemented: the history limits (nothing is deleted), findings in the status, Events, and the one run that a schedule
 * without a date in the next five years gets. Retries follow after 0.1 s to 5 min instead of 5 ms to 17 min. The stand-in
 * sees its own writes at once. The real operator may start a second run before it sees its own write.
 */
import type { Logger } from 'pino';
import {
  hasReason,
  type KubeClient,
  KubeError,
  type Outcome,
  Reflector,
  Store,
  WorkQueue,
} from '../../../src/kube/index.ts';
import { type KubeObject, keyOf, type Stored, splitKey, storedMeta } from '../../../src/object/index.ts';
import {
  SCAN_TYPES,
  SCANS,
  SCHEDULED_SCANS,
  type Scan,
  type ScanType,
  type ScheduledScan,
  timestamp,
} from './objects.ts';
import { plannedRun, scanFor, scanTypeHash, triggerTime } from './scheduled-scan.ts';
import type { StatusWriter } from './status.ts';

const SCAN_TYPE_CHECK_MS = 3_000;
/** The real operator checks at every change of a Scan, and once a minute. */
const BLOCKED_CHECK_MS = 500;
/** Limit on a single wait, because a timer cannot wait for more than 24 days. */
const MAX_SLEEP_MS = 3_600_000;

export interface OperatorOptions {
  readonly client: KubeClient;
  readonly status: StatusWriter;
  readonly log: Logger;
  /** Called with each Scan that was created. */
  readonly onScan: (scheduledScan: ScheduledScan, scan: Scan) => void;
  /** Awaited between the creation of a Scan and the status update that follows. No other client may write in this time. */
  readonly beforeStatusUpdate?: ((scheduledScan: ScheduledScan, scan: Scan) => Promise<void>) | undefined;
}

/** An object as received, with its key and identity. */
interface Held<Kind extends KubeObject> extends Stored {
  readonly object: Kind;
}

function held<Kind extends KubeObject>(object: KubeObject): Held<Kind> {
  // The reflector requests this kind.
  return { ...storedMeta(object), object: object as Kind };
}

/** Runs from {@link Operator.start} to {@link Operator.stop}. */
export class Operator {
  readonly #options: OperatorOptions;
  readonly #scheduledScans = new Store<Held<ScheduledScan>>({});
  readonly #scanTypes = new Store<Held<ScanType>>({});
  readonly #reflectors: readonly { start(): void; stop(): Promise<void>; readonly synced: Promise<void> }[];
  readonly #failures = new Map<string, string>();
  readonly #runs: WorkQueue;
  readonly #changes: WorkQueue;

  constructor(options: OperatorOptions) {
    this.#options = options;
    const { client, log } = options;
    this.#reflectors = [
      new Reflector({
        client,
        log,
        resource: SCHEDULED_SCANS,
        project: held<ScheduledScan>,
        store: this.#scheduledScans,
      }),
      new Reflector({ client, log, resource: SCAN_TYPES, project: held<ScanType>, store: this.#scanTypes }),
    ];
    this.#runs = new WorkQueue({
      process: (key) => this.#schedule(key),
      concurrency: 4,
      onProcessed: ({ key, error }) => this.#note(key, error),
    });
    this.#changes = new WorkQueue({ process: (key) => this.#retrigger(key), concurrency: 1 });
    this.#scheduledScans.onChange(({ after }) => after && this.#runs.add(keyOf(after)));
    this.#scanTypes.onChange(({ after }) => after && this.#changes.add(keyOf(after)));
  }

  /** Resolves when all existing objects have been read. */
  async start(): Promise<void> {
    for (const reflector of this.#reflectors) reflector.start();
    await Promise.all(this.#reflectors.map(({ synced }) => synced));
    this.#runs.start();
    this.#changes.start();
  }

  /** Stops the operator. It writes nothing after this resolves. */
  async stop(): Promise<void> {
    const parts = [...this.#reflectors, this.#runs, this.#changes];
    await Promise.all(parts.map((part) => part.stop()));
  }

  /** Why the last attempt to run a ScheduledScan failed, for example `AlreadyExists`; undefined: it did not fail. */
  failure(key: string): string | undefined {
    return this.#failures.get(key);
  }

  #note(key: string, error: unknown): void {
    if (error === undefined) {
      this.#failures.delete(key);
      return;
    }
    this.#failures.set(key, error instanceof KubeError ? error.reason : String(error));
    this.#options.log.warn({ scheduledScan: key, err: error }, 'cannot start a run, retrying');
  }

  async #schedule(key: string): Promise<Outcome> {
    const scheduledScan = this.#scheduledScans.get(key)?.object;
    if (scheduledScan === undefined || scheduledScan.spec.suspend === true) return {};
    const planned = plannedRun(scheduledScan, Date.now());
    if (planned === undefined)
      throw new Error('expected a valid interval or schedule in the ScheduledScan, found none');
    const wait = planned - Date.now();
    if (wait > 0) return { requeueAfterMs: Math.min(wait, MAX_SLEEP_MS) };
    if (await this.#isBlocked(scheduledScan)) return { requeueAfterMs: BLOCKED_CHECK_MS };
    const current = await this.#withScanTypeHash(scheduledScan);
    // The watch event of the status update, or of a retrigger, enqueues the ScheduledScan again.
    if (current !== undefined) await this.#run(current, planned);
    return {};
  }

  /** Whether a Scan that has not ended prevents a run. With the policy `Replace`, deletes such Scans. */
  async #isBlocked({ metadata, spec }: ScheduledScan): Promise<boolean> {
    const { concurrencyPolicy = 'Allow' } = spec;
    if (concurrencyPolicy === 'Allow') return false;
    const { namespace = '', uid } = metadata;
    const { items } = await this.#options.client.list(SCANS, { namespace });
    // The API server returns only Scans here.
    const running = (items as readonly Scan[]).filter(
      (scan) => scan.metadata.ownerReferences?.some((owner) => owner.uid === uid) && !hasEnded(scan),
    );
    if (concurrencyPolicy === 'Forbid') return running.length > 0;
    for (const scan of running) await this.#options.client.delete(SCANS, storedMeta(scan));
    return false;
  }

  async #withScanTypeHash(scheduledScan: ScheduledScan): Promise<ScheduledScan | undefined> {
    if (scheduledScan.spec.retriggerOnScanTypeChange !== true) return scheduledScan;
    const { namespace = '' } = scheduledScan.metadata;
    const scanType = this.#scanTypes.get(keyOf({ namespace, name: scheduledScan.spec.scanSpec.scanType }));
    if (scanType === undefined) return undefined;
    return this.#options.status.merge(SCHEDULED_SCANS, scheduledScan, {
      scanTypeHash: scanTypeHash(scanType.object),
    });
  }

  async #run(scheduledScan: ScheduledScan, planned: number): Promise<void> {
    const { client, status, log, onScan, beforeStatusUpdate } = this.#options;
    // The API server returns the stored object.
    const scan = (await client.create(SCANS, scanFor(scheduledScan, planned))) as Scan;
    log.info({ scan: keyOf(storedMeta(scan)) }, 'scan created');
    onScan(scheduledScan, scan);
    await beforeStatusUpdate?.(scheduledScan, scan);
    const lastScheduleTime = timestamp(Date.now());
    const written = await status.replace(SCHEDULED_SCANS, {
      ...scheduledScan,
      status: { ...scheduledScan.status, lastScheduleTime },
    });
    this.#scheduledScans.set(held(written));
  }

  async #retrigger(key: string): Promise<Outcome> {
    const scanType = this.#scanTypes.get(key)?.object;
    if (scanType === undefined) return {};
    const hash = scanTypeHash(scanType);
    const { namespace, name } = splitKey(key);
    for (const { namespace: place, object } of this.#scheduledScans.values()) {
      if (place === namespace && object.spec.scanSpec.scanType === name && isOutdated(object, hash)) {
        await this.#writeTrigger(object);
      }
    }
    return { requeueAfterMs: SCAN_TYPE_CHECK_MS };
  }

  async #writeTrigger(scheduledScan: ScheduledScan): Promise<void> {
    const status = { ...scheduledScan.status, lastScheduleTime: triggerTime(scheduledScan, Date.now()) };
    try {
      const written = await this.#options.status.replace(SCHEDULED_SCANS, { ...scheduledScan, status });
      this.#scheduledScans.set(held(written));
    } catch (error) {
      // The next check retries.
      if (!hasReason(error, 'Conflict', 'NotFound')) throw error;
    }
  }
}

function hasEnded({ status }: Scan): boolean {
  return status?.state === 'Done' || status?.state === 'Errored';
}

/**
 * Whether the last run used another ScanType. False for a suspended scan, because otherwise each check would write it
 * again.
 */
function isOutdated({ spec, status }: ScheduledScan, hash: string): boolean {
  const last = status?.scanTypeHash ?? '';
  return spec.retriggerOnScanTypeChange === true && spec.suspend !== true && last !== '' && last !== hash;
}
