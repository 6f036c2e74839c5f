import { RUN_ANNOTATION } from '../api/index.ts';
import {
  type KubeObject,
  LONGEST_NAME,
  SCANS,
  SCHEDULED_SCANS,
  type Stored,
  storedMeta,
} from '../object/index.ts';
import { VOLUME_NAME } from './delivery.ts';
import type { RawScan } from './raw-scan.ts';
import { type Hold, hasTimedOut, type NewScan, readNewScan } from './scan.ts';
import type { ScheduledScan } from './scheduled-scan.ts';

/** A Scan: one run of a ScheduledScan. */
export interface ScanRun {
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly state: 'Running' | 'Done' | 'Failed';
  /** The text of the {@link RunRequest} in its annotation. */
  readonly request: string | undefined;
}

/**
 * What the store keeps of a Scan. `scan` in this code means a ScheduledScan, so a Scan is called a run. The store keeps a Scan that
 * mounts a Trivy Secret, that a ScheduledScan has created, or that may still have to be bound.
 */
export interface Run extends Stored, ScanRun {
  readonly secretName: string | undefined;
  /** Whether the scanner has ended, so that its pod no longer needs a Secret. The Scan itself may continue. */
  readonly isScanned: boolean;
  /** Name of the ScheduledScan. */
  readonly scheduledScan: string | undefined;
  /** undefined: the admission webhook is off. */
  readonly admission?: RunAdmission;
}

/** What a controller with the admission webhook keeps of a Scan. */
interface RunAdmission {
  readonly hold: Hold;
  /**
   * What the controller reads of a Scan whose decision is open, so that it can plan without reading the whole Scan again. undefined:
   * the Scan is decided, or has inherited something. What it has inherited has no bound, so it is not stored.
   */
  readonly held: NewScan | undefined;
  /** Whether another client has changed the spec since the Scan was created. */
  readonly isEdited: boolean;
  /** Whether the CRD has the field `spec.suspend`, so that a Scan can be held. */
  readonly canHold: boolean;
  /**
   * The Scan, read like a ScheduledScan, if it may run without what a binding delivers; undefined: it is bound, it is done, or its
   * decision is open. The annotation of a binding does not prove that a Scan of a cascade is bound. The Scan may have inherited the
   * annotation, and even the entries, from a Scan of another image.
   */
  readonly unbound: ScheduledScan | undefined;
  /** Whether it has the annotation of a binding. */
  readonly isMarked: boolean;
  /** Whether its hold ended without a decision. */
  readonly hasTimedOut: boolean;
}

/** How a Scan uses the Secret that it mounts. */
export interface SecretUser extends Pick<Run, 'secretName' | 'isScanned'> {
  readonly hold: Hold;
}

/** The part of a Scan that {@link readRun} reads. The CRD of secureCodeBox guarantees this structure. */
interface RawRun extends KubeObject {
  readonly spec?: { readonly volumes?: readonly { name: string; secret?: { secretName?: string } }[] };
  readonly status?: { readonly state?: string };
}

/**
 * Reads a Scan; undefined: no ScheduledScan created it, and it mounts no Trivy Secret. A text that is too long to be a
 * name counts as absent, so that the memory for a Scan is bounded.
 */
export function readRun(object: RawRun): Run | undefined {
  const run = runOf(object);
  return run.secretName === undefined && run.scheduledScan === undefined ? undefined : run;
}

/** Like {@link readRun}, for a controller that binds Scans when they are created. */
export function readAdmittedRun(object: RawScan): Run | undefined {
  const run = runOf(object);
  const newScan = readNewScan(object);
  const { scan, binding, hold, suspension } = newScan;
  const isMarked = binding !== undefined;
  const mayBeUnbound = !isMarked || isCascaded(object);
  const isUnbound = mayBeUnbound && hold === 'None' && scan.image !== undefined && run.state !== 'Done';
  const isKept = run.secretName !== undefined || run.scheduledScan !== undefined;
  if (!isKept && !isUnbound && hold === 'None') return undefined;
  const isEdited = (object.metadata.generation ?? 1) > 1;
  const canHold = suspension !== 'Unsupported';
  const unbound = isUnbound ? scan : undefined;
  const held = hold !== 'None' && hasInheritedNothing(newScan) ? newScan : undefined;
  const admission = { hold, held, isEdited, canHold, unbound, isMarked, hasTimedOut: hasTimedOut(object) };
  return { ...run, admission };
}

function hasInheritedNothing({ binding, delivery, scheduledScan }: NewScan): boolean {
  return binding === undefined && delivery === undefined && bounded(scheduledScan) === scheduledScan;
}

/** Reads any Scan, also one that {@link readRun} or {@link readAdmittedRun} ignores. */
export function readSecretUser(object: RawScan): SecretUser {
  const { secretName, isScanned } = runOf(object);
  return { secretName, isScanned, hold: readNewScan(object).hold };
}

/** Whether another Scan has created it, so that it has inherited the annotations of that one. */
function isCascaded({ metadata: { ownerReferences = [] } }: RawRun): boolean {
  return ownerReferences.some(({ kind }) => kind === SCANS.kind);
}

function runOf(object: RawRun): Run {
  const { metadata, spec, status } = object;
  const secretName = bounded(spec?.volumes?.find(({ name }) => name === VOLUME_NAME)?.secret?.secretName);
  const owner = metadata.ownerReferences?.find(({ kind }) => kind === SCHEDULED_SCANS.kind);
  return {
    ...storedMeta(object),
    secretName,
    scheduledScan: bounded(owner?.name),
    createdAt: Date.parse(metadata.creationTimestamp ?? '') || 0,
    state: RUN_STATES[status?.state ?? ''] ?? 'Running',
    isScanned: SCANNED.has(status?.state ?? ''),
    request: bounded(metadata.annotations?.[RUN_ANNOTATION]),
  };
}

/** undefined: there is no text, or it is longer than a name of an object. A run request is shorter than that. */
function bounded(text: string | undefined): string | undefined {
  return text === undefined || text.length > LONGEST_NAME ? undefined : text;
}

/** The states in which a Scan has ended. */
const RUN_STATES: Readonly<Record<string, ScanRun['state']>> = { Done: 'Done', Errored: 'Failed' };

/**
 * The states from the end of the scanner on. Any other state may be one before it:
 * https://github.com/secureCodeBox/secureCodeBox/blob/v5.8.0/operator/apis/execution/v1/scan_types.go
 */
const SCANNED: ReadonlySet<string> = new Set([
  ...['ScanCompleted', 'Parsing', 'ParseCompleted', 'HookProcessing', 'HookCompleted'],
  ...['ReadAndWriteHookProcessing', 'ReadAndWriteHookCompleted'],
  ...['ReadOnlyHookProcessing', 'ReadOnlyHookCompleted', 'Done', 'Errored'],
]);

/** The Scan that was created last; undefined: there are no Scans. */
export function newestRun<Item extends Pick<ScanRun, 'createdAt'>>(runs: readonly Item[]): Item | undefined {
  return runs.reduce<Item | undefined>(
    (newest, run) => (newest === undefined || run.createdAt > newest.createdAt ? run : newest),
    undefined,
  );
}
