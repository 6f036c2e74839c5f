import type { FileProblem, Manifest } from '../inventory/index.ts';

/** `error`: the API server would refuse the object, or the controller could not use it. Only errors cause exit code 1. */
export type Severity = 'error' | 'warning' | 'info';

/** What is wrong with an object or a file, as printed in JSON. */
export interface Finding {
  /** Name of the file or folder, or `standard input`. */
  readonly file: string;
  /** Number of the document in the file, from 1; null: the finding is about the whole file. */
  readonly document: number | null;
  /** The line on which the document begins, or on which the problem is, from 1; null: not known. */
  readonly line: number | null;
  /** null: not known. */
  readonly kind: string | null;
  /** null: the files do not say. */
  readonly namespace: string | null;
  readonly name: string | null;
  readonly severity: Severity;
  readonly message: string;
}

/** A finding about an object of one namespace. */
export function findingOn(
  { position: { file, document, line }, kind, metadata: { name } }: Manifest,
  namespace: string | undefined,
  severity: Severity,
  message: string,
): Finding {
  return {
    file,
    document,
    line: line ?? null,
    kind,
    namespace: namespace ?? null,
    name: name === '' ? null : name,
    severity,
    message,
  };
}

/** A finding about a file, or about a part of it that is no object. */
export function findingIn(problem: FileProblem): Finding {
  const { file, document = null, line = null, detail, kind = null, name = null, message } = problem;
  return {
    file,
    document,
    line,
    kind,
    namespace: null,
    name,
    severity: problem.severity === 'Error' ? 'error' : 'info',
    message: detail === '' ? message : `${detail}: ${message}`,
  };
}
