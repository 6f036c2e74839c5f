import { RUN_ANNOTATION } from '../api/index.ts';
import { type KubeObject, SCANS, SCHEDULED_SCANS, type Stored, storedMeta } from '../object/index.ts';
import { VOLUME_NAME } from './delivery.ts';
import type { RawScan as WholeScan } from './raw-scan.ts';
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

/** A Scan that mounts a Trivy Secret, or that a ScheduledScan has created, or that may still have to be bound. */
export interface Run extends Stored, ScanRun {
  readonly secretName: string | undefined;
  /** Whether the scanner has ended, so that its pod no longer needs a Secret. The Scan itself may continue. */
  readonly isScanned: boolean;
  /** Name of the ScheduledScan. */
  readonly scheduledScan: string | undefined;
  /** undefined: Scans are not bound when they are created. */
  readonly admission?: RunAdmission;
}

/** How a Scan was bound when it was created. */
interface RunAdmission {
  readonly hold: Hold;
  /**
   * What to plan for a held Scan with, instead of the whole Scan; undefined: it is not held, or it has inherited something. A user
   * decides how much a Scan inherits, so that is not stored.
   */
  readonly held: NewScan | undefined;
  /** Whether another client has changed the spec since the Scan was created. */
  readonly isEdited: boolean;
  /** Whether the CRD knows `spec.suspend`, so that a Scan can be held. */
  readonly canHold: boolean;
  /**
   * The Scan, read like a ScheduledScan; undefined: it is bound, it is done, or its decision is open. Also set for a Scan of a cascade
   * that has the annotation of a binding, because it may have inherited the annotation, and even the entries, from a Scan of another image.
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

/** A Scan. The CRD of secureCodeBox guarantees this structure. */
interface RawScan extends KubeObject {
  readonly spec?: { readonly volumes?: readonly { name: string; secret?: { secretName?: string } }[] };
  readonly status?: { readonly state?: string };
}

/**
 * Reads a Scan; undefined: no ScheduledScan created it, and it mounts no Trivy Secret. A text that is too long to be a
 * name counts as absent, so that the memory for a Scan is bounded.
 */
export function readRun(object: RawScan): Run | undefined {
  const run = runOf(object);
  return run.secretName === undefined && run.scheduledScan === undefined ? undefined : run;
}

/** Like {@link readRun}, for a controller that binds Scans when they are created. */
export function readAdmittedRun(object: WholeScan): Run | undefined {
  const run = runOf(object);
  const one = readNewScan(object);
  const { scan, binding, hold, suspension } = one;
  const isMarked = binding !== undefined;
  const mayBeUnbound = !isMarked || isCascaded(object);
  const isUnbound = mayBeUnbound && hold === 'None' && scan.image !== undefined && run.state !== 'Done';
  const isKept = run.secretName !== undefined || run.scheduledScan !== undefined;
  if (!isKept && !isUnbound && hold === 'None') return undefined;
  const isEdited = (object.metadata.generation ?? 1) > 1;
  const canHold = suspension !== 'Unsupported';
  const unbound = isUnbound ? scan : undefined;
  const held = hold !== 'None' && hasInheritedNothing(one) ? one : undefined;
  const admission = { hold, held, isEdited, canHold, unbound, isMarked, hasTimedOut: hasTimedOut(object) };
  return { ...run, admission };
}

function hasInheritedNothing({ binding, delivery, scheduledScan }: NewScan): boolean {
  return binding === undefined && delivery === undefined && bounded(scheduledScan) === scheduledScan;
}

/** Reads any Scan, also one that {@link readRun} or {@link readAdmittedRun} ignores. */
export function readSecretUser(object: WholeScan): SecretUser {
  const { secretName, isScanned } = runOf(object);
  return { secretName, isScanned, hold: readNewScan(object).hold };
}

/** Whether another Scan has created it, so that it has inherited the annotations of that one. */
function isCascaded({ metadata: { ownerReferences = [] } }: RawScan): boolean {
  return ownerReferences.some(({ kind }) => kind === SCANS.kind);
}

function runOf(object: RawScan): Run {
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

/** Names of objects have at most 253 characters. A run request is shorter. */
const LONGEST_NAME = 253;

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

/** The Scan that was created last. */
export function newestRun<Run extends Pick<ScanRun, 'createdAt'>>(runs: readonly Run[]): Run | undefined {
  return runs.reduce<Run | undefined>(
    (newest, run) => (newest === undefined || run.createdAt > newest.createdAt ? run : newest),
    undefined,
  );
}
