import type { Caches, LeaderElection } from '../kube/index.ts';
import { type Health, namesOfWatches, statesOf } from '../telemetry/index.ts';
import { Heartbeat, type Loop, stuck } from './liveness.ts';

/** The stages in the life of the process. */
export type Stage = 'starting' | 'following' | 'leading' | 'stopping';

/** `problem`: why the admission webhook cannot be served; undefined: it can. */
interface AdmissionHealth {
  readonly problem: string | undefined;
}

/** The answers to the process's probes. */
export class Probes {
  readonly #caches: Caches;
  readonly #election: LeaderElection;
  readonly #stage: () => Stage;
  readonly #admission: AdmissionHealth | undefined;
  readonly #heartbeat = new Heartbeat();

  constructor(options: {
    readonly caches: Caches;
    readonly election: LeaderElection;
    readonly stage: () => Stage;
    readonly admission: AdmissionHealth | undefined;
  }) {
    this.#caches = options.caches;
    this.#election = options.election;
    this.#stage = options.stage;
    this.#admission = options.admission;
  }

  /** Fails if a loop has made no progress for five minutes, because only a restart fixes that. */
  readonly healthz = (): Health => {
    const problem = stuck(this.#loops);
    return problem === undefined ? { ok: true, text: 'ok' } : { ok: false, text: problem };
  };

  /** Fails until the caches are synced, the Lease has been read, and the admission webhook can be served. The text says what each watch is doing. */
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
    if (problem !== undefined) return `cannot take part in the leader election: ${problem}`;
    const unserved = this.#admission?.problem;
    return unserved === undefined ? undefined : `the admission webhook cannot be served: ${unserved}`;
  }
}
