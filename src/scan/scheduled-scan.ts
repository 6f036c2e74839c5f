import { BINDING_ANNOTATION, MANAGED_BY, RUN_ANNOTATION } from '../api/index.ts';
import { formatReference, type ImageReference, repositoryName } from '../image/index.ts';
import { LONGEST_NAME } from '../object/index.ts';
import { compareText, parseTime } from '../text/index.ts';
import type { ConcurrencyPolicy } from './concurrency-policy.ts';
import { LONGEST_SCHEDULE } from './cron.ts';
import { carries, deliver, revertDelivery, type ScanSpec, type Taken } from './delivery.ts';
import { LONGEST_DURATION } from './duration.ts';
import { migrateExtraction } from './extraction.ts';
import { type GitManager, gitManagerOf } from './git-manager.ts';
import { imageIn } from './image-text.ts';
import { mentionedImages } from './mentions.ts';
import { NO_LOGINS, type OwnLogins, readOwnLogins } from './own-logins.ts';
import { hasCredentialParameters, type ImageParameter, imageParameter } from './parameters.ts';
import { type Migrated, parseRestore, RESTORE_ANNOTATION, type Restore } from './restore.ts';
import { formatRunRequest, parseRunRequest, type RunRequest } from './run-request.ts';
import type { ScanDelivery } from './scan-delivery.ts';
import type { Schedule } from './schedule.ts';

/** The default scan types of the ScheduledScans to bind. `*` matches any characters. */
export const DEFAULT_SCAN_TYPES = ['trivy-image*', 'trivy-sbom-image*'];

interface RawMetadata {
  readonly namespace?: string;
  readonly name: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly creationTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly managedFields?: readonly {
    readonly manager?: string;
    readonly time?: string;
    readonly subresource?: string;
  }[];
}

/** A ScheduledScan as the API server sends it. secureCodeBox's CRD has validated these fields. */
export interface RawScheduledScan {
  readonly metadata: RawMetadata;
  readonly spec: {
    readonly interval?: string;
    readonly schedule?: string;
    readonly suspend?: boolean;
    readonly concurrencyPolicy?: string;
    readonly scanSpec: ScanSpec & { readonly scanType: string; readonly parameters: readonly string[] };
  };
  readonly status?: { readonly lastScheduleTime?: string };
}

/** How a scan is bound. */
interface Bound {
  /** Name of the binding, in the scan's namespace. */
  readonly binding: string;
  /** UID of that binding; undefined: not known. */
  readonly bindingUid: string | undefined;
  /** undefined: the binding needs no credential, so nothing is mounted. */
  readonly delivery: ScanDelivery | undefined;
  /** The repository that the scan named when it was bound; undefined: not known. */
  readonly repository: string | undefined;
  /** The last migration; undefined: the scan was never migrated. */
  readonly migrated: Migrated | undefined;
  /** Whether the spec still has the entries that the controller wrote. */
  readonly intact: boolean;
}

/** What the controller keeps of a ScheduledScan. */
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
  /** The image that Trivy scans; undefined: none can be read. */
  readonly image: ImageReference | undefined;
  /**
   * The flag before the image that the controller does not know, so that the image may be its value. The scan is bound, but
   * its image is never rewritten. `undefined`: the image is certain, or none can be read.
   */
  readonly imageAfter: string | undefined;
  /** The index of the image in the parameters; -1: no image can be read. */
  readonly imageIndex: number;
  /** Why no image can be read, as the predicate of a sentence about the scan; undefined: one can. */
  readonly imageProblem: string | undefined;
  /** The images that the parameters of a scan without a readable image mention. At most eight. */
  readonly mentions: readonly ImageReference[];
  /** The logins of its user for Trivy, which a delivered credential may override. */
  readonly ownLogins: OwnLogins;
  /** Whether its parameters contain a credential for Trivy. The controller reports that, but never changes it. */
  readonly credentialParameters: boolean;
  readonly schedule: Schedule;
  readonly bound: Bound | undefined;
  /** The program that applies the scan from Git, and reverts changes of its spec; undefined: none is known. */
  readonly gitManager: GitManager | undefined;
  /** The field managers of its metadata and spec, except the controller, the latest first. At most eight. */
  readonly fieldManagers: readonly string[];
  readonly concurrencyPolicy: ConcurrencyPolicy;
  /** The last request for a run. */
  readonly request: RunRequest | undefined;
}

