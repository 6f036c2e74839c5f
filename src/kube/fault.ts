/** The description of an unexpected error in the log. */
interface Fault {
  readonly name: string;
  /** The lines of the stack trace that name code. */
  readonly frames: readonly string[];
}

/** Describes an unexpected error without its message, which may quote the object that caused it. */
export function describeFault(error: unknown): Fault {
  if (!(error instanceof Error)) return { name: typeof error, frames: [] };
  const frames = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '));
  return { name: error.name, frames: frames.map((line) => line.trim()) };
}
