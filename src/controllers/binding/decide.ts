import type { Check, KnownAnswer } from '../../answer/index.ts';
import type { RevertedWrite } from '../../api/index.ts';
import type { ValidBinding } from '../../binding/index.ts';
import { type ImageReference, repositoryName } from '../../image/index.ts';
import {
  applicableRevertedWrite,
  chosenCandidate,
  fits,
  isVerifying,
  type MigrationDecision,
  migrationCause,
  migrationOf,
  nextMigration,
  nextWriteAt,
  type Resolution,
} from '../../policy/index.ts';
import {
  isDone,
  type Migrated,
  type RunCause,
  type RunRequest,
  requestRun,
  type ScanDelivery,
  type ScanEdit,
  type ScheduledScan,
  waitBeforeWrite,
} from '../../scan/index.ts';
import {
  type DesiredTrivySecret,
  isKnown,
  type KnownTrivySecret,
  type TrivySecret,
} from '../../secret/index.ts';
import { isMisread } from './misread.ts';
import type { Resolved, ResolvedScan } from './resolve.ts';
import { type VerificationRequests, verificationRequests } from './verification/index.ts';

/** What to do about the Trivy Secret. */
export type SecretWrite =
  | { readonly write: 'None' }
  | { readonly write: 'Create'; readonly desired: KnownTrivySecret }
  | { readonly write: 'Replace'; readonly desired: KnownTrivySecret; readonly present: TrivySecret }
  /** A user has made the Secret immutable or changed its type, so it is deleted and created again. */
  | { readonly write: 'Recreate'; readonly desired: KnownTrivySecret; readonly present: TrivySecret }
  /** A Secret that the controller does not own has the name. It is not changed, and no scan can be bound. */
  | { readonly write: 'Refused'; readonly desired: DesiredTrivySecret };

/** What to do about one scan, and what to report about it. */
export type ScanPlan =
  | { readonly plan: 'Keep'; readonly scan: ScheduledScan }
  | { readonly plan: 'Edit'; readonly scan: ScheduledScan; readonly edit: ScanEdit }
  /** The scan is not written. Its Scans are bound when they are created. */
  | {
      readonly plan: 'AtCreation';
      readonly scan: ScheduledScan;
      readonly delivery: ScanDelivery | undefined;
      /** Whether each Scan gets a temporary Secret. */
      readonly isTemporary: boolean;
      /** The image that its Scans get instead of the one that the scan names; undefined: the same. */
      readonly image: ImageReference | undefined;
    }
  /** An edit that must wait until the run that is due has begun. */
  | {
      readonly plan: 'Wait';
      readonly scan: ScheduledScan;
      readonly edit: ScanEdit;
      readonly milliseconds: number;
    }
  /** An edit that must wait, because another field manager has reverted the last ones. */
  | {
      readonly plan: 'BackOff';
      readonly scan: ScheduledScan;
      readonly reverted: RevertedWrite;
      readonly milliseconds: number;
    }
  /** The scan should name the binding's image, but it is not migrated now. */
  | {
      readonly plan: 'NotMigrated';
      readonly scan: ScheduledScan;
      readonly decision: Exclude<MigrationDecision, 'Migrate'>;
      readonly check: Check;
      /** The current answer, and when to repeat the check; undefined: there is none. */
      readonly known: KnownAnswer | undefined;
    }
  /** The scan should name the binding's image, but its image is not certain, so it is not rewritten. */
  | { readonly plan: 'Unmigratable'; readonly scan: ScheduledScan; readonly after: string }
  /** The scan would be bound, but no credential is available for it. */
  | { readonly plan: 'Unbound'; readonly scan: ScheduledScan }
  /** Another binding is effective for the scan. */
  | { readonly plan: 'Yield'; readonly scan: ScheduledScan; readonly to: string }
  /** The binding only observes, and would bind the scan. */
  | { readonly plan: 'Observe'; readonly scan: ScheduledScan }
  /** The scan exceeds a limit of the controller, so it is not changed. */
  | { readonly plan: 'Unreadable'; readonly scan: ScheduledScan; readonly problem: string }
  /** An error in this program prevented a decision, so the scan is not changed. */
  | { readonly plan: 'Broken'; readonly scan: ScheduledScan; readonly error: unknown };

/** The writes and checks that a reconcile has decided on. */
export interface Decision {
  readonly resolution: Resolution;
  readonly secretWrite: SecretWrite;
  readonly scans: readonly ScanPlan[];
  readonly requests: VerificationRequests;
}

