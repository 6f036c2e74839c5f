import { setTimeout as sleep } from 'node:timers/promises';
import { HELD_ANNOTATION } from '../../api/index.ts';
import { runEach } from '../../concurrency/index.ts';
import { type KubeClient, KubeError } from '../../kube/index.ts';
import { keyOf, SCANS } from '../../object/index.ts';
import {
  endHold,
  isHeldHere,
  type RawScan,
  type Run,
  readAdmittedRun,
  readNewScan,
} from '../../scan/index.ts';
import type { UnbindNamespaces } from './namespaces.ts';
import type { ReportProgress } from './progress.ts';

const AT_ONCE = 8;
const PAUSE_MS = 1_000;
/** How often a Scan is tried, because other clients write it, too. */
const MOST_TRIES = 10;

/** Whether `unbind` resumes the Scan. Otherwise, a user has created it suspended, and `unbind` only removes its annotation. */
export function isResumed({ admission }: Run): boolean {
  return isHeldHere(admission?.hold ?? 'None');
}

/**
 * The Scans that the controller holds, or has marked because a user created them suspended.
 *
 * @throws KubeError
 */
export async function heldScans(namespaces: UnbindNamespaces): Promise<readonly Run[]> {
  // The CRD has checked the shape.
  return namespaces.list(SCANS, {}, (object) => {
    const run = readAdmittedRun(object as typeof object & RawScan);
    return run?.admission === undefined || run.admission.hold === 'None' ? undefined : run;
  });
}

/** Resumes the Scans that the controller holds, as they are, because no controller will decide on them. */
export class HeldScanResumer {
  readonly #client: KubeClient;
  readonly #namespaces: UnbindNamespaces;
  readonly #progress: ReportProgress;
  readonly #done = new Set<string>();
  #count = 0;
  /** By key of a Scan that is not tried again: the sentence about it. */
  readonly #left = new Map<string, string>();

  constructor(client: KubeClient, namespaces: UnbindNamespaces, progress: ReportProgress) {
    this.#client = client;
    this.#namespaces = namespaces;
    this.#progress = progress;
  }

  /** Number of Scans that were resumed. */
  get count(): number {
    return this.#count;
  }

  /** Sentences about Scans that are still held or marked. */
  get left(): readonly string[] {
    return [...this.#left.values()];
  }

  /**
   * Resumes the Scans that are held now, each once. A user who creates further ones, or suspends one again, must not delay the
   * command.
   *
   * @throws KubeError if Scans cannot be listed
   */
  async run(): Promise<void> {
    let held = await heldScans(this.#namespaces);
    const keys = new Set(held.map(keyOf));
    for (let tries = 1; held.length > 0; tries += 1) {
      await runEach(held, AT_ONCE, (run) => this.#end(run));
      const isOpen = (key: string) => keys.has(key) && !this.#done.has(key) && !this.#left.has(key);
      held = (await heldScans(this.#namespaces)).filter((scan) => isOpen(keyOf(scan)));
      if (tries === MOST_TRIES) return this.#giveUp(held);
      if (held.length > 0) await sleep(PAUSE_MS);
    }
  }

  async #end(run: Run): Promise<void> {
    const key = keyOf(run);
    try {
      const isWritten = await this.#write(run);
      this.#done.add(key);
      this.#left.delete(key);
      if (!isWritten || !isResumed(run)) return;
      this.#count += 1;
      this.#progress(`resumed Scan ${key}`);
    } catch (error) {
      // The message of the API server may quote the Scan.
      if (!(error instanceof KubeError))
        this.#leave(run, `unexpected ${error instanceof Error ? error.name : 'error'}`);
      else if (isRefusal(error))
        this.#leave(run, `the API server refused the update: ${error.reason} (${error.status})`);
    }
  }

  /** Returns false if another client has ended the hold since the Scan was listed. */
  async #write(run: Run): Promise<boolean> {
    const raw = await this.#client.get<RawScan>(SCANS, run);
    if (readNewScan(raw).hold === 'None') return false;
    await this.#client.replace(SCANS, endHold(raw));
    return true;
  }

  #giveUp(held: readonly Run[]): void {
    for (const run of held) this.#leave(run, 'it could not be updated');
  }

  #leave(run: Run, why: string): void {
    const key = keyOf(run);
    const sentence = isResumed(run)
      ? `Scan ${key} is still suspended: ${why}; set its spec.suspend to false with kubectl`
      : `Scan ${key} still has the annotation ${HELD_ANNOTATION}: ${why}; remove the annotation with kubectl`;
    this.#left.set(key, sentence);
  }
}

/** Any other error may not occur again. */
function isRefusal({ status, reason }: KubeError): boolean {
  return status >= 400 && status < 500 && status !== 429 && reason !== 'NotFound' && reason !== 'Conflict';
}