/** Limit on labels. Kubernetes does not limit their number. */
const MOST_LABELS = 64;
/** Limit on the problem with an image, in characters. */
const LONGEST_PROBLEM = 1_024;

/**
 * Reads a ScheduledScan. Never throws for one that the CRD accepts, and keeps at most about 100 KiB of it. An invalid
 * image is `undefined`.
 */
export function readScheduledScan(raw: RawScheduledScan): ScheduledScan {
  const { metadata, spec } = raw;
  const { labels = {}, annotations = {} } = metadata;
  const { scanType, parameters } = spec.scanSpec;
  const restore = parseRestore(annotations[RESTORE_ANNOTATION]);
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid ?? '',
    resourceVersion: metadata.resourceVersion ?? '',
    unreadable: unreadable(raw),
    labels: countOf(labels) > MOST_LABELS ? {} : labels,
    scanType: upTo(LONGEST_NAME, scanType) ?? '',
    ...readImageOf(parameters),
    ownLogins: readOwnLogins(revertDelivery(spec.scanSpec, restore)),
    credentialParameters: hasCredentialParameters(parameters),
    schedule: readSchedule(raw),
    bound: readBound(annotations, spec.scanSpec, restore),
    gitManager: gitManagerOf(metadata),
    fieldManagers: fieldManagersOf(metadata),
    concurrencyPolicy: readConcurrencyPolicy(spec.concurrencyPolicy),
    request: parseRunRequest(annotations[RUN_ANNOTATION]),
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
  const nothing = { bindingUid: undefined, delivery: undefined, repository: undefined, migrated: undefined };
  return {
    namespace,
    name,
    uid,
    resourceVersion,
    unreadable: problem,
    labels: {},
    scanType: '',
    credentialParameters: false,
    request: undefined,
    ...NO_IMAGE,
    ownLogins: NO_LOGINS,
    gitManager: undefined,
    fieldManagers: [],
    concurrencyPolicy: 'Allow',
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
    ['interval', spec.interval ?? '', LONGEST_DURATION],
  ] as const;
  const long = texts.find(([, text, most]) => text.length > most);
  if (long === undefined) return undefined;
  const [field, text, most] = long;
  return `has a ${field} that is too long: expected at most ${most} characters, found ${text.length}; shorten it`;
}

type ImageFields = Pick<ScheduledScan, 'image' | 'imageAfter' | 'imageIndex' | 'imageProblem' | 'mentions'>;

const NO_IMAGE: ImageFields = {
  image: undefined,
  imageAfter: undefined,
  imageIndex: -1,
  imageProblem: undefined,
  mentions: [],
};

function readImageOf(parameters: readonly string[]): ImageFields {
  const parameter = imageParameter(parameters);
  if (parameter.result === 'Image') {
    const { image, index, after } = parameter;
    return { ...NO_IMAGE, image, imageIndex: index, imageAfter: after };
  }
  return { ...NO_IMAGE, imageProblem: problemOf(parameter), mentions: mentionedImages(parameters) };
}

function problemOf({ result, message }: Exclude<ImageParameter, { result: 'Image' }>): string {
  const what = result === 'None' ? 'scans no image from a registry' : 'has no readable image';
  return `${what}: ${message}`.slice(0, LONGEST_PROBLEM);
}

function countOf(labels: Readonly<Record<string, string>>): number {
  return Object.keys(labels).length;
}