/** The delivery to which scans are bound; `none`: no credential is needed. */
type Bindable = { readonly delivery: ScanDelivery } | 'none';

/**
 * Decides what to write and what to check. Reads no clock and does no I/O: the time and the look-ups in memory are in the argument.
 *
 * | role of a scan | and | then |
 * |---|---|---|
 * | `Effective` | a credential is selected, or none is needed | bind the scan, and migrate it if it names another repository |
 * | `Effective` | the Scans of the scan are bound when they are created | unbind the scan once, and do not change it afterwards |
 * | `Effective` | each Scan gets a Secret of its own, and a credential is selected | the same |
 * | `Effective` | there is no credential, or it may not be used yet | a scan that is bound to this binding stays bound |
 * | `Effective` | Trivy would misread the pull secret that the scan mounts | unbind the scan |
 * | `LeftBehind` | | migrate the scan, or unbind it if the new repository does not have the image |
 * | `Former` | | unbind the scan |
 * | any other | | do not change the scan |
 */
export function decide(resolved: Resolved): Decision {
  const secretWrite = decideSecret(resolved);
  const bindable = secretWrite.write === 'Refused' ? undefined : bindableOf(resolved);
  const plans = resolved.scans
    .map((scan) => decideScanAlone(resolved, scan, bindable))
    .filter((plan) => plan !== undefined);
  const broken = resolved.brokenScans.map((scan) => ({ plan: 'Broken', ...scan }) as const);
  const scans: readonly ScanPlan[] = [...plans, ...broken];
  const manifests = scans.filter((plan) => plan.plan === 'NotMigrated');
  const requests = verificationRequests(resolved, manifests);
  return { resolution: resolved.choice.resolution, secretWrite, scans, requests };
}

function bindableOf({ choice: { resolution }, direct, trivySecret }: Resolved): Bindable | undefined {
  switch (resolution.result) {
    case 'Selected':
      return direct === undefined ? deliverable(trivySecret) : { delivery: direct };
    case 'Anonymous':
    case 'NoneNeeded':
      return 'none';
    case 'Withheld':
    case 'Unresolved':
      return undefined;
  }
}

/**
 * undefined: there is no Secret yet that a scan could mount. While a login is missing, a shared Secret is mounted with its present
 * content. The Secret of a single Scan has content only from a controller that stopped, and perhaps of another credential.
 */
function deliverable(trivySecret: Resolved['trivySecret']): Bindable | undefined {
  if (trivySecret === undefined) return undefined;
  const { desired, place, isOfScan } = trivySecret;
  const isMissing = desired.content.state === 'LoginMissing' && (isOfScan || place.state !== 'Ours');
  return isMissing ? undefined : { delivery: desired.delivery };
}

function decideSecret(resolved: Resolved): SecretWrite {
  const { binding } = resolved;
  const trivySecret = writableSecret(resolved);
  if (binding?.validity !== 'Valid' || binding.mode !== 'Enforce' || trivySecret === undefined) {
    return { write: 'None' };
  }
  const { desired, place } = trivySecret;
  if (place.state === 'Taken') return { write: 'Refused', desired };
  // The login in the Secret stays until there is a new one. A missing login is requested first.
  if (!isKnown(desired)) return { write: 'None' };
  switch (place.state) {
    case 'Free':
      return { write: 'Create', desired };
    case 'Ours': {
      const present = place.secret;
      if (present.fingerprint === desired.content.fingerprint) return { write: 'None' };
      return { write: present.replaceable ? 'Replace' : 'Recreate', desired, present };
    }
  }
}

/** undefined: no Secret is needed, or its name is not known, because it belongs to a Scan that does not exist yet. */
function writableSecret({ trivySecret, newScan }: Resolved): Resolved['trivySecret'] {
  return trivySecret?.isOfScan === true && newScan?.owner === undefined ? undefined : trivySecret;
}

/** An error with one scan does not prevent others from being bound. */
function decideScanAlone(
  resolved: Resolved,
  resolvedScan: ResolvedScan,
  bindable: Bindable | undefined,
): ScanPlan | undefined {
  try {
    return decideScan(resolved, resolvedScan, bindable);
  } catch (error) {
    return { plan: 'Broken', scan: resolvedScan.scan, error };
  }
}

