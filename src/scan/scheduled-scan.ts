import { BINDING_ANNOTATION, RUN_ANNOTATION } from '../api/index.ts';
import { formatReference, type ImageReference, repositoryName } from '../image/index.ts';
import { parseTime } from '../text/index.ts';
import { carries, deliver, type ScanSpec, type Taken, takeBack } from './delivery.ts';
import { moveExtraction } from './extraction.ts';
import { hasCredentialParameters, imageParameter } from './parameters.ts';
import { type Migrated, parseRestore, RESTORE_ANNOTATION } from './restore.ts';
import { formatRunRequest, parseRunRequest, type RunRequest } from './run-request.ts';
import type { ScanDelivery } from './scan-delivery.ts';
import { LONGEST_SCHEDULE, type Schedule } from './schedule.ts';

/** The scan types that are served unless told otherwise, with `*` for any characters. */
export const DEFAULT_SCAN_TYPES = ['trivy-image*', 'trivy-sbom-image*'];

interface RawMetadata {
  readonly namespace?: string;
  readonly name: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly creationTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly managedFields?: readonly { readonly time?: string }[];
}

/** A ScheduledScan as the API server sends it: secureCodeBox's CRD has checked these fields. */
export interface RawScheduledScan {
  readonly metadata: RawMetadata;
  readonly spec: {
    readonly interval?: string;
    readonly schedule?: string;
    readonly suspend?: boolean;
    readonly scanSpec: ScanSpec & { readonly scanType: string; readonly parameters: readonly string[] };
  };
  readonly status?: { readonly lastScheduleTime?: string };
}

/** What a scan carries of ours. */
interface Bound {
  /** Name of the binding, in the scan's namespace. */
  readonly binding: string;
  /** UID of that binding; undefined: not known. */
  readonly bindingUid: string | undefined;
  /** undefined: bound to a binding that needs no credential, so nothing is mounted. */
  readonly delivery: ScanDelivery | undefined;
  /** The repository that the scan named when it was bound; undefined: that is not known. */
  readonly repository: string | undefined;
  /** Where it was moved from last; undefined: it never was. */
  readonly moved: Migrated | undefined;
  /** Whether our entries stand in the spec as we wrote them. */
  readonly intact: boolean;
}

/** What we need to know of a ScheduledScan. */
export interface ScheduledScan {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /**
   * Why the scan cannot be bound, as the predicate of a sentence about it; undefined: it can be bound. If set, fields
   * that could not be read are missing: labels, scan type, schedule.
   */
  readonly unreadable: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly scanType: string;
  readonly image: ImageReference | undefined;
  /** It hands Trivy a credential in its parameters; that is reported, never touched. */
  readonly credentialParameters: boolean;
  readonly schedule: Schedule;
  readonly bound: Bound | undefined;
  /** The run that was asked for last. */
  readonly request: RunRequest | undefined;
}

/** Limits on what is kept of an object. Kubernetes does not limit the number of labels. */
const MOST_LABELS = 64;
/** Longest name of a Kubernetes object such as a ScanType or a binding, in characters. */
const LONGEST_NAME = 253;

/**
 * Reads a ScheduledScan. Never throws for one that the CRD accepts, and keeps at most about 100 KiB of it. An invalid
 * image is `undefined`.
 */
export function readScheduledScan(raw: RawScheduledScan): ScheduledScan {
  const { metadata, spec } = raw;
  const { labels = {} } = metadata;
  const { scanType, parameters } = spec.scanSpec;
  const parameter = imageParameter(parameters);
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid ?? '',
    resourceVersion: metadata.resourceVersion ?? '',
    unreadable: unreadable(raw),
    labels: countOf(labels) > MOST_LABELS ? {} : labels,
    scanType: upTo(LONGEST_NAME, scanType) ?? '',
    image: parameter.result === 'Image' ? parameter.image : undefined,
    credentialParameters: hasCredentialParameters(parameters),
    schedule: readSchedule(raw),
    bound: readBound(metadata.annotations ?? {}, spec.scanSpec),
    request: parseRunRequest(metadata.annotations?.[RUN_ANNOTATION]),
  };
}

/**
 * Replaces a ScheduledScan that {@link readScheduledScan} failed to read because of an error in this program. Keeps the
 * name of its binding, which reports the error.
 *
 * @param problem - as `unreadable` of a {@link ScheduledScan}
 */
