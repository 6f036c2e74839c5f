import type { ValidBinding } from '../../binding/index.ts';
import { formatReference } from '../../image/index.ts';
import type { EnvVar } from '../../object/index.ts';
import { bindingsForImage, fittingBindings, type RivalLookup } from '../../policy/index.ts';
import type { ScheduledScan } from '../../scan/index.ts';
import { isSupported, notesOn, problemOf, SCAN_TYPES } from '../explain/index.ts';
import type { Note } from './missing-secrets.ts';

/** What is known about the bindings when the scans of their namespace are validated. */
export interface ScanContext {
  readonly rivals: RivalLookup;
  /** The bindings that only observe. */
  readonly observers: RivalLookup;
  /** The variables that a scan gets when it is bound to a binding. */
  readonly envOf: (binding: ValidBinding) => readonly EnvVar[];
}

/** What to report about a ScheduledScan. Scans of other images and types are normal. */
export function scanNotes(scan: ScheduledScan, { rivals, observers, envOf }: ScanContext): readonly Note[] {
  const binding = fittingBindings(scan, rivals, SCAN_TYPES).next().value ?? undefined;
  const problem = problemOf(scan, binding?.name, { rivals, observers });
  if (problem !== undefined) return problemNotes(scan, problem, rivals);
  if (binding !== undefined)
    return notesOn(scan, envOf(binding)).map((message) => ({ severity: 'warning', message }));
  if (scan.image === undefined || scan.bound !== undefined) return [];
  return [
    { severity: 'info', message: `no binding in the files matches its image ${formatReference(scan.image)}` },
  ];
}

/** A scan that no binding can bind is a problem only if a binding is about its image. */
function problemNotes(scan: ScheduledScan, problem: string, rivals: RivalLookup): readonly Note[] {
  const { image, mentions, unreadable, imageProblem } = scan;
  const images = [...(image === undefined ? [] : [image]), ...mentions];
  const isAboutBinding = images.some((one) => bindingsForImage(one, rivals).next().done !== true);
  const isUnreadable = unreadable !== undefined || imageProblem !== undefined;
  if (!isAboutBinding && !isSupported(scan)) return [];
  const message = problem.startsWith('has ') ? `it ${problem}` : problem;
  return [{ severity: isAboutBinding && isUnreadable ? 'warning' : 'info', message }];
}
