import { REVERSION_WINDOW_MS } from '../../policy/index.ts';
import { isDone, type ScanEdit, type ScheduledScan } from '../../scan/index.ts';

interface WrittenScan {
  /** The last edit that was written. */
  readonly edit: ScanEdit;
  /** Milliseconds since the epoch. */
  readonly writtenAt: number;
  /** When another client was seen to have reverted an edit, in milliseconds since the epoch. */
  readonly reversions: readonly number[];
}

/** The scans that this process has written lately, so that it notices when another client reverts its writes. */
export class WrittenScans {
  /** By UID of the scan, in the order of their last writes. */
  readonly #written = new Map<string, WrittenScan>();

  /**
   * Records a write.
   *
   * @param before - the scan before the write
   * @returns how often a write of the scan was reverted within the last ten minutes
   */
  note(before: ScheduledScan, edit: ScanEdit, now: number): number {
    this.#forget(now);
    const previous = this.#written.get(before.uid);
    const isReverted = previous !== undefined && !isDone(before, previous.edit);
    const recent = (previous?.reversions ?? []).filter((time) => time > now - REVERSION_WINDOW_MS);
    const reversions = isReverted ? [...recent, now] : recent;
    this.#written.delete(before.uid);
    this.#written.set(before.uid, { edit, writtenAt: now, reversions });
    return reversions.length;
  }

  /** Forgets the scans whose last write is too old to matter. */
  #forget(now: number): void {
    for (const [uid, { writtenAt }] of this.#written) {
      if (writtenAt > now - REVERSION_WINDOW_MS) return;
      this.#written.delete(uid);
    }
  }
}
