/**
 * Stands for the part of secureCodeBox's operator (v5.8.0) that starts the Scans of ScheduledScans:
 * - at once where an interval is set and nothing ran yet, then by interval or cron; nothing while suspended;
 * - first the hash of the ScanType into the status (with `retriggerOnScanTypeChange`; no Scan where there is no such
 *   ScanType), then the Scan, then `status.lastScheduleTime`, written as a PUT with the resource version that was read.
 *   Where somebody wrote the ScheduledScan in between, this fails, and each further try meets the Scan that exists
 *   already, for ever: until somebody writes another `lastScheduleTime`;
 * - again, within 3 s, where the ScanType differs from the one of the last run (`retriggerOnScanTypeChange`).
 *
 * Left out: `concurrencyPolicy`, the history limits (nothing is deleted), findings in the status, Events. Failed tries
 * come back after 0.1 s to 5 min, not 5 ms to 17 min. What it wrote itself it knows at once; the real one may start
 * a second run before it sees its own write.
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
/** Timers cannot wait for longer than 24 days. */
const LONGEST_SLEEP_MS = 3_600_000;

export interface OperatorOptions {
  readonly client: KubeClient;
  readonly status: StatusWriter;
  readonly log: Logger;
  /** Called with each Scan that was created. */
  readonly onScan: (scheduledScan: ScheduledScan, scan: Scan) => void;
  /** Awaited between the creation of a Scan and the status update that follows: the time in which no one may write. */
  readonly beforeStatusUpdate?: ((scheduledScan: ScheduledScan, scan: Scan) => Promise<void>) | undefined;
}

/** An object as it came, with its place and identity. */
interface Held<Kind extends KubeObject> extends Stored {
  readonly object: Kind;
}

function held<Kind extends KubeObject>(object: KubeObject): Held<Kind> {
  // The reflector asked for this kind.
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

  /** Resolves when it has seen all objects that there are. */
  async start(): Promise<void> {
    for (const reflector of this.#reflectors) reflector.start();
    await Promise.all(this.#reflectors.map(({ synced }) => synced));
    this.#runs.start();
    this.#changes.start();
  }

  /** Writes nothing after this resolves. */
  async stop(): Promise<void> {
    const parts = [...this.#reflectors, this.#runs, this.#changes];
    await Promise.all(parts.map((part) => part.stop()));
  }

  /** Why the last try for a ScheduledScan failed, e.g. `AlreadyExists`; undefined where it did not. */
  failure(key: string): string | undefined {
    return this.#failures.get(key);
  }

  #note(key: string, error: unknown): void {
    if (error === undefined) {
      this.#failures.delete(key);
      return;
    }
    this.#failures.set(key, error instanceof KubeError ? error.reason : String(error));
    this.#options.log.warn({ scheduledScan: key, err: error }, 'no run started, trying again');
  }

  async #schedule(key: string): Promise<Outcome> {
    const scheduledScan = this.#scheduledScans.get(key)?.object;
    if (scheduledScan === undefined || scheduledScan.spec.suspend === true) return {};
    const planned = plannedRun(scheduledScan, Date.now());
    if (planned === undefined)
      throw new Error('the ScheduledScan has no interval or schedule that can be read');
    const wait = planned - Date.now();
    if (wait > 0) return { requeueAfterMs: Math.min(wait, LONGEST_SLEEP_MS) };
    const current = await this.#withScanTypeHash(scheduledScan);
    // The event of the status update calls this again, and so does that of a ScanType's retrigger.
    if (current !== undefined) await this.#run(current, planned);
    return {};
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
    // The API server answers with the object that it stored.
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
      // The next check comes soon.
      if (!hasReason(error, 'Conflict', 'NotFound')) throw error;
    }
  }
}

/** One that is suspended would be written anew at each check. */
function isOutdated({ spec, status }: ScheduledScan, hash: string): boolean {
  const last = status?.scanTypeHash ?? '';
  return spec.retriggerOnScanTypeChange === true && spec.suspend !== true && last !== '' && last !== hash;
}