/** The operator treats any other text as `Allow`. */
function readConcurrencyPolicy(text: string | undefined): ConcurrencyPolicy {
  return text === 'Forbid' || text === 'Replace' ? text : 'Allow';
}

function readSchedule({ metadata, spec, status }: RawScheduledScan): Schedule {
  return {
    suspended: spec.suspend ?? false,
    createdAt: parseTime(metadata.creationTimestamp ?? '') ?? 0,
    changedAt: newest(metadata.managedFields ?? []),
    lastRunAt: parseTime(status?.lastScheduleTime ?? ''),
    interval: upTo(LONGEST_DURATION, spec.interval),
    cron: upTo(LONGEST_SCHEDULE, spec.schedule),
  };
}

/** The text; undefined: it is empty, or longer than this. */
function upTo(most: number, text: string | undefined): string | undefined {
  return text === undefined || text === '' || text.length > most ? undefined : text;
}

/** Limit on the field managers that are kept. */
const MOST_MANAGERS = 8;
/** https://kubernetes.io/docs/reference/using-api/server-side-apply/#managers */
const LONGEST_MANAGER = 128;

function fieldManagersOf({ managedFields = [] }: RawMetadata): readonly string[] {
  const others = managedFields
    .filter(({ subresource }) => subresource === undefined || subresource === '')
    .toSorted((a, b) => compareText(b.time ?? '', a.time ?? ''))
    .flatMap(({ manager = '' }) => (manager === '' || manager === MANAGED_BY ? [] : [manager]))
    .filter((manager) => manager.length <= LONGEST_MANAGER);
  return [...new Set(others)].slice(0, MOST_MANAGERS);
}

/** When any client last wrote the object or its status; 0: not recorded. */
function newest(managedFields: readonly { readonly time?: string }[]): number {
  return managedFields.reduce((latest, { time = '' }) => Math.max(latest, parseTime(time) ?? 0), 0);
}

function readBound(
  annotations: Readonly<Record<string, string>>,
  spec: ScanSpec,
  restore: Restore | undefined,
): Bound | undefined {
  const binding = annotations[BINDING_ANNOTATION];
  const restoreText = annotations[RESTORE_ANNOTATION];
  if (binding === undefined && restoreText === undefined) return undefined;
  return {
    binding: upTo(LONGEST_NAME, binding) ?? '',
    bindingUid: restore?.bindingUid,
    delivery: restore?.delivery,
    repository: restore?.repository,
    migrated: restore?.migrated,
    intact: (restore !== undefined || restoreText === undefined) && carries(spec, restore?.delivery),
  };
}

/** How to change a ScheduledScan. */
export type ScanEdit =
  | {
      readonly edit: 'Bind';
      readonly binding: string;
      /** Distinguishes the binding from a recreated one of the same name; undefined: not known. */
      readonly bindingUid?: string | undefined;
      readonly delivery: ScanDelivery | undefined;
      /** The new image of the scan; undefined: unchanged. */
      readonly image?: ImageReference | undefined;
      /** The migration, if `image` is in a new repository. */
      readonly migrated?: Migrated | undefined;
      /** The run to request; undefined: keeps the previous request. */
      readonly request?: RunRequest | undefined;
    }
  | { readonly edit: 'Unbind' };

export type EditResult =
  | { readonly result: 'Changed'; readonly scan: RawScheduledScan }
  | { readonly result: 'Unchanged' }
  | Taken;

/**
 * Applies an edit to a ScheduledScan. Changes only the image, and the entries and annotations that the controller owns.
 * `Unbind` after any number of `Bind` restores exactly the original spec, except that a migrated image stays migrated.
 */
