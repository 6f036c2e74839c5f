import { isDeepStrictEqual } from 'node:util';
import { BINDING_ANNOTATION, HELD_ANNOTATION, RUN_ANNOTATION } from '../api/index.ts';
import { type ObjectMeta, SCHEDULED_SCANS } from '../object/index.ts';
import { type CopiedDelivery, copiedDelivery } from './copied-delivery.ts';
import type { Taken } from './delivery.ts';
import type { RawScan } from './raw-scan.ts';
import { RESTORE_ANNOTATION } from './restore.ts';
import type { ScanDelivery } from './scan-delivery.ts';
import {
  editScheduledScan,
  type RawScheduledScan,
  readScheduledScan,
  type ScanEdit,
  type ScheduledScan,
} from './scheduled-scan.ts';

/** Whether the decision about a Scan is open, and what the controller does with the Scan until then. */
export type Hold =
  | 'None'
  /** The controller has suspended the Scan until its credential is decided. */
  | 'Held'
  /** The same, for a Scan that gets a Secret of its own and may wait longer. */
  | 'AwaitsSecret'
  /** A user has created the Scan suspended. The controller binds it, and does not resume it. */
  | 'Suspended';

/** What the controller reads of a Scan that it may bind. */
export interface NewScan {
  /**
   * The Scan, read as a ScheduledScan with this `scanSpec`, so that the rules for ScheduledScans apply. It has no schedule.
   * It is bound if it carries a whole delivery and the name of a binding.
   */
  readonly scan: ScheduledScan;
  /** The name of the ScheduledScan that created it; undefined: no ScheduledScan did. */
  readonly scheduledScan: string | undefined;
  /** The name of the binding in its annotation, which it may have inherited; undefined: it has none. */
  readonly binding: string | undefined;
  readonly delivery: ScanDelivery | undefined;
  /** `Unsupported`: the CRD does not know `spec.suspend` (before secureCodeBox 5.6). */
  readonly suspension: 'Suspended' | 'Running' | 'Unsupported';
  readonly hold: Hold;
}

/** Reads a Scan. Never throws for one that the CRD accepts. */
export function readNewScan(raw: RawScan): NewScan {
  const { metadata, spec } = raw;
  const { [BINDING_ANNOTATION]: binding, [HELD_ANNOTATION]: held } = metadata.annotations ?? {};
  const delivery = copiedDelivery(spec)?.delivery;
  const scan = readScheduledScan(asScheduledScan(raw, spec, {}));
  const isBound = binding !== undefined && delivery !== undefined;
  const suspension =
    spec.suspend === undefined ? 'Unsupported' : spec.suspend === true ? 'Suspended' : 'Running';
  return {
    scan: { ...scan, bound: isBound ? boundBy(binding, delivery) : undefined },
    scheduledScan: scheduledScanOf(metadata),
    binding,
    delivery,
    suspension,
    hold: suspension === 'Suspended' && !isStarted(raw) ? (HOLDS.get(held) ?? 'None') : 'None',
  };
}

const HOLDS: ReadonlyMap<string | undefined, Hold> = new Map([
  ['resume', 'Held'],
  ['await-secret', 'AwaitsSecret'],
  ['keep-suspended', 'Suspended'],
]);

/** Whether secureCodeBox has started the Scan. It starts no suspended Scan, so a user has suspended this one afterwards. */
function isStarted({ status }: RawScan): boolean {
  return (status?.state ?? '') !== '';
}

function boundBy(binding: string, delivery: ScanDelivery): ScheduledScan['bound'] {
  const unknown = { bindingUid: undefined, repository: undefined, migrated: undefined };
  return { binding, delivery, ...unknown, intact: true };
}

/** The name of the ScheduledScan that created a Scan; undefined: no ScheduledScan did. */
function scheduledScanOf({ ownerReferences = [] }: ObjectMeta): string | undefined {
  return ownerReferences.find(({ kind }) => kind === SCHEDULED_SCANS.kind)?.name;
}

function asScheduledScan(
  { metadata }: RawScan,
  spec: RawScan['spec'],
  annotations: Readonly<Record<string, string>>,
): RawScheduledScan {
  const { suspend: _, ...scanSpec } = spec;
  // Its field managers are not those of a ScheduledScan that has the same name.
  return { metadata: { ...metadata, annotations, managedFields: [] }, spec: { suspend: true, scanSpec } };
}

export type ScanEditResult = { readonly result: 'Edited'; readonly scan: RawScan } | Taken;

