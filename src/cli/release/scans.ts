import { setTimeout as sleep } from 'node:timers/promises';
import { runEach } from '../../concurrency/index.ts';
import { type KubeClient, KubeError } from '../../kube/index.ts';
import { keyOf, SCHEDULED_SCANS } from '../../object/index.ts';
import {
  editScheduledScan,
  isDone,
  type RawScheduledScan,
  readScheduledScan,
  type ScheduledScan,
  waitBeforeWrite,
} from '../../scan/index.ts';
import type { Places } from './places.ts';
import type { Progress } from './progress.ts';

const AT_ONCE = 8;
const LET_GO = { edit: 'Unbind' } as const;
/** Between two looks at what is left. */
const PAUSE_MS = 2_000;
/** After so long in which no scan could be let go, and none was waited for as it must be, no more is hoped for. */
const PATIENCE_MS = 90_000;

type Outcome =
  | { readonly outcome: 'LetGo' }
  /** It is gone, or free already. */
  | { readonly outcome: 'Nothing' }
  /** To be tried again: its run is due, somebody else wrote it, the API server is busy. */
  | { readonly outcome: 'Later'; readonly why: string }
  | { readonly outcome: 'Refused'; readonly why: string };

/**
 * Lets go of ScheduledScans until none is bound: the very edit of the controller, at the version that was read, and never
 * while a run is due. Each look begins with what the cluster says, so it may be cut off and begun again at any time.
 */
export class ScanRelease {
  readonly #client: KubeClient;
  readonly #places: Places;
  readonly #progress: Progress;
  readonly #letGo = new Set<string>();
  /** By key: why it is given up. */
  readonly #left = new Map<string, string>();
  /** By key: why it is to be tried again. Of those that the last look has tried. */
  readonly #waiting = new Map<string, string>();
  readonly #told = new Set<string>();

  constructor(client: KubeClient, places: Places, progress: Progress) {
    this.#client = client;
    this.#places = places;
    this.#progress = progress;
  }

  get count(): number {
    return this.#letGo.size;
  }

  /** Sentences about scans that are still bound. */
  get left(): readonly string[] {
    return [...this.#left].map(([key, why]) => `ScheduledScan ${key} is still bound: ${why}`);
  }

  /** @throws KubeError where ScheduledScans cannot be listed */
  async run(): Promise<void> {
    let since = performance.now();
    for (let bound = await this.#bound(); bound.length > 0; bound = await this.#bound()) {
      if (await this.#releaseAll(bound)) since = performance.now();
      if (performance.now() - since > PATIENCE_MS) return this.#giveUp();
      if (this.#waiting.size > 0) await sleep(PAUSE_MS);
    }
  }

  /** Tries each once; whether one was let go. */
  async #releaseAll(bound: readonly ScheduledScan[]): Promise<boolean> {
    this.#waiting.clear();
    const before = this.count;
    await runEach(bound, AT_ONCE, (scan) => this.#release(scan));
    return this.count > before;
  }

  /** Those that are to be let go; one that was, and is bound again, is given up: there is somebody who would go on so. */
  async #bound(): Promise<readonly ScheduledScan[]> {
    const bound = await this.#places.list(SCHEDULED_SCANS, {}, (object) => {
      // The CRD has checked the shape.
      const scan = readScheduledScan(object as typeof object & RawScheduledScan);
      return scan.bound === undefined ? undefined : scan;
    });
    for (const key of bound.map(keyOf).filter((each) => this.#letGo.has(each))) {
      this.#letGo.delete(key);
      this.#left.set(
        key,
        'it was let go, and bound again: a controller is running; stop it, and release again',
      );
    }
    return bound.filter((scan) => !this.#left.has(keyOf(scan)));
  }

  async #release(scan: ScheduledScan): Promise<void> {
    const key = keyOf(scan);
    const result = await this.#edit(scan).catch(outcomeOf);
    if (result.outcome === 'Later') {
      const line = `waiting for ScheduledScan ${key}: ${result.why}`;
      if (!this.#told.has(line)) this.#progress(line);
      this.#told.add(line);
      this.#waiting.set(key, result.why);
    }
    if (result.outcome === 'LetGo') {
      this.#letGo.add(key);
      this.#progress(`let go of ScheduledScan ${key}`);
    }
    if (result.outcome === 'Refused') this.#left.set(key, result.why);
  }

  async #edit(scan: ScheduledScan): Promise<Outcome> {
    const raw = await this.#client.get<RawScheduledScan>(SCHEDULED_SCANS, scan);
    if (waitBeforeWrite(readScheduledScan(raw).schedule, Date.now()) > 0) {
      const why = 'its run is due, and secureCodeBox gets stuck where it is written then; a minute at most';
      return { outcome: 'Later', why };
    }
    const edited = editScheduledScan(raw, LET_GO);
    if (edited.result !== 'Changed') return { outcome: 'Nothing' };
    const written = readScheduledScan(await this.#client.replace(SCHEDULED_SCANS, edited.scan));
    if (isDone(written, LET_GO)) return { outcome: 'LetGo' };
    const why = 'the API server stored something else than it was sent: a policy or webhook changes it';
    return { outcome: 'Refused', why };
  }

  #giveUp(): void {
    for (const [key, why] of this.#waiting) this.#left.set(key, `${why}; release it again`);
  }
}

/**
 * Reports only the reason of an answer, because the answer may quote the scan, whose parameters may contain a password.
 * Any error other than an answer of the API server concerns only this scan: the others are still unbound, and the
 * Secrets deleted.
 */
function outcomeOf(error: unknown): Outcome {
  if (!(error instanceof KubeError)) {
    const name = error instanceof Error ? error.name : 'error';
    const why = `it could not be unbound: unexpected ${name}; correct the scan, report the error, and release it again`;
    return { outcome: 'Refused', why };
  }
  if (error.reason === 'NotFound') return { outcome: 'Nothing' };
  if (error.reason === 'Conflict') return { outcome: 'Later', why: 'somebody else has just written it' };
  const isRefusal = error.status >= 400 && error.status < 500 && error.status !== 429;
  return isRefusal
    ? {
        outcome: 'Refused',
        why:
          `the API server refused the write: ${error.reason} (${error.status}); see which right is missing, or ` +
          'which policy or webhook sees to ScheduledScans, and release it again',
      }
    : { outcome: 'Later', why: `${error.reason}: it is tried again` };
}
