import type { Caches, LeaderElection } from '../kube/index.ts';
import { type Health, namesOfWatches, statesOf } from '../telemetry/index.ts';
import { Heartbeat, type Loop, stuck } from './liveness.ts';

/** The stages in the life of the process. */
export type Stage = 'starting' | 'following' | 'leading' | 'stopping';

/** The answers to the process's probes. */
export class Probes {
  readonly #caches: Caches;
  readonly #election: LeaderElection;
  readonly #stage: () => Stage;
  readonly #heartbeat = new Heartbeat();

  constructor(options: { caches: Caches; election: LeaderElection; stage: () => Stage }) {
    this.#caches = options.caches;
    this.#election = options.election;
    this.#stage = options.stage;
  }

  /** Fails if a loop has made no progress for five minutes, because only a restart fixes that. */
  readonly healthz = (): Health => {
    const problem = stuck(this.#loops);
    return problem === undefined ? { ok: true, text: 'ok' } : { ok: false, text: problem };
  };

  /** Fails until the caches are synced and the Lease has been read. The text says what each watch is doing. */
  readonly readyz = (): Health => {
    const problem = this.#problem();
    const { reflectors, skipped } = this.#caches;
    const lines = [
      problem ?? `ok, ${this.#election.role}`,
      ...skipped.map((namespace) => `${namespace} is skipped: no permission to list and watch in it`),
      ...statesOf(reflectors),
    ];
    return { ok: problem === undefined, text: lines.join('\n') };
  };

  stop(): void {
    this.#heartbeat.stop();
  }

  get #loops(): readonly Loop[] {
    const { reflectors } = this.#caches;
    return [this.#heartbeat, ...reflectors, ...(this.#stage() === 'starting' ? [] : [this.#election])];
  }

  #problem(): string | undefined {
    if (this.#stage() === 'stopping') return 'stopping';
    const { missing } = this.#caches;
    if (missing.length > 0) return `waiting for the list of ${namesOfWatches(missing).join('; ')}`;
    const { problem } = this.#election;
    return problem === undefined ? undefined : `cannot take part in the leader election: ${problem}`;
  }
}
