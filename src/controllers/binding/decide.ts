import type { Check, KnownAnswer } from '../../answer/index.ts';
import { repositoryName } from '../../image/index.ts';
import {
  hasSameName,
  isVerifying,
  judgeMove,
  leavesBehind,
  type MoveVerdict,
  matches,
  moveCause,
  type Resolution,
} from '../../policy/index.ts';
import {
  type Delivery,
  isDone,
  type Moved,
  type RunCause,
  type RunRequest,
  requestRun,
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
import { homeCheck, type Observed, type ObservedScan } from './observe.ts';
import { nextMigration } from './status/index.ts';
import { type Inquiry, inquire } from './verification/index.ts';

/** What to do about the Trivy secret. */
export type SecretWrite =
  | { readonly write: 'None' }
  | { readonly write: 'Create'; readonly desired: KnownTrivySecret }
  | { readonly write: 'Replace'; readonly desired: KnownTrivySecret; readonly present: TrivySecret }
  /** Somebody has made it one that cannot be changed: it is deleted and created. */
  | { readonly write: 'Recreate'; readonly desired: KnownTrivySecret; readonly present: TrivySecret }
  /** A Secret that is not ours has the name: it stays as it is, and nothing can be bound. */
  | { readonly write: 'Refused'; readonly desired: DesiredTrivySecret };

/** How one scan stands to the binding, and what is to be done about it. */
export type ScanPlan =
  | { readonly plan: 'Keep'; readonly scan: ScheduledScan }
  | { readonly plan: 'Edit'; readonly scan: ScheduledScan; readonly edit: ScanEdit }
  /** An edit that must wait until the run that is due has begun. */
  | {
      readonly plan: 'Wait';
      readonly scan: ScheduledScan;
      readonly edit: ScanEdit;
      readonly milliseconds: number;
    }
  /** It is to be moved to the binding's image once the registry has said that this has the version; or cannot be. */
  | {
      readonly plan: 'NotMoved';
      readonly scan: ScheduledScan;
      readonly verdict: Exclude<MoveVerdict, 'Move'>;
      readonly check: Check;
      /** When what is known of it was asked, and when it is to be asked again; undefined: nothing is known. */
      readonly home: KnownAnswer | undefined;
    }
  /** It would be bound, but there is no credential to bind it to. */
  | { readonly plan: 'Unbound'; readonly scan: ScheduledScan }
  /** Another binding answers for it. */
  | { readonly plan: 'ServedByAnother'; readonly scan: ScheduledScan; readonly by: string }
  /** The binding only observes: this is what it would do. */
  | { readonly plan: 'Observe'; readonly scan: ScheduledScan }
  /** The scan exceeds a limit of what is read, so it is not changed. */
  | { readonly plan: 'Unreadable'; readonly scan: ScheduledScan; readonly problem: string }
  /** An error in this program prevented a decision, so the scan is not changed. */
  | { readonly plan: 'Broken'; readonly scan: ScheduledScan; readonly error: unknown };

/** What should be. */
export interface Decision {
  readonly resolution: Resolution;
  readonly secretWrite: SecretWrite;
  readonly scans: readonly ScanPlan[];
  readonly inquiry: Inquiry;
}

/** What the scans of a binding are to be handed; `none`: no credential is needed. */
type Bindable = { readonly delivery: Delivery } | 'none';

/**
 * The policy of a binding: from what was seen to what should be. A scan has exactly one binding that answers for
 * it, so no two reconciles write the same scan: the one that serves it; while that has nothing to hand out, the
 * one that holds the scan, if it might serve it too; where none serves it, the one whose name it carries.
 *
 * | who answers for the scan | and | then |
 * |---|---|---|
 * | this binding | a credential is selected, or none is needed | bind it |
 * | this binding | there is no credential, or none may be used yet | what it has bound stays bound, nothing is newly bound |
 * | another | | leave it to that one |
 * | none | it carries this binding's name | let it go |
 */
export function decide(observed: Observed): Decision {
  const secretWrite = decideSecret(observed);
  const bindable = secretWrite.write === 'Refused' ? undefined : bindableOf(observed);
  const plans = observed.scans
    .map((scan) => decideScanAlone(observed, scan, bindable))
    .filter((plan) => plan !== undefined);
  const broken = observed.brokenScans.map((scan) => ({ plan: 'Broken', ...scan }) as const);
  const scans: readonly ScanPlan[] = [...plans, ...broken];
  const inquiry = withHomes(inquire(observed), scans, observed.now);
  return { resolution: observed.choice.resolution, secretWrite, scans, inquiry };
}

/** Asks also whether the versions that scans name are where the scans are to be moved. */
function withHomes(inquiry: Inquiry, scans: readonly ScanPlan[], now: number): Inquiry {
  const unmoved = scans.filter((plan) => plan.plan === 'NotMoved');
  const open = unmoved
    .filter(({ home }) => home === undefined || home.askAgainAt <= now)
    .map(({ check }) => ({ check, patient: false }));
  const later = unmoved
    .flatMap(({ home }) => home?.askAgainAt ?? [])
    .filter((time) => time > now && Number.isFinite(time));
  const times = inquiry.nextAt === undefined ? later : [inquiry.nextAt, ...later];
  return {
    ...inquiry,
    open: [...inquiry.open, ...open],
    nextAt: times.length === 0 ? undefined : Math.min(...times),
  };
}

function bindableOf({ choice: { resolution }, trivySecret }: Observed): Bindable | undefined {
  switch (resolution.result) {
    case 'Selected':
      return deliverable(trivySecret);
    case 'Anonymous':
    case 'NoneNeeded':
      return 'none';
    case 'Withheld':
    case 'Unresolved':
      return undefined;
  }
}

/** Undefined while there is nothing that could be mounted. */
function deliverable(trivySecret: Observed['trivySecret']): Bindable | undefined {
  if (trivySecret === undefined) return undefined;
  const { desired, place } = trivySecret;
  const isWanting = desired.content.state === 'Wanting' && place.state !== 'Ours';
  return isWanting ? undefined : { delivery: desired.delivery };
}

function decideSecret({ binding, trivySecret }: Observed): SecretWrite {
  if (binding?.validity !== 'Valid' || binding.mode !== 'Enforce' || trivySecret === undefined) {
    return { write: 'None' };
  }
  const { desired, place } = trivySecret;
  if (place.state === 'Taken') return { write: 'Refused', desired };
  // A login that is there is left, and one that is wanting is asked for.
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

/** An error with one scan does not prevent others from being bound. */
function decideScanAlone(
  observed: Observed,
  one: ObservedScan,
  bindable: Bindable | undefined,
): ScanPlan | undefined {
  try {
    return decideScan(observed, one, bindable);
  } catch (error) {
    return { plan: 'Broken', scan: one.scan, error };
  }
}

function decideScan(
  observed: Observed,
  one: ObservedScan,
  bindable: Bindable | undefined,
): ScanPlan | undefined {
  const { scan, server, serverIsAble, holderMayServe } = one;
  if (scan.unreadable !== undefined) return { plan: 'Unreadable', scan, problem: scan.unreadable };
  if (server === undefined) return decideUnserved(observed, one, bindable);
  const holder = holderMayServe ? scan.bound?.binding : undefined;
  const answering = serverIsAble === false ? (holder ?? server) : server;
  if (answering === observed.name) return decideServed(observed, one, bindable);
  if (server === observed.name) return { plan: 'Unbound', scan };
  return wouldServe(observed, scan) ? { plan: 'ServedByAnother', scan, by: answering } : undefined;
}

function decideUnserved(
  observed: Observed,
  one: ObservedScan,
  bindable: Bindable | undefined,
): ScanPlan | undefined {
  const { scan } = one;
  const left = decideLeftBehind(observed, one, bindable);
  if (left !== undefined) return left;
  if (scan.bound?.binding === observed.name) return planEdit(observed, scan, { edit: 'LetGo' });
  return wouldServe(observed, scan) ? { plan: 'Observe', scan } : undefined;
}

/** What becomes of a scan that a changed `spec.image` leaves behind; undefined: it is let go. */
function decideLeftBehind(
  observed: Observed,
  one: ObservedScan,
  bindable: Bindable | undefined,
): ScanPlan | undefined {
  if (!leavesBehind(observed.binding, one.scan, observed.scanTypes)) return undefined;
  // Until there is a credential for the new home, the scan goes on with what it has.
  if (bindable === undefined) return { plan: 'Keep', scan: one.scan };
  const plan = decideMove(observed, one, bindable);
  return plan?.plan === 'NotMoved' && plan.verdict === 'Stay' ? undefined : plan;
}

/** The one write that changes image and credential together, or why there is none; undefined: the scan stays where it is. */
function decideMove(
  observed: Observed,
  { scan, home, source }: ObservedScan,
  bindable: Bindable,
): ScanPlan | undefined {
  const { binding, choice } = observed;
  const { image } = scan;
  if (binding?.validity !== 'Valid' || image === undefined) return undefined;
  const cause = moveCause(binding, scan, { served: wouldServe(observed, scan) });
  if (cause === undefined) return undefined;
  const { verification } = binding;
  const sameName = hasSameName(binding.image, image);
  const ambient = binding.imagePullSecrets.length === 0;
  const verdict = judgeMove({ cause, verification, home, sameName, ambient });
  const check = homeCheck(binding, image, choice.resolution);
  if (verdict !== 'Move') return { plan: 'NotMoved', scan, verdict, check, home };
  const moved: Moved = { from: repositoryName(image), source, number: nextMigration(binding) };
  const request = requestFor(scan, 'Moved', observed.now);
  const bind = { edit: 'Bind', ...holderOf(observed), delivery: deliveryOf(bindable) } as const;
  return planEdit(observed, scan, { ...bind, image: check.image, moved, request });
}

/** One that is suspended is not to run. */
function requestFor({ schedule }: ScheduledScan, cause: RunCause, now: number): RunRequest | undefined {
  return schedule.suspended ? undefined : requestRun(cause, now);
}

/** A scan that has run without a credential, and failed for all that is known, is to run again once it has one. */
function firstRequest({ scan, lastRun }: ObservedScan, now: number): RunRequest | undefined {
  const hasRun = scan.schedule.lastRunAt !== undefined && lastRun !== 'Done';
  return scan.bound === undefined && hasRun ? requestFor(scan, 'Bound', now) : undefined;
}

/** Whose name and UID a scan is to carry. */
function holderOf({
  name,
  binding,
}: Observed): Pick<Extract<ScanEdit, { edit: 'Bind' }>, 'binding' | 'bindingUid'> {
  return { binding: name, bindingUid: binding?.uid };
}

function deliveryOf(bindable: Bindable): Delivery | undefined {
  return bindable === 'none' ? undefined : bindable.delivery;
}

function decideServed(observed: Observed, one: ObservedScan, bindable: Bindable | undefined): ScanPlan {
  const { scan } = one;
  const holder = holderOf(observed);
  if (bindable !== undefined) {
    const move = decideMove(observed, one, bindable);
    const request = firstRequest(one, observed.now);
    const bind = { edit: 'Bind', ...holder, delivery: deliveryOf(bindable), request } as const;
    return move ?? planEdit(observed, scan, bind);
  }
  if (scan.bound === undefined) return { plan: 'Unbound', scan };
  // What another left behind goes, once it is known that there is nothing better for that image; what this one has bound stays.
  const isOpen = isVerifying(observed.choice.resolution) || isElsewhere(observed, scan);
  if (scan.bound.binding !== holder.binding && isOpen) return { plan: 'Unbound', scan };
  if (scan.bound.binding !== holder.binding) return planEdit(observed, scan, { edit: 'LetGo' });
  return planEdit(observed, scan, { edit: 'Bind', ...holder, delivery: scan.bound.delivery });
}

/** Whether the scan names an earlier home: what is missing for the new one says nothing about the credential for that. */
function isElsewhere({ binding }: Observed, scan: ScheduledScan): boolean {
  return binding?.validity === 'Valid' && moveCause(binding, scan, { served: true }) !== undefined;
}

function wouldServe({ binding, scanTypes }: Observed, scan: ScheduledScan): boolean {
  return binding?.validity === 'Valid' && matches(binding, scan, scanTypes);
}

function planEdit(observed: Observed, scan: ScheduledScan, edit: ScanEdit): ScanPlan {
  if (isDone(scan, edit)) return { plan: 'Keep', scan };
  const milliseconds = waitBeforeWrite(scan.schedule, observed.now);
  return milliseconds === 0 ? { plan: 'Edit', scan, edit } : { plan: 'Wait', scan, edit, milliseconds };
}
