/** Takes a line about what is done, or waited for. */
export type Progress = (line: string) => void;

/** What came of a release; nothing is left where `left` is empty. */
export interface Released {
  /** How many ScheduledScans were let go of. */
  readonly scans: number;
  /** How many Secrets were deleted. */
  readonly secrets: number;
  /** A sentence about each thing that is, or may be, left, with what to do about it. */
  readonly left: readonly string[];
}