export function unreadableScan(
  { metadata }: Pick<RawScheduledScan, 'metadata'>,
  problem: string,
): ScheduledScan {
  const { namespace = '', name, uid = '', resourceVersion = '', annotations } = metadata;
  const binding = upTo(LONGEST_NAME, annotations?.[BINDING_ANNOTATION]);
  const nothing = { bindingUid: undefined, delivery: undefined, repository: undefined, moved: undefined };
  return {
    ...{ namespace, name, uid, resourceVersion },
    unreadable: problem,
    ...{ labels: {}, scanType: '', image: undefined, credentialParameters: false, request: undefined },
    schedule: {
      suspended: true,
      createdAt: 0,
      changedAt: 0,
      lastRunAt: undefined,
      cron: undefined,
      interval: undefined,
    },
    bound: binding === undefined ? undefined : { binding, ...nothing, intact: true },
  };
}

function unreadable({ metadata, spec }: RawScheduledScan): string | undefined {
  const labels = countOf(metadata.labels ?? {});
  if (labels > MOST_LABELS)
    return `has too many labels: expected at most ${MOST_LABELS}, found ${labels}; remove some of them`;
  const texts = [
    ['scanType', spec.scanSpec.scanType, LONGEST_NAME],
    ['schedule', spec.schedule ?? '', LONGEST_SCHEDULE],
    ['interval', spec.interval ?? '', LONGEST_SCHEDULE],
  ] as const;
  const long = texts.find(([, text, most]) => text.length > most);
  if (long === undefined) return undefined;
  const [field, text, most] = long;
  return `has a ${field} that is too long: expected at most ${most} characters, found ${text.length}; shorten it`;
}

function countOf(labels: Readonly<Record<string, string>>): number {
  return Object.keys(labels).length;
}

function readSchedule({ metadata, spec, status }: RawScheduledScan): Schedule {
  return {
    suspended: spec.suspend ?? false,
    createdAt: parseTime(metadata.creationTimestamp ?? '') ?? 0,
    changedAt: newest(metadata.managedFields ?? []),
    lastRunAt: parseTime(status?.lastScheduleTime ?? ''),
    interval: upTo(LONGEST_SCHEDULE, spec.interval),
    cron: upTo(LONGEST_SCHEDULE, spec.schedule),
  };
}

/** A text that is neither empty nor longer than this. */
function upTo(most: number, text: string | undefined): string | undefined {
  return text === undefined || text === '' || text.length > most ? undefined : text;
}

/** When anyone last wrote the object, spec or status; 0 where that is not recorded. */
function newest(managedFields: readonly { readonly time?: string }[]): number {
  return managedFields.reduce((latest, { time = '' }) => Math.max(latest, parseTime(time) ?? 0), 0);
}

function readBound(annotations: Readonly<Record<string, string>>, spec: ScanSpec): Bound | undefined {
  const binding = annotations[BINDING_ANNOTATION];
  const restoreText = annotations[RESTORE_ANNOTATION];
  if (binding === undefined && restoreText === undefined) return undefined;
  const restore = parseRestore(restoreText);
  return {
    binding: upTo(LONGEST_NAME, binding) ?? '',
    bindingUid: restore?.bindingUid,
    delivery: restore?.delivery,
    repository: restore?.repository,
    moved: restore?.moved,
    intact: (restore !== undefined || restoreText === undefined) && carries(spec, restore?.delivery),
  };
}

/** What to make of a ScheduledScan. */
export type ScanEdit =
  | {
      readonly edit: 'Bind';
      readonly binding: string;
      /** Tells the binding from one that has taken its name since; undefined: not known. */
      readonly bindingUid?: string | undefined;
      readonly delivery: ScanDelivery | undefined;
      /** What the scan is to name from then on; undefined: what it names. */
      readonly image?: ImageReference | undefined;
      /** With `image`: where the scan is moved from. */
      readonly moved?: Migrated | undefined;
      /** A run to ask for; undefined: none but what was asked for before. */
      readonly request?: RunRequest | undefined;
    }
  | { readonly edit: 'Unbind' };

export type EditResult =
  | { readonly result: 'Changed'; readonly scan: RawScheduledScan }
  | { readonly result: 'Unchanged' }
  | Taken;

/**
 * The ScheduledScan with our entries and annotations, and the image, as `edit` wants them; everything else stays as it is,
 * and an `Unbind` after any number of `Bind` gives back the very spec that there was before, but for a moved image.
 */
