/** Receives a line about what the command has done, or what it waits for. */
export type ReportProgress = (line: string) => void;

/** The result of the command. If `left` is empty, no scan is bound and no Trivy Secret exists. */
export interface UnbindSummary {
  /** Number of held Scans that were resumed. */
  readonly held: number;
  /** Number of ScheduledScans that were unbound. */
  readonly scans: number;
  /** Number of Secrets that were deleted. */
  readonly secrets: number;
  /** A sentence about each object that remains or may remain, with what to do about it. */
  readonly left: readonly string[];
}

/** What the command would write. */
export interface UnbindPreview {
  /** Keys of the held Scans that would be resumed. */
  readonly held: readonly string[];
  /** Keys of the Scans that a user has created suspended, and whose annotation would be removed. */
  readonly marked: readonly string[];
  /** Keys of the ScheduledScans that would be unbound. */
  readonly scans: readonly string[];
  /** Keys of the Secrets that would be deleted. */
  readonly secrets: readonly string[];
  /** Sentences about namespaces and objects that could not be read. */
  readonly problems: readonly string[];
}
