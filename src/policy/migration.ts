import type { Check, KnownAnswer } from '../answer/index.ts';
import type { Verification } from '../api/index.ts';
import type { Binding, ValidBinding } from '../binding/index.ts';
import { fit, type ImageReference, repositoryName } from '../image/index.ts';
import type { Migrated, ScheduledScan } from '../scan/index.ts';
import { selectsScan } from './precedence.ts';

/**
 * Why a scan is to name the binding's image: `spec.replaces` lists the scan's repository, or the binding to which the scan
 * is bound has another image now.
 */
export type MigrationCause = 'Replaces' | 'ImageChanged';

export type MigrationDecision =
  | 'Migrate'
  /** The registry has not said yet whether the manifest is in the new repository. */
  | 'Ask'
  /** The registry cannot be asked, and the binding requires an answer. */
  | 'Unconfirmed'
  /** The manifest is not there, or nothing says that it is the same image. */
  | 'Stay';

/** The migration that a scan needs, and whether it may be done now. */
export interface Migration {
  readonly decision: MigrationDecision;
  /** Whether exactly the manifest that the scan names is in the binding's repository; `image` is the new image. */
  readonly check: Check;
  /** The answer, and when to ask again; undefined: there is none yet. */
  readonly known: KnownAnswer | undefined;
}

/** What a migration depends on besides the binding and the scan. */
export interface MigrationContext {
  /** Whether the binding fits the scan: by its image, or by a repository in `spec.replaces`. */
  readonly fits: boolean;
  /** With which scans of the binding would pull; undefined: without one. */
  readonly credential: Check['credential'];
  /** What is known of a check; undefined: nothing. Must not ask a registry. */
  readonly answer: (check: Check) => KnownAnswer | undefined;
}

/** The migration that a scan needs; undefined: the scan already names the binding's image, or nothing allows it. */
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
  // A binding that was created anew under the same name has changed nothing, and its creator may not even be allowed to
  // (docs/policy.md).
  const isSameBinding = scan.bound?.bindingUid === binding.uid;
  return isSameBinding && namesPreviousImage(binding, scan) ? 'ImageChanged' : undefined;
}

/** Whether a scan names the image for which it was bound, while the image of the binding is another one. */
export function namesPreviousImage(binding: ValidBinding, { image, bound }: ScheduledScan): boolean {
  if (image === undefined || fit(binding.image, image) !== undefined) return false;
  // A user who has changed the scan's image has taken the scan away from the binding.
  return bound?.repository === repositoryName(image);
}

/** Whether a binding has to migrate a scan that it has bound, though no binding fits the image that the scan names. */
export function isLeftBehind(binding: ValidBinding, scan: ScheduledScan, scanTypes: RegExp): boolean {
  if (binding.mode !== 'Enforce' || scan.image === undefined) return false;
  return (
    scan.bound?.binding === binding.name &&
    selectsScan(binding, scan, scanTypes) &&
    migrationCause(binding, scan, { fits: false }) !== undefined &&
    fit(binding.image, migratedImage(binding, scan.image)) !== undefined
  );
}

/** What the decision about a migration rests on. */
interface MigrationEvidence {
  readonly cause: MigrationCause;
  readonly verification: Verification;
  /** What is known of the manifest in the new repository; undefined: nothing. */
  readonly known: KnownAnswer | undefined;
  /** Whether the last part of both repositories is the same. */
  readonly hasSameName: boolean;
  /** Whether the binding names no Secret. Then a node may be allowed what the registry refuses to everybody. */
  readonly needsNoSecret: boolean;
}

/**
 * | the new repository | `replaces` lists the previous one | the binding's image changed |
 * |---|---|---|
 * | has the manifest | migrate | migrate |
 * | does not have it | stay | stay |
 * | cannot be asked, `Required` | wait | wait |
 * | cannot be asked, `Preferred`, or must not be asked | migrate | migrate if the repository's last part is the same |
 */
export function decideMigration(evidence: MigrationEvidence): MigrationDecision {
  const { cause, verification, known, hasSameName, needsNoSecret } = evidence;
  const unasked = cause === 'Replaces' || hasSameName ? 'Migrate' : 'Stay';
  if (verification === 'Never') return unasked;
  if (known === undefined) return 'Ask';
  switch (known.answer.result) {
    case 'Pullable':
      return 'Migrate';
    case 'Denied':
      return needsNoSecret ? unasked : 'Stay';
    case 'Allowed':
    case 'Inconclusive':
    case 'Expired':
      return 'Stay';
    case 'Unreachable':
    case 'RateLimited':
    case 'NotAllowed':
    case 'NotCheckable':
      return verification === 'Required' ? 'Unconfirmed' : unasked;
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

/** The largest number that fits the status (int32). After it, the count restarts. */
const MOST_MIGRATIONS = 2_000_000_000;

/**
 * The migration of a scan by this very binding that is not in the status yet, because the status could not be written;
 * undefined: there is none. Any number but the next one was either reported before or forged.
 */
export function unreportedMigration(binding: Binding, { bound }: ScheduledScan): Migrated | undefined {
  const isIts = bound?.binding === binding.name && bound.bindingUid === binding.uid;
  return isIts && bound.migrated?.number === nextMigration(binding) ? bound.migrated : undefined;
}
