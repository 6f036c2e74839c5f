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
import type { UnbindNamespaces } from './namespaces.ts';
import type { ReportProgress } from './progress.ts';

const AT_ONCE = 8;
const UNBIND = { edit: 'Unbind' } as const;
/** Time between two lists of the ScheduledScans that are still bound. */
const PAUSE_MS = 2_000;
/** Gives up if no scan could be unbound for this long. */
const PATIENCE_MS = 90_000;

type UnbindResult =
  | { readonly result: 'Unbound' }
  /** The scan no longer exists, or is not bound. */
  | { readonly result: 'Nothing' }
  /** The edit is retried: a run of the scan is due, the scan has changed, or the API server is busy. */
  | { readonly result: 'Later'; readonly why: string }
  | { readonly result: 'Refused'; readonly why: string };

/**
 * The ScheduledScans that are bound.
 *
 * @throws KubeError
 */
export async function boundScans(namespaces: UnbindNamespaces): Promise<readonly ScheduledScan[]> {
  return namespaces.list(SCHEDULED_SCANS, {}, (object) => {
    // The CRD has checked the shape.
    const scan = readScheduledScan(object as typeof object & RawScheduledScan);
    return scan.bound === undefined ? undefined : scan;
  });
}

/**
 * Unbinds ScheduledScans. It makes the same edit as the controller, at the version that was read, and never while a run is
 * due. Each round lists the scans again, so the work can be interrupted and repeated at any time.
 */
export class ScanUnbinder {
  readonly #client: KubeClient;
  readonly #namespaces: UnbindNamespaces;
  readonly #progress: ReportProgress;
  readonly #unbound = new Set<string>();
  /** By key of a scan that is not tried again: the reason. */
  readonly #left = new Map<string, string>();
  /** By key, for the scans of the last round: why the edit is retried. */
  readonly #waiting = new Map<string, string>();
  /** Progress lines that were already printed. */
  readonly #printed = new Set<string>();

  constructor(client: KubeClient, namespaces: UnbindNamespaces, progress: ReportProgress) {
    this.#client = client;
    this.#namespaces = namespaces;
    this.#progress = progress;
  }

  get count(): number {
    return this.#unbound.size;
  }

  /** Sentences about scans that are still bound. */
  get left(): readonly string[] {
    return [...this.#left].map(([key, why]) => `ScheduledScan ${key} is still bound: ${why}`);
  }

  /**
   * Unbinds the scans that are bound now. A user who creates further ones must not delay the command.
   *
   * @throws KubeError if ScheduledScans cannot be listed
   */
  async run(): Promise<void> {
    let bound = await this.#bound();
    const keys = new Set(bound.map(keyOf));
    let since = performance.now();
    while (bound.length > 0) {
      if (await this.#unbindAll(bound)) since = performance.now();
      if (performance.now() - since > PATIENCE_MS) return this.#giveUp();
      if (this.#waiting.size > 0) await sleep(PAUSE_MS);
      bound = (await this.#bound()).filter((scan) => keys.has(keyOf(scan)));
    }
  }

  /** Tries each scan once. Returns whether any scan was unbound. */
  async #unbindAll(bound: readonly ScheduledScan[]): Promise<boolean> {
    this.#waiting.clear();
    const before = this.count;
    await runEach(bound, AT_ONCE, (scan) => this.#unbind(scan));
    return this.count > before;
  }

  /** The scans to unbind. Unbinds no scan twice, because a controller that still runs would bind it again and again. */
  async #bound(): Promise<readonly ScheduledScan[]> {
    const bound = await boundScans(this.#namespaces);
    for (const key of bound.map(keyOf).filter((each) => this.#unbound.has(each))) {
      this.#unbound.delete(key);
      this.#left.set(
        key,
        'it was unbound, and then bound again: a controller is running; stop the controller, and run unbind again',
      );
    }
    return bound.filter((scan) => !this.#left.has(keyOf(scan)));
  }

  async #unbind(scan: ScheduledScan): Promise<void> {
    const key = keyOf(scan);
    const edit = await this.#edit(scan).catch(unbindResultOf);
    if (edit.result === 'Later') {
      const line = `waiting for ScheduledScan ${key}: ${edit.why}`;
      if (!this.#printed.has(line)) this.#progress(line);
      this.#printed.add(line);
      this.#waiting.set(key, edit.why);
    }
    if (edit.result === 'Unbound') {
      this.#unbound.add(key);
      this.#progress(`unbound ScheduledScan ${key}`);
    }
    if (edit.result === 'Refused') this.#left.set(key, edit.why);
  }

  async #edit(scan: ScheduledScan): Promise<UnbindResult> {
    const raw = await this.#client.get<RawScheduledScan>(SCHEDULED_SCANS, scan);
    if (waitBeforeWrite(readScheduledScan(raw).schedule, Date.now()) > 0) {
      const why =
        'its run is due, and secureCodeBox can get stuck if the scan is updated while the run starts (at most one minute)';
      return { result: 'Later', why };
    }
    const edited = editScheduledScan(raw, UNBIND);
    if (edited.result !== 'Changed') return { result: 'Nothing' };
    const written = readScheduledScan(await this.#client.replace(SCHEDULED_SCANS, edited.scan));
    if (isDone(written, UNBIND)) return { result: 'Unbound' };
    const why =
      'the API server did not store the update as sent; correct the policy or webhook that changes ScheduledScans, ' +
      'and run unbind again';
    return { result: 'Refused', why };
  }

  #giveUp(): void {
    for (const [key, why] of this.#waiting) this.#left.set(key, `${why}; run unbind again`);
  }
}

/**
 * Reports only the reason of an API error, because its message may quote the scan, whose parameters may contain a password.
 * Any other error concerns only this scan: the command still unbinds the other scans, and deletes the Secrets.
 */
function unbindResultOf(error: unknown): UnbindResult {
  if (!(error instanceof KubeError)) {
    const name = error instanceof Error ? error.name : 'error';
    const why = `it could not be unbound: unexpected ${name}; correct the scan, report the error, and run unbind again`;
    return { result: 'Refused', why };
  }
  if (error.reason === 'NotFound') return { result: 'Nothing' };
  if (error.reason === 'Conflict') return { result: 'Later', why: 'another client has just updated it' };
  const isRefusal = error.status >= 400 && error.status < 500 && error.status !== 429;
  return isRefusal
    ? {
        result: 'Refused',
        why:
          `the API server refused the update: ${error.reason} (${error.status}); check your permissions, and the ` +
          'policies and webhooks for ScheduledScans, and run unbind again',
      }
    : { result: 'Later', why: `the API server answered ${error.reason}` };
}
