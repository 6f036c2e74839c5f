/** Receives a line about what the command has done, or waits for. */
export type ReportProgress = (line: string) => void;

/** The result of a release. If `left` is empty, nothing of ours is left. */
export interface ReleaseResult {
  /** Number of ScheduledScans that were unbound. */
  readonly scans: number;
  /** Number of Secrets that were deleted. */
  readonly secrets: number;
  /** A sentence about each object that is or may be left, with what to do about it. */
  readonly left: readonly string[];
}