function decideScan(
  resolved: Resolved,
  resolvedScan: ResolvedScan,
  bindable: Bindable | undefined,
): ScanPlan | undefined {
  const { scan, role } = resolvedScan;
  if (scan.unreadable !== undefined) return { plan: 'Unreadable', scan, problem: scan.unreadable };
  switch (role.role) {
    case 'Effective':
      return decideEffective(resolved, resolvedScan, bindable);
    case 'Yields':
      return role.isFirst ? { plan: 'Unbound', scan } : { plan: 'Yield', scan, to: role.to };
    case 'LeftBehind':
      return decideLeftBehind(resolved, resolvedScan, bindable);
    case 'Former':
      return planEdit(resolved, scan, { edit: 'Unbind' });
    case 'WouldBind':
      return { plan: 'Observe', scan };
    case 'Undecided':
    case 'None':
      return undefined;
  }
}

function decideLeftBehind(
  resolved: Resolved,
  resolvedScan: ResolvedScan,
  bindable: Bindable | undefined,
): ScanPlan {
  const { scan } = resolvedScan;
  // Until there is a credential for the new repository, the scan keeps its current one.
  if (bindable === undefined) return { plan: 'Keep', scan };
  const plan = planMigration(resolved, resolvedScan, bindable);
  const isToMigrate = plan !== undefined && !(plan.plan === 'NotMigrated' && plan.decision === 'Stay');
  return isToMigrate ? plan : planEdit(resolved, scan, { edit: 'Unbind' });
}

/**
 * The one write that changes image and credential together, or why it is not done now; undefined: the scan already names
 * the binding's image.
 */
function planMigration(
  resolved: Resolved,
  { scan, source }: ResolvedScan,
  bindable: Bindable,
): ScanPlan | undefined {
  const { binding, choice, known, now } = resolved;
  const { image } = scan;
  if (binding?.validity !== 'Valid' || image === undefined) return undefined;
  const credential = chosenCandidate(choice.resolution)?.credential;
  const context = { fits: isFitting(resolved, binding, scan), credential, answer: known.answer };
  const migration = migrationOf(binding, scan, context);
  if (migration === undefined) return undefined;
  if (scan.imageAfter !== undefined) return { plan: 'Unmigratable', scan, after: scan.imageAfter };
  const { decision, check } = migration;
  if (decision !== 'Migrate') return { plan: 'NotMigrated', scan, decision, check, known: migration.known };
  const migrated: Migrated = { from: repositoryName(image), source, number: nextMigration(binding) };
  const request = requestFor(scan, 'Migrated', now);
  const bind = { edit: 'Bind', ...holderOf(resolved), delivery: deliveryIn(bindable) } as const;
  return planEdit(resolved, scan, { ...bind, image: check.image, migrated, request });
}

/** The run to request; undefined: the scan is suspended, so it must not run. */
function requestFor({ schedule }: ScheduledScan, cause: RunCause, now: number): RunRequest | undefined {
  return schedule.suspended ? undefined : requestRun(cause, now);
}

/** Requests a run when a scan is first bound, if it has run without a credential and is not known to have succeeded. */
function firstRequest({ scan, lastRun }: ResolvedScan, now: number): RunRequest | undefined {
  const hasRun = scan.schedule.lastRunAt !== undefined && lastRun !== 'Done';
  return scan.bound === undefined && hasRun ? requestFor(scan, 'Bound', now) : undefined;
}

/** The name and UID of the binding that a bound scan carries. */
function holderOf({
  name,
  binding,
}: Resolved): Pick<Extract<ScanEdit, { edit: 'Bind' }>, 'binding' | 'bindingUid'> {
  return { binding: name, bindingUid: binding?.uid };
}

function deliveryIn(bindable: Bindable): ScanDelivery | undefined {
  return bindable === 'none' ? undefined : bindable.delivery;
}

/**
 * The plan for a scan whose Scans are bound when they are created. The webhook makes the same decision about each of them.
 */
function decideAtCreation(
  resolved: Resolved,
  resolvedScan: ResolvedScan,
  bindable: Bindable | undefined,
): ScanPlan {
  const { scan } = resolvedScan;
  if (scan.bound !== undefined) return planEdit(resolved, scan, { edit: 'Unbind' });
  if (bindable === undefined) return { plan: 'Unbound', scan };
  const plan = planMigration(resolved, resolvedScan, bindable);
  const delivery = deliveryIn(bindable);
  const isTemporary = delivery !== undefined && resolved.how === 'Temporary';
  const atCreation = { plan: 'AtCreation', scan, delivery, isTemporary } as const;
  if (plan === undefined) return { ...atCreation, image: undefined };
  // The edit is not written. It says which image the Scans get.
  return 'edit' in plan && plan.edit.edit === 'Bind' ? { ...atCreation, image: plan.edit.image } : plan;
}

