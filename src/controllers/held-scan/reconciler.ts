import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { asOutOfDate, hasReason, type KubeClient, type Outcome, OutOfDate } from '../../kube/index.ts';
import { keyOf, SCANS } from '../../object/index.ts';
import { type RawScan, type Run, readAdmittedRun, type ScanDecision } from '../../scan/index.ts';
import { isHeld, type Stores } from '../../state/index.ts';
import { decideHeldScan, type HeldScanDecision, type HoldResult } from './decide.ts';

/** A decision, and after how many milliseconds an answer may have changed it; undefined: an answer enqueues the Scan. */
interface HeldScanOutcome {
  readonly decision: ScanDecision;
  readonly requeueAfterMs: number | undefined;
}

export interface HeldScanReconcilerOptions {
  readonly client: KubeClient;
  readonly stores: Stores;
  /** Decides with the answers of registries, and requests those that are missing. */
  readonly decide: (
    raw: RawScan,
    requester: { readonly now: number; readonly log: Logger; readonly requeue: () => void },
  ) => HeldScanOutcome;
  /** For metrics. */
  readonly onEnded: (result: HoldResult) => void;
}

type End = Extract<HeldScanDecision, { act: 'End' }>;

/** Decides on held Scans, and ends each hold with one write. The key is that of the Scan. */
export class HeldScanReconciler {
  readonly #options: HeldScanReconcilerOptions;

  constructor(options: HeldScanReconcilerOptions) {
    this.#options = options;
  }

  /**
   * @param log - names this reconcile in its lines
   * @param requeue - adds the key to the queue again, when an answer arrives
   * @throws OutOfDate, KubeError: to be retried
   */
  readonly reconcile = async (key: string, log: Logger, requeue: () => void): Promise<Outcome> => {
    const run = this.#options.stores.runs.get(key);
    if (run === undefined || !isHeld(run)) return {};
    const raw = await this.#read(run);
    const now = Date.now();
    const { decision, requeueAfterMs } = this.#options.decide(raw, { now, log, requeue });
    const decided = decideHeldScan(raw, run, decision, now);
    if (decided.act === 'Wait') return { requeueAfterMs: shorter(decided.milliseconds, requeueAfterMs) };
    await this.#end(decided, log);
    const binding = 'binding' in decision ? decision.binding : undefined;
    log.info({ result: decided.result, binding }, 'held scan resumed');
    this.#options.onEnded(decided.result);
    return {};
  };

  /** @throws OutOfDate if the Scan has changed since it was observed */
  async #read(run: Run): Promise<RawScan> {
    const { resourceVersion } = run;
    try {
      const raw = await this.#options.client.get<RawScan>(SCANS, run, { resourceVersion });
      if (raw.metadata.resourceVersion === resourceVersion) return raw;
    } catch (error) {
      throw asOutOfDate(error, ['NotFound']);
    }
    throw new OutOfDate(`Scan ${keyOf(run)} has changed since it was observed`);
  }

  /** If a policy refuses the edits, the Scan is resumed as it is. */
  async #end({ scan, instead }: End, log: Logger): Promise<void> {
    try {
      await this.#write(scan);
    } catch (error) {
      const isRefused = hasReason(error, 'Forbidden', 'Invalid', 'BadRequest');
      if (!isRefused || isDeepStrictEqual(scan, instead)) throw error;
      log.warn(
        { reason: error.reason },
        'the API server refused the edits of a held scan: resuming it as it is',
      );
      await this.#write(instead);
    }
  }

  async #write(scan: RawScan): Promise<void> {
    const { client, stores } = this.#options;
    try {
      const written = readAdmittedRun(await client.replace(SCANS, scan));
      if (written !== undefined) stores.runs.setAnswer(written);
    } catch (error) {
      throw asOutOfDate(error, ['Conflict', 'NotFound']);
    }
  }
}

function shorter(a: number | undefined, b: number | undefined): number | undefined {
  const known = [a, b].filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