export function editScheduledScan(raw: RawScheduledScan, edit: ScanEdit): EditResult {
  if (isDone(readScheduledScan(raw), edit)) return { result: 'Unchanged' };
  const note = parseRestore(raw.metadata.annotations?.[RESTORE_ANNOTATION]);
  const restored = takeBack(raw.spec.scanSpec, note);
  if (edit.edit === 'Unbind') return changed(raw, restored, {});
  const { spec: moved, imageText } = moveImage(restored, edit.image, note?.imageText);
  const delivered = deliver(moved, edit.delivery);
  if (delivered.result !== 'Delivered') return delivered;
  const { spec, restore } = delivered;
  const { image } = readImage(moved);
  const repository = image === undefined ? undefined : repositoryName(image);
  const { [BINDING_ANNOTATION]: holder, [RUN_ANNOTATION]: asked } = raw.metadata.annotations ?? {};
  // The binding that migrated the scan reports the migration, and counts its migrations.
  const isSameBinding = holder === edit.binding && note?.bindingUid === edit.bindingUid;
  const lastMove = edit.moved ?? (isSameBinding ? note?.moved : undefined);
  const request = edit.request === undefined ? asked : formatRunRequest(edit.request);
  const { bindingUid } = edit;
  return changed(raw, spec, {
    [BINDING_ANNOTATION]: edit.binding,
    [RESTORE_ANNOTATION]: JSON.stringify({ ...restore, bindingUid, repository, imageText, moved: lastMove }),
    ...(request === undefined ? {} : { [RUN_ANNOTATION]: request }),
  });
}

/** Whether a scan is already what the edit would make of it. */
export function isDone({ bound, image }: Pick<ScheduledScan, 'bound' | 'image'>, edit: ScanEdit): boolean {
  if (edit.edit === 'Unbind') return bound === undefined;
  if (bound === undefined || !bound.intact || !isHolder(bound, edit)) return false;
  if (edit.image !== undefined && (image === undefined || !isSame(image, edit.image))) return false;
  return JSON.stringify(bound.delivery) === JSON.stringify(edit.delivery);
}

type Holder = Pick<Bound, 'binding'> & { readonly bindingUid?: string | undefined };

function isHolder(bound: Holder, { binding, bindingUid }: Holder): boolean {
  return bound.binding === binding && bound.bindingUid === bindingUid;
}

type RawScanSpec = RawScheduledScan['spec']['scanSpec'];

/**
 * A scanSpec that names `image` instead of what it names, in the parameter and for autodiscovery's init container.
 *
 * @param original - as the image was written before it was first moved
 */
function moveImage(
  spec: RawScanSpec,
  image: ImageReference | undefined,
  original: string | undefined,
): { readonly spec: RawScanSpec; readonly imageText: string | undefined } {
  const { index, image: present } = readImage(spec);
  if (image === undefined || present === undefined || isSame(present, image)) {
    return { spec, imageText: original };
  }
  const before = spec.parameters[index] ?? '';
  const isBack = original !== undefined && namesImage(original, image);
  const after = isBack ? original : formatReference(image);
  const parameters = spec.parameters.with(index, after);
  return {
    spec: moveExtraction({ ...spec, parameters }, before, after),
    imageText: isBack ? undefined : (original ?? before),
  };
}

function readImage({ parameters }: RawScanSpec): {
  readonly index: number;
  readonly image: ImageReference | undefined;
} {
  const parameter = imageParameter(parameters);
  return parameter.result === 'Image' ? parameter : { index: -1, image: undefined };
}

/** Anybody may have written the text. */
function namesImage(text: string, image: ImageReference): boolean {
  const read = imageParameter([text]);
  return read.result === 'Image' && isSame(read.image, image);
}

function isSame(a: ImageReference, b: ImageReference): boolean {
  return formatReference(a) === formatReference(b);
}

function changed(
  raw: RawScheduledScan,
  scanSpec: RawScanSpec,
  ours: Readonly<Record<string, string>>,
): EditResult {
  const {
    [BINDING_ANNOTATION]: _binding,
    [RESTORE_ANNOTATION]: _restore,
    [RUN_ANNOTATION]: _run,
    ...others
  } = raw.metadata.annotations ?? {};
  return {
    result: 'Changed',
    scan: {
      ...raw,
      metadata: { ...raw.metadata, annotations: { ...others, ...ours } },
      spec: { ...raw.spec, scanSpec },
    },
  };
}
