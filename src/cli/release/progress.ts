/** Receives a line about what the command has done, or what it waits for. */
export type ReportProgress = (line: string) => void;

/** The result of a release. If `left` is empty, no scan is bound and no Trivy Secret exists. */
export interface ReleaseResult {
  /** Number of ScheduledScans that were unbound. */
  readonly scans: number;
  /** Number of Secrets that were deleted. */
  readonly secrets: number;
  /** A sentence about each object that remains or may remain, with what to do about it. */
  readonly left: readonly string[];
}
