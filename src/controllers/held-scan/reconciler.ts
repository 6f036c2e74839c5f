import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { asOutOfDate, type KubeClient, KubeError, type Outcome, OutOfDate } from '../../kube/index.ts';
import { keyOf, SCANS } from '../../object/index.ts';
import {
  endHoldUndecided,
  isHeldHere,
  type NewScan,
  type NewScanPlan,
  type RawScan,
  type Run,
  readAdmittedRun,
  type ScanDecision,
} from '../../scan/index.ts';
import { isUndecided, type Stores } from '../../state/index.ts';
import { shortest } from '../shortest.ts';
import { decideHeldScan, type HeldScanDecision, type HoldResult, holdLeft, waitOf } from './decide.ts';

/** A decision on a Scan, and what must happen besides the write of the Scan. */
interface HeldScanOutcome<SecretWrite> {
  readonly decision: ScanDecision;
  /** The Secret to write before the Scan is bound. */
  readonly secretWrite: SecretWrite;
  /** When to decide again; undefined: an answer enqueues the Scan. */
  readonly requeueAfterMs: number | undefined;
}

interface HeldScanOptions {
  readonly client: KubeClient;
  readonly stores: Stores;
  /** For metrics. Not called for a Scan that a user has created suspended. */
  readonly onEnded: (result: HoldResult) => void;
}

interface Requester {
  readonly now: number;
  readonly log: Logger;
  readonly requeue: () => void;
}

/**
 * @typeParam SecretWrite - what `decide` returns and `writeSecret` writes. This controller only passes it on, because controllers do
 * not import each other.
 */
export interface HeldScanReconcilerOptions<SecretWrite> extends HeldScanOptions {
  /** Plans with the answers of registries, and requests those that are missing. */
  readonly plan: (
    held: NewScan,
    requester: Requester,
  ) => { readonly plan: NewScanPlan; readonly requeueAfterMs: number | undefined };
  /** The same, carried out on the whole Scan. */
  readonly decide: (raw: RawScan, requester: Requester) => HeldScanOutcome<SecretWrite>;
  /** Writes the Secret of a Scan. `binding`: the name of the binding whose credential it contains. */
  readonly writeSecret: (
    user: { readonly scan: Run; readonly binding: string },
    write: SecretWrite,
    log: Logger,
  ) => Promise<void>;
}

type End = Extract<HeldScanDecision, { act: 'End' }>;

/** HTTP status codes of a refused write. A webhook that refuses one may give no reason; then the API server answers with 400. */
const REFUSALS: ReadonlySet<number> = new Set([400, 403, 413, 422]);

/**
 * Decides on held Scans, and ends each hold with one write. Also decides on Scans that a user has created suspended, and leaves
 * those suspended. The key is that of the Scan.
 */
export class HeldScanReconciler<SecretWrite> {
  readonly #options: HeldScanReconcilerOptions<SecretWrite>;
  readonly #access: ScanAccess;

  constructor(options: HeldScanReconcilerOptions<SecretWrite>) {
    this.#options = options;
    this.#access = new ScanAccess(options);
  }

  /**
   * @param log - names this reconcile in its lines
   * @param requeue - adds the key to the queue again, when an answer arrives
   * @throws OutOfDate, KubeError: to be retried
   */
  readonly reconcile = async (key: string, log: Logger, requeue: () => void): Promise<Outcome> => {
    const run = this.#options.stores.runs.get(key);
    if (run === undefined || !isUndecided(run)) return {};
    return this.#waitOf(run, { now: Date.now(), log, requeue }) ?? this.#decide(run, log, requeue);
  };