export function editScheduledScan(raw: RawScheduledScan, edit: ScanEdit): EditResult {
  if (isDone(readScheduledScan(raw), edit)) return { result: 'Unchanged' };
  const before = parseRestore(raw.metadata.annotations?.[RESTORE_ANNOTATION]);
  const original = revertDelivery(raw.spec.scanSpec, before);
  if (edit.edit === 'Unbind') return changed(raw, original, {});
  const { spec: migrated, imageText } = migrateImage(original, edit.image, before?.imageText);
  const delivered = deliver(migrated, edit.delivery);
  if (delivered.result !== 'Delivered') return delivered;
  const { spec, restore } = delivered;
  const { image } = readImage(migrated);
  const repository = image === undefined ? undefined : repositoryName(image);
  const { [BINDING_ANNOTATION]: boundTo, [RUN_ANNOTATION]: requested } = raw.metadata.annotations ?? {};
  // The binding that migrated the scan reports the migration, and counts its migrations.
  const isSameBinding = boundTo === edit.binding && before?.bindingUid === edit.bindingUid;
  const migration = edit.migrated ?? (isSameBinding ? before?.migrated : undefined);
  const request = edit.request === undefined ? requested : formatRunRequest(edit.request);
  const { bindingUid } = edit;
  return changed(raw, spec, {
    [BINDING_ANNOTATION]: edit.binding,
    [RESTORE_ANNOTATION]: JSON.stringify({
      ...restore,
      bindingUid,
      repository,
      imageText,
      migrated: migration,
    }),
    ...(request === undefined ? {} : { [RUN_ANNOTATION]: request }),
  });
}

/** Whether the edit would not change the scan. */
export function isDone({ bound, image }: Pick<ScheduledScan, 'bound' | 'image'>, edit: ScanEdit): boolean {
  if (edit.edit === 'Unbind') return bound === undefined;
  if (bound === undefined || !bound.intact || !isBoundTo(bound, edit)) return false;
  if (edit.image !== undefined && (image === undefined || !isSame(image, edit.image))) return false;
  return JSON.stringify(bound.delivery) === JSON.stringify(edit.delivery);
}

type BindingIdentity = Pick<Bound, 'binding'> & { readonly bindingUid?: string | undefined };

function isBoundTo(bound: BindingIdentity, { binding, bindingUid }: BindingIdentity): boolean {
  return bound.binding === binding && bound.bindingUid === bindingUid;
}

type RawScanSpec = RawScheduledScan['spec']['scanSpec'];

/**
 * Replaces the image of a scanSpec, in the parameters and in the arguments of autodiscovery's init container.
 *
 * @param original - the image text before the first migration
 */
function migrateImage(
  spec: RawScanSpec,
  image: ImageReference | undefined,
  original: string | undefined,
): { readonly spec: RawScanSpec; readonly imageText: string | undefined } {
  const { index, image: present, after: unknownFlag } = readImage(spec);
  const isUnchanged = image === undefined || present === undefined || isSame(present, image);
  if (isUnchanged || unknownFlag !== undefined) return { spec, imageText: original };
  const before = spec.parameters[index] ?? '';
  const isBack = original !== undefined && namesImage(original, image);
  const after = isBack ? original : formatReference(image);
  const parameters = spec.parameters.with(index, after);
  return {
    spec: migrateExtraction({ ...spec, parameters }, before, after),
    imageText: isBack ? undefined : (original ?? before),
  };
}

function readImage({ parameters }: RawScanSpec): {
  readonly index: number;
  readonly image: ImageReference | undefined;
  readonly after: string | undefined;
} {
  const parameter = imageParameter(parameters);
  return parameter.result === 'Image' ? parameter : { index: -1, image: undefined, after: undefined };
}

function namesImage(text: string, image: ImageReference): boolean {
  const named = imageIn(text);
  return named !== undefined && isSame(named, image);
}

function isSame(a: ImageReference, b: ImageReference): boolean {
  return formatReference(a) === formatReference(b);
}

function changed(
  raw: RawScheduledScan,
  scanSpec: RawScanSpec,
  ownAnnotations: Readonly<Record<string, string>>,
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
      metadata: { ...raw.metadata, annotations: { ...others, ...ownAnnotations } },
      spec: { ...raw.spec, scanSpec },
    },
  };
}