/**
 * Binds a Scan, or removes what it has inherited from a bound one. Does not change whether the Scan is suspended. The result has
 * no hold.
 */
export function editScan(raw: RawScan, edit: ScanEdit): ScanEditResult {
  const copied = copiedDelivery(raw.spec);
  const notes = copied === undefined ? {} : { [RESTORE_ANNOTATION]: JSON.stringify(copied.restore) };
  const result = editScheduledScan(asScheduledScan(raw, copied?.spec ?? raw.spec, notes), edit);
  if (result.result === 'VolumeNameTaken' || result.result === 'MountPathTaken') return result;
  const scanSpec = result.result === 'Changed' ? result.scan.spec.scanSpec : raw.spec;
  const { suspend } = raw.spec;
  const spec = { ...unlessSame(raw.spec, scanSpec, copied), ...(suspend === undefined ? {} : { suspend }) };
  const own = edit.edit === 'Bind' ? { [BINDING_ANNOTATION]: edit.binding } : {};
  return { result: 'Edited', scan: withAnnotations({ ...raw, spec }, own) };
}

/**
 * The edited spec. Keeps the variables as the Scan has them if the edited ones only differ in notation, so that an edit without
 * effect changes nothing.
 */
function unlessSame(
  spec: RawScan['spec'],
  edited: RawScheduledScan['spec']['scanSpec'],
  copied: CopiedDelivery<RawScan['spec']> | undefined,
): RawScan['spec'] {
  const isSame = isDeepStrictEqual(copied?.spec.env, edited.env);
  return isSame && spec.env !== undefined ? { ...edited, env: spec.env } : edited;
}

/** Replaces the controller's annotations. The run of a ScheduledScan keeps the request for it. */
function withAnnotations(raw: RawScan, own: Readonly<Record<string, string>>): RawScan {
  const { metadata } = raw;
  const { [BINDING_ANNOTATION]: _binding, [HELD_ANNOTATION]: _held, ...others } = metadata.annotations ?? {};
  const { [RUN_ANNOTATION]: _run, ...withoutRun } = others;
  const kept = scheduledScanOf(metadata) === undefined ? withoutRun : others;
  const annotations = { ...kept, ...own };
  if (metadata.annotations === undefined && Object.keys(annotations).length === 0) return raw;
  return { ...raw, metadata: { ...metadata, annotations } };
}

/** Whether the controller has suspended the Scan, and resumes it. */
export function isHeldHere(hold: Hold): boolean {
  return hold === 'Held' || hold === 'AwaitsSecret';
}

/**
 * Suspends a Scan until its credential is decided. A Scan that is suspended already is only marked.
 *
 * @param awaitsSecret - whether it may wait longer, because it gets a Secret of its own
 */
export function holdScan(raw: RawScan, awaitsSecret = false): RawScan {
  const own = awaitsSecret ? 'await-secret' : 'resume';
  const marked = withMark(raw, raw.spec.suspend === true ? 'keep-suspended' : own);
  return { ...marked, spec: { ...raw.spec, suspend: true } };
}

/** Lets a Scan that is held wait longer, because it now gets a Secret of its own. */
export function lengthenHold(raw: RawScan): RawScan {
  return withMark(raw, 'await-secret');
}

function withMark(raw: RawScan, mark: string): RawScan {
  const annotations = { ...raw.metadata.annotations, [HELD_ANNOTATION]: mark };
  return { ...raw, metadata: { ...raw.metadata, annotations } };
}

/**
 * Ends the hold of a Scan: resumes it, unless a user has created it suspended.
 *
 * @param edited - the Scan with the edits to write in the same step
 */
export function endHold(raw: RawScan, edited: RawScan = raw): RawScan {
  const { [HELD_ANNOTATION]: mark } = raw.metadata.annotations ?? {};
  const { [HELD_ANNOTATION]: _, ...annotations } = edited.metadata.annotations ?? {};
  const suspend = isHeldHere(HOLDS.get(mark) ?? 'None') ? false : (raw.spec.suspend ?? false);
  return {
    ...edited,
    metadata: { ...edited.metadata, annotations },
    spec: { ...edited.spec, suspend },
  };
}

/** Ends the hold of a Scan without a decision, and notes that. */
export function endHoldUndecided(raw: RawScan): RawScan {
  return withMark(endHold(raw), TIMED_OUT);
}

const TIMED_OUT = 'timed-out';

/** Whether the hold of the Scan ended without a decision. */
export function hasTimedOut({ metadata }: RawScan): boolean {
  return metadata.annotations?.[HELD_ANNOTATION] === TIMED_OUT;
}