  async #decide(run: Run, log: Logger, requeue: () => void): Promise<Outcome> {
    const raw = await this.#access.read(run);
    const now = Date.now();
    const { decision, secretWrite, requeueAfterMs } = this.#options.decide(raw, { now, log, requeue });
    const decided = decideHeldScan(raw, run, decision, now);
    if (decided.act === 'Wait') return { requeueAfterMs: shortest([decided.milliseconds, requeueAfterMs]) };
    if (decided.act === 'Lengthen') {
      await this.#access.write(decided.scan);
      return {};
    }
    const binding = 'binding' in decision ? decision.binding : undefined;
    if (decided.result === 'Bound' && binding !== undefined)
      await this.#options.writeSecret({ scan: run, binding }, secretWrite, log);
    const result = await this.#end(decided, log);
    const isResumed = isHeldHere(run.admission?.hold ?? 'None');
    log.info({ result, binding }, isResumed ? 'held scan resumed' : 'suspended scan decided on');
    if (isResumed) this.#options.onEnded(result);
    return {};
  }

  /**
   * When to decide again, if what the stores hold is enough to see that the Scan must wait; undefined: the whole Scan must be
   * read. So most decisions need no request.
   */
  #waitOf(run: Run, requester: Requester): Outcome | undefined {
    const held = run.admission?.held;
    if (held === undefined) return undefined;
    const { plan, requeueAfterMs } = this.#options.plan(held, requester);
    const wait = waitOf(run, plan, requester.now);
    return wait && { requeueAfterMs: shortest([wait.milliseconds, requeueAfterMs]) };
  }

  /** If a policy refuses the edits, the Scan is resumed as it is. Returns how the hold ended. */
  async #end({ scan, instead, result }: End, log: Logger): Promise<HoldResult> {
    try {
      await this.#access.write(scan);
      return result;
    } catch (error) {
      const isRefused = error instanceof KubeError && REFUSALS.has(error.status);
      if (!isRefused || isDeepStrictEqual(scan, instead)) throw error;
      log.warn(
        { reason: error.reason },
        'the API server refused the edits of a held scan: resuming it as it is',
      );
      await this.#access.write(instead);
      return 'Unbound';
    }
  }
}

/**
 * Ends holds that have lasted too long, without any decision, so that no error in a decision prolongs a hold. Every replica does
 * so, because the leader may be a process without the webhook during an upgrade. If several replicas write the Scan, its version
 * decides which write succeeds.
 */
export class HoldLimiter {
  readonly #options: HeldScanOptions;
  readonly #access: ScanAccess;

  /** @param options.client - also writes while this process does not lead */
  constructor(options: HeldScanOptions) {
    this.#options = options;
    this.#access = new ScanAccess(options);
  }

  /** @throws OutOfDate, KubeError: to be retried */
  readonly reconcile = async (key: string, log: Logger): Promise<Outcome> => {
    const run = this.#options.stores.runs.get(key);
    const left = run === undefined ? undefined : holdLeft(run, Date.now());
    if (run === undefined || left === undefined) return {};
    if (left > 0) return { requeueAfterMs: left };
    await this.#access.write(endHoldUndecided(await this.#access.read(run)));
    log.info({ result: 'TimedOut' }, 'held scan resumed');
    this.#options.onEnded('TimedOut');
    return {};
  };
}

/** Reads and writes complete Scans, each at the version that was observed. */
class ScanAccess {
  readonly #client: KubeClient;
  readonly #stores: Stores;

  constructor({ client, stores }: Pick<HeldScanOptions, 'client' | 'stores'>) {
    this.#client = client;
    this.#stores = stores;
  }

  /** @throws OutOfDate if the Scan has changed since it was observed */
  async read(run: Run): Promise<RawScan> {
    const { resourceVersion } = run;
    try {
      const raw = await this.#client.get<RawScan>(SCANS, run, { resourceVersion });
      if (raw.metadata.resourceVersion === resourceVersion) return raw;
    } catch (error) {
      throw asOutOfDate(error, ['NotFound']);
    }
    throw new OutOfDate(`Scan ${keyOf(run)} has changed since it was observed`);
  }

  async write(scan: RawScan): Promise<void> {
    try {
      const written = readAdmittedRun(await this.#client.replace(SCANS, scan));
      if (written !== undefined) this.#stores.runs.setResponse(written);
    } catch (error) {
      throw asOutOfDate(error, ['Conflict', 'NotFound']);
    }
  }
}