/** False for a Scan, because it is bound itself. */
function isBoundAtCreation(resolved: Resolved, scan: ScheduledScan, bindable: Bindable | undefined): boolean {
  if (resolved.newScan !== undefined) return false;
  // A bound scan keeps what it has until its Scans can get something else.
  if (resolved.how === 'Temporary' && bindable !== undefined) return true;
  const { boundAtCreation } = resolved.settings;
  const isFromGit = scan.gitManager !== undefined || revertedIn(resolved, scan) !== undefined;
  return boundAtCreation === 'All' || (boundAtCreation === 'GitManaged' && isFromGit);
}

function revertedIn({ binding }: Resolved, scan: ScheduledScan): RevertedWrite | undefined {
  return binding === undefined ? undefined : applicableRevertedWrite(binding, scan);
}

function decideEffective(
  resolved: Resolved,
  resolvedScan: ResolvedScan,
  bindable: Bindable | undefined,
): ScanPlan {
  const { scan } = resolvedScan;
  if (isBoundAtCreation(resolved, scan, bindable)) return decideAtCreation(resolved, resolvedScan, bindable);
  const holder = holderOf(resolved);
  if (bindable !== undefined) {
    const migration = planMigration(resolved, resolvedScan, bindable);
    const request = firstRequest(resolvedScan, resolved.now);
    const bind = { edit: 'Bind', ...holder, delivery: deliveryIn(bindable), request } as const;
    return migration ?? planEdit(resolved, scan, bind);
  }
  return scan.bound === undefined ? { plan: 'Unbound', scan } : decideBound(resolved, scan, scan.bound);
}

/** The plan for a bound scan while the binding has nothing to deliver. */
function decideBound(
  resolved: Resolved,
  scan: ScheduledScan,
  { binding, delivery }: NonNullable<ScheduledScan['bound']>,
): ScanPlan {
  const holder = holderOf(resolved);
  const isPrevious = namesPreviousRepository(resolved, scan);
  if (!isPrevious && delivery?.mounts === 'PullSecret' && isMisread(resolved, delivery.secretName))
    return planEdit(resolved, scan, { edit: 'Unbind' });
  const rebind = { edit: 'Bind', ...holder, delivery } as const;
  const isRepeatable = binding === holder.binding && (isNamed(resolved, delivery) || isDone(scan, rebind));
  if (isRepeatable) return planEdit(resolved, scan, rebind);
  // A delivery that this binding may not write stays while the binding may still get a credential for the image of the scan.
  const isOpen = isVerifying(resolved.choice.resolution) || isPrevious;
  return isOpen ? { plan: 'Unbound', scan } : planEdit(resolved, scan, { edit: 'Unbind' });
}

/**
 * Whether the controller may write a delivery again that it knows only from the scan. Any user who may write the scan may have
 * forged it, and must not make the controller mount a pull secret that the binding does not name.
 */
function isNamed({ credentials }: Resolved, delivery: ScanDelivery | undefined): boolean {
  return (
    delivery?.mounts !== 'PullSecret' || credentials.secrets.some(({ name }) => name === delivery.secretName)
  );
}

/** A missing credential for the new repository says nothing about the credential for the previous one. */
function namesPreviousRepository({ binding }: Resolved, scan: ScheduledScan): boolean {
  return binding?.validity === 'Valid' && migrationCause(binding, scan, { fits: true }) !== undefined;
}

function isFitting({ settings }: Resolved, binding: ValidBinding, scan: ScheduledScan): boolean {
  return fits(binding, scan, settings.scanTypes);
}

function planEdit(resolved: Resolved, scan: ScheduledScan, edit: ScanEdit): ScanPlan {
  const { now } = resolved;
  if (isDone(scan, edit)) return { plan: 'Keep', scan };
  const reverted = edit.edit === 'Bind' ? revertedIn(resolved, scan) : undefined;
  const wait = reverted === undefined ? 0 : nextWriteAt(reverted) - now;
  if (reverted !== undefined && wait > 0) return { plan: 'BackOff', scan, reverted, milliseconds: wait };
  const milliseconds = waitBeforeWrite(scan.schedule, now);
  return milliseconds === 0 ? { plan: 'Edit', scan, edit } : { plan: 'Wait', scan, edit, milliseconds };
}
