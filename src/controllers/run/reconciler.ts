import type { Logger } from 'pino';
import { asOutOfDate, type KubeClient, type Outcome } from '../../kube/index.ts';
import { keyOf, SCHEDULED_SCANS } from '../../object/index.ts';
import { type RunCause, readScheduledScan, type ScheduledScan } from '../../scan/index.ts';
import type { Stores } from '../../state/index.ts';
import { timestamp } from '../../text/index.ts';
import { decideRun, type RunDecision } from './decide.ts';
import { RunRateLimiter } from './run-rate-limiter.ts';

type Start = Extract<RunDecision, { run: 'Start' }>;

const NONE: RunDecision = { run: 'None' };

export interface RunReconcilerOptions {
  readonly client: KubeClient;
  readonly stores: Stores;
  /** Limit on started runs per minute, shared by the namespaces that have runs to start; 0: no run is started. */
  readonly runsPerMinute: number;
  /** How long a requested run waits for a Scan that has not ended, in milliseconds. */
  readonly runWaitMs: number;
  readonly onStarted: (cause: RunCause) => void;
}

/**
 * Starts the requested runs of bound ScheduledScans, and unblocks ScheduledScans that secureCodeBox's operator is stuck with.
 * Either action takes one write of the ScheduledScan's status and no other request. The key is that of the ScheduledScan.
 */
export class RunReconciler {
  readonly #options: RunReconcilerOptions;
  readonly #rateLimiter: RunRateLimiter | undefined;

  constructor(options: RunReconcilerOptions) {
    this.#options = options;
    this.#rateLimiter = options.runsPerMinute === 0 ? undefined : new RunRateLimiter(options.runsPerMinute);
  }

  /**
   * @param log - names this reconcile in its lines
   * @throws OutOfDate, KubeError: to be retried
   */
  readonly reconcile = async (key: string, log: Logger): Promise<Outcome> => {
    const { stores, runWaitMs } = this.#options;
    const scan = stores.scheduledScans.get(key);
    const runs = stores.runs.byIndex('scheduledScan', key);
    const decision = scan?.bound === undefined ? NONE : decideRun(scan, runs, { now: Date.now(), runWaitMs });
    if (decision.run !== 'Start') this.#rateLimiter?.done(key);
    if (scan === undefined) return {};
    switch (decision.run) {
      case 'None':
        return {};
      case 'Wait':
        return { requeueAfterMs: decision.milliseconds };
      case 'Start':
        return this.#start(scan, decision, log.child({ cause: decision.cause }));
      case 'Free':
        await this.#write(scan, decision.lastScheduleTime);
        log.warn('scheduled scan unblocked: the operator had not recorded that its run started');
        // If another client undoes this repeatedly, the queue delays the next write.
        return { repeated: true };
    }
  };

  async #start(scan: ScheduledScan, { cause, lastScheduleTime }: Start, log: Logger): Promise<Outcome> {
    if (this.#rateLimiter === undefined) return {};
    const key = keyOf(scan);
    const wait = this.#rateLimiter.wait(key, Date.now());
    if (wait > 0) return { requeueAfterMs: wait };
    await this.#write(scan, lastScheduleTime);
    this.#rateLimiter.done(key);
    this.#options.onStarted(cause);
    log.info('run started');
    return {};
  }

  /** Writes at the version that was decided on, because a client that has written a later one may have started a run. */
  async #write(scan: ScheduledScan, lastScheduleTime: number): Promise<void> {
    const { client, stores } = this.#options;
    const { resourceVersion } = scan;
    const status = { lastScheduleTime: timestamp(lastScheduleTime) };
    try {
      const patch = { metadata: { resourceVersion }, status };
      const response = await client.patchStatus<Parameters<typeof readScheduledScan>[0]>(
        SCHEDULED_SCANS,
        scan,
        patch,
      );
      stores.scheduledScans.setResponse(readScheduledScan(response));
    } catch (error) {
      const message = `ScheduledScan ${keyOf(scan)} has changed since it was observed`;
      throw asOutOfDate(error, ['Conflict', 'NotFound'], message);
    }
  }
}
