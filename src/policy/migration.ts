import type { Check, KnownAnswer } from '../answer/index.ts';
import type { Verification } from '../api/index.ts';
import type { Binding, ValidBinding } from '../binding/index.ts';
import { fit, type ImageReference, repositoryName } from '../image/index.ts';
import type { Migrated, ScheduledScan } from '../scan/index.ts';
import { selectsScan } from './precedence.ts';

/**
 * Why a scan should name the binding's image: `spec.replaces` lists the scan's repository, or the image of the binding to
 * which the scan is bound has changed.
 */
export type MigrationCause = 'Replaces' | 'ImageChanged';

export type MigrationDecision =
  | 'Migrate'
  /** It is not known yet whether the new repository has the manifest. */
  | 'Check'
  /** The check cannot be done, and the binding requires an answer. */
  | 'Unconfirmed'
  /** The manifest is not in the new repository, or it is not known to be the same image. */
  | 'Stay';

/** The migration that a scan needs, and whether it may be done now. */
export interface Migration {
  readonly decision: MigrationDecision;
  /** Checks whether the binding's repository has the manifest that the scan names. `image` is the new image. */
  readonly check: Check;
  /** The answer, and when to repeat the check; undefined: there is none yet. */
  readonly known: KnownAnswer | undefined;
}

/** What a migration depends on in addition to the binding and the scan. */
export interface MigrationContext {
  /** Whether the binding fits the scan: by its image, or by a repository in `spec.replaces`. */
  readonly fits: boolean;
  /** The credential that scans of the binding would use; undefined: none. */
  readonly credential: Check['credential'];
  /** The known answer to a check; undefined: none. Must not send a request. */
  readonly answer: (check: Check) => KnownAnswer | undefined;
}

/** The migration that a scan needs; undefined: there is no {@link MigrationCause}. */
export function migrationOf(
  binding: ValidBinding,
  scan: ScheduledScan,
  { fits, credential, answer }: MigrationContext,
): Migration | undefined {
  const { image } = scan;
  const cause = migrationCause(binding, scan, { fits });
  if (image === undefined || cause === undefined) return undefined;
  const check: Check = { image: migratedImage(binding, image), credential, exact: true };
  const known = answer(check);
  const { verification } = binding;
  const hasSameName = hasSameLastPart(binding.image, image);
  const needsNoSecret = binding.imagePullSecrets.length === 0;
  return {
    decision: decideMigration({ cause, verification, known, hasSameName, needsNoSecret }),
    check,
    known,
  };
}

/** An image, with the same tag and digest, in the repository of a binding. */
export function migratedImage(
  { image: { host, repository } }: ValidBinding,
  image: ImageReference,
): ImageReference {
  return { ...image, host, repository };
}

/** Why the effective binding has to migrate a scan; undefined: the scan already names the binding's image. */
export function migrationCause(
  binding: ValidBinding,
  scan: ScheduledScan,
  { fits }: Pick<MigrationContext, 'fits'>,
): MigrationCause | undefined {
  if (scan.image === undefined || fit(binding.image, scan.image) !== undefined) return undefined;
  if (fits) return 'Replaces';
  // If a binding was deleted and recreated under the same name, its image does not count as changed. The user who
  // recreated it may not even be allowed to change an image (docs/policy.md).
  const isSameBinding = scan.bound?.bindingUid === binding.uid;
  return isSameBinding && namesPreviousImage(binding, scan) ? 'ImageChanged' : undefined;
}

/** Whether a scan still names the repository for which it was bound, although the binding's image no longer matches it. */
export function namesPreviousImage(binding: ValidBinding, { image, bound }: ScheduledScan): boolean {
  if (image === undefined || fit(binding.image, image) !== undefined) return false;
  // If a user has changed the scan's image, the binding no longer applies to the scan.
  return bound?.repository === repositoryName(image);
}

/** Whether a binding has to migrate a scan that is bound to it. Call this only for scans that no binding fits. */
export function isLeftBehind(binding: ValidBinding, scan: ScheduledScan, scanTypes: RegExp): boolean {
  if (binding.mode !== 'Enforce' || scan.image === undefined) return false;
  return (
    scan.bound?.binding === binding.name &&
    selectsScan(binding, scan, scanTypes) &&
    migrationCause(binding, scan, { fits: false }) !== undefined &&
    fit(binding.image, migratedImage(binding, scan.image)) !== undefined
  );
}

/** The facts on which the decision about a migration is based. */
interface MigrationEvidence {
  readonly cause: MigrationCause;
  readonly verification: Verification;
  /** The known answer about the manifest in the new repository; undefined: none. */
  readonly known: KnownAnswer | undefined;
  /** Whether both repositories have the same last part. */
  readonly hasSameName: boolean;
  /** Whether the binding names no Secret. If so, nodes may be able to pull even if the registry refuses anonymous pulls. */
  readonly needsNoSecret: boolean;
}

/**
 * | the new repository | `replaces` lists the previous one | the binding's image changed |
 * |---|---|---|
 * | has the manifest | migrate | migrate |
 * | does not have it | stay | stay |
 * | cannot be checked, `Required` | wait | wait |
 * | cannot be checked, `Preferred`; or is not checked, `Never` | migrate | migrate if the repository's last part is the same |
 */
export function decideMigration(evidence: MigrationEvidence): MigrationDecision {
  const { cause, verification, known, hasSameName, needsNoSecret } = evidence;
  const unchecked = cause === 'Replaces' || hasSameName ? 'Migrate' : 'Stay';
  if (verification === 'Never') return unchecked;
  if (known === undefined) return 'Check';
  switch (known.answer.result) {
    case 'Pullable':
      return 'Migrate';
    case 'Denied':
      return needsNoSecret ? unchecked : 'Stay';
    case 'Allowed':
    case 'Inconclusive':
    case 'Expired':
      return 'Stay';
    case 'Unreachable':
    case 'RateLimited':
    case 'NotAllowed':
    case 'NotCheckable':
      return verification === 'Required' ? 'Unconfirmed' : unchecked;
  }
}

/** Whether two repositories have the same last part. */
export function hasSameLastPart(a: ImageReference, b: ImageReference): boolean {
  const last = ({ repository }: ImageReference) => repository.slice(repository.lastIndexOf('/') + 1);
  return last(a) === last(b);
}

/** The number of the next migration of a binding. Migrated scans carry it until the status reports the migration. */
export function nextMigration({ status }: Pick<Binding, 'status'>): number {
  return ((status?.migrations ?? 0) % MOST_MIGRATIONS) + 1;
}

/** The count restarts after this number, so that it fits the status (int32). */
const MOST_MIGRATIONS = 2_000_000_000;

/**
 * The migration of a scan by this binding that is not in status yet, because the status could not be written; undefined:
 * there is none. A migration with any other number than the next one was reported before, or is forged.
 */
export function unreportedMigration(binding: Binding, { bound }: ScheduledScan): Migrated | undefined {
  const isBoundToIt = bound?.binding === binding.name && bound.bindingUid === binding.uid;
  return isBoundToIt && bound.migrated?.number === nextMigration(binding) ? bound.migrated : undefined;
}
