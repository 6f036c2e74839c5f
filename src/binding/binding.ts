import {
  type Delivery,
  type IImageCredentialBinding,
  type ImageCredentialBindingStatus,
  type LabelSelector,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  type Mode,
  UNUSED_SINCE_ANNOTATION,
  type Verification,
  WORKLOADS_ANNOTATION,
} from '../api/index.ts';
import { type ImageReference, ImageReferenceError, parseImageReference } from '../image/index.ts';
import { type KubeObject, type Stored, storedMeta } from '../object/index.ts';
import { failureMessage } from '../text/index.ts';

interface BindingMeta extends Stored {
  readonly generation: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Whether discovery manages the binding. A user takes the binding over by removing the managed-by label. */
  readonly discovered: boolean;
  /** What discovery has recorded in annotations. */
  readonly notes: DiscoveryNotes;
  readonly status: ImageCredentialBindingStatus | undefined;
}

/** The annotations of a discovered binding. */
interface DiscoveryNotes {
  /** The containers that use the image: `Deployment/web/app`. */
  readonly users: readonly string[];
  /** Since when the binding has been unused, in milliseconds since the epoch; undefined: in use. */
  readonly unusedSince: number | undefined;
}

/** Limit on the containers that discovery lists for a binding, so that the annotation stays readable. */
export const MOST_USERS = 20;
/** `Kind/name/container`. */
const LONGEST_USER = 63 + 1 + 253 + 1 + 63;
const LONGEST_WORKLOADS = MOST_USERS * (LONGEST_USER + 1);

const NO_NOTES: DiscoveryNotes = { users: [], unusedSince: undefined };

/** A binding that the controller can reconcile. */
export interface ValidBinding extends BindingMeta {
  readonly validity: 'Valid';
  readonly image: ImageReference;
  /** The previous repositories of the image. Scans that name one of them are migrated to `image`. */
  readonly replaces: readonly ImageReference[];
  /** Names of the Secrets, in the binding's order; empty: no credential is needed. */
  readonly imagePullSecrets: readonly string[];
  readonly scanSelector: LabelSelector | undefined;
  readonly mode: Mode;
  readonly verification: Verification;
  /** undefined: the installation decides. */
  readonly delivery: Delivery | undefined;
}

/** A binding that the controller cannot reconcile. */
interface InvalidBinding extends BindingMeta {
  readonly validity: 'Invalid';
  /**
   * `InvalidSpec`: the user must correct the spec. `InternalError`: an error in this program prevented reading the spec.
   */
  readonly reason: 'InvalidSpec' | 'InternalError';
  readonly message: string;
}

export type Binding = ValidBinding | InvalidBinding;

/** An ImageCredentialBinding as the API server sends it. */
export type RawBinding = KubeObject & Pick<IImageCredentialBinding, 'spec' | 'status'>;

/** Reads an ImageCredentialBinding. The CRD has validated its structure, but an older CRD may not have validated the image. */
export function readBinding(object: RawBinding): Binding {
  const { metadata, spec } = object;
  const discovered = metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY;
  const notes = discovered ? readNotes(metadata.annotations ?? {}) : NO_NOTES;
  const meta = { ...metaOf(object), discovered, notes };
  try {
    return {
      ...meta,
      validity: 'Valid',
      image: parseImageReference(spec.image),
      replaces: (spec.replaces ?? []).map(parseImageReference),
      imagePullSecrets: spec.imagePullSecrets.map(({ name }) => name),
      scanSelector: spec.scanSelector,
      mode: spec.mode ?? 'Enforce',
      verification: spec.verification ?? 'Preferred',
      delivery: spec.delivery,
    };
  } catch (error) {
    if (error instanceof ImageReferenceError)
      return { ...meta, validity: 'Invalid', reason: 'InvalidSpec', message: error.message };
    throw error;
  }
}

/** Replaces a binding that {@link readBinding} failed to read because of an error in this program. */
export function unreadableBinding(object: RawBinding, error: unknown): Binding {
  const problem = { reason: 'InternalError', message: failureMessage('this binding', error) } as const;
  return { ...metaOf(object), discovered: false, notes: NO_NOTES, validity: 'Invalid', ...problem };
}

function metaOf(object: RawBinding): Omit<BindingMeta, 'discovered' | 'notes'> {
  const { metadata, status } = object;
  const createdAt = Date.parse(metadata.creationTimestamp ?? '') || 0;
  return { ...storedMeta(object), generation: metadata.generation ?? 0, createdAt, status };
}

/**
 * Reads the annotations of a discovered binding. If the workloads annotation is longer than any that discovery writes,
 * reads only its beginning.
 */
function readNotes(annotations: Readonly<Record<string, string>>): DiscoveryNotes {
  const { [WORKLOADS_ANNOTATION]: workloads = '', [UNUSED_SINCE_ANNOTATION]: unused = '' } = annotations;
  const unusedSince = Date.parse(unused);
  return {
    users: detached(workloads.slice(0, LONGEST_WORKLOADS))
      .split(',', MOST_USERS)
      .filter((user) => user !== '' && user.length <= LONGEST_USER),
    unusedSince: Number.isNaN(unusedSince) ? undefined : unusedSince,
  };
}

/** Copies the text, because a substring keeps the whole original string in memory. */
function detached(text: string): string {
  return Buffer.from(text).toString();
}
