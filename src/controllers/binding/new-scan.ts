import { isDeepStrictEqual } from 'node:util';
import type { Check, KnownAnswer } from '../../answer/index.ts';
import type { ValidBinding } from '../../binding/index.ts';
import { keyOf } from '../../object/index.ts';
import { fittingBindings, hasUnread, isVerifying, migratesWithin, withinLimits } from '../../policy/index.ts';
import {
  editScan,
  isHeldHere,
  type NewScan,
  type NewScanPlan,
  type OpenReason,
  type RawScan,
  readNewScan,
  type ScanDecision,
  type ScanEdit,
  type ScheduledScan,
  type UnboundReason,
} from '../../scan/index.ts';
import { indexKey, type Selection, type Stores } from '../../state/index.ts';
import { type Decision, decide, type SecretWrite } from './decide.ts';
import { observeBinding } from './observe.ts';
import type { BindingSettings, Known, Observed } from './observed.ts';
import { isStalled, type Resolved, resolve, selectionOf } from './resolve.ts';
import { refusedWrite } from './status/index.ts';
import { restorableAnswers, type VerificationRequests } from './verification/index.ts';

/** The sources of a decision about a Scan. */
export interface NewScanSources {
  readonly stores: Stores;
  readonly settings: BindingSettings;
  /** What the registries have answered to this process; undefined: only what the status of each binding says. */
  readonly registry?: Pick<Known, 'answer' | 'login'>;
}

/** What a plan needs. */
interface Needs {
  /** What to write before the Scan is bound, if it gets a Secret of its own. */
  readonly secretWrite: SecretWrite;
  /** The checks that the plan waits for; undefined: none. */
  readonly requests: VerificationRequests | undefined;
}

export interface PlannedNewScan extends Needs {
  readonly plan: NewScanPlan;
}

export interface NewScanDecision extends Needs {
  readonly decision: ScanDecision;
}

/** Decides what a new Scan gets: {@link planNewScan}, carried out on the whole Scan. */
export function decideNewScan(raw: RawScan, sources: NewScanSources, now: number): NewScanDecision {
  const one = readNewScan(raw);
  const { plan, ...needs } = planNewScan(one, sources, now);
  return { decision: carryOut(plan, raw, one), ...needs };
}

function carryOut(
  { edit, ...plan }: NewScanPlan & { readonly edit?: ScanEdit | undefined },
  raw: RawScan,
  one: NewScan,
): ScanDecision {
  if (edit === undefined) return { ...plan, scan: raw };
  const result = editScan(raw, edit);
  if (result.result === 'Edited') return { ...plan, scan: result.scan };
  return plan.result === 'Bind'
    ? carryOut(unbound(plan.binding, one, 'Taken'), raw, one)
    : { ...plan, scan: raw };
}

/**
 * Plans what a new Scan gets, with the stages `observe`, `resolve` and `decide` of its effective binding. Sends no request.
 *
 * | the Scan | and its effective binding | result |
 * |---|---|---|
 * | is what its bound ScheduledScan delivers | | `Bound` |
 * | | binds it, and the Trivy Secret exists or none is needed | `Bind` |
 * | | waits for an answer, a login or the Trivy Secret, or cannot tell whether to migrate it | `Open` |
 * | | gives it a Secret of its own, and only the leader can create that | `Open` |
 * | | gives it a Secret of its own, has no credential now, and is not stalled | `Open` |
 * | | delivers nothing, or its Trivy Secret was refused | `Unbound` |
 * | | does not exist | `NoBinding` |
 *
 * Without a binding, a Scan of a ScheduledScan is not changed, because the binding of the ScheduledScan decides on it. Any other
 * Scan loses what it has inherited from a bound Scan.
 *
 * @param now - milliseconds since the epoch
 */
export function planNewScan(one: NewScan, sources: NewScanSources, now: number): PlannedNewScan {
  const { stores } = sources;
  const bound = boundByScheduledScan(one, stores);
  if (bound !== undefined) return needingNothing({ result: 'Bound', binding: bound });
  const first = firstBinding(one.scan, sources);
  if (first === undefined) return needingNothing({ result: 'NoBinding', edit: withoutInherited(one) });
  const context = { one, sources, now };
  const { to, ...planned } = planFor(first, context);
  const other = to === undefined ? undefined : stores.bindings.get(indexKey(one.scan, to));
  // The first binding cannot bind the Scan now, and the Scan is bound to another one that fits.
  return other?.validity === 'Valid' ? planFor(other, context) : planned;
}

interface Context {
  readonly one: NewScan;
  readonly sources: NewScanSources;
  readonly now: number;
}

/** @returns `to`: the binding to which this one yields */
function planFor(
  binding: ValidBinding,
  { one, sources, now }: Context,
): PlannedNewScan & { readonly to?: string | undefined } {
  const observed = observeScan(one, observeFor(binding, sources, now), sources);
  const resolved = resolveKnown(binding, observed, sources);
  const decision = decide(resolved);
  const [found] = resolved.scans;
  const to = found?.role.role === 'Yields' ? found.role.to : undefined;
  const plan = planOf({ one, binding: binding.name }, resolved, decision);
  const { requests } = decision;
  return { plan, requests, secretWrite: ownSecretWrite(resolved, decision), to };
}

/**
 * Adds the Scan to the facts about its binding. What it has inherited from another Scan is not a Secret of its own. A request to
 * create a Scan may contain any UID, so only the leader, which reads stored Scans, uses it.
 */
function observeScan(
  { scan, suspension }: NewScan,
  observed: Observed,
  { registry }: NewScanSources,
): Observed {
  const { name, uid } = scan;
  const owner = registry === undefined || uid === '' ? undefined : { name, uid };
  const canHold = observed.known.canHold || suspension !== 'Unsupported';
  return {
    ...observed,
    known: { ...observed.known, canHold },
    scans: [isTemporary(observed) ? { ...scan, bound: undefined } : scan],
    newScan: { owner },
  };
}

/** The reconcile of the binding writes a shared Secret, so a refused write does not prevent a Scan from mounting it as it is. */
function ownSecretWrite({ trivySecret }: Resolved, { secretWrite }: Decision): SecretWrite {
  return trivySecret?.isOfScan === true ? secretWrite : { write: 'None' };
}

function isTemporary({ binding, settings }: Observed): boolean {
  return binding?.validity === 'Valid' && (binding.delivery ?? settings.delivery) === 'Temporary';
}

function needingNothing(plan: NewScanPlan): PlannedNewScan {
  return { plan, requests: undefined, secretWrite: { write: 'None' } };
}

/**
 * The binding of the ScheduledScan that created the Scan, if the Scan has what that ScheduledScan delivers; undefined: it has
 * something else, or the ScheduledScan is not bound.
 */
function boundByScheduledScan(
  { scan, scheduledScan, binding, delivery }: NewScan,
  { scheduledScans }: Stores,
): string | undefined {
  if (scheduledScan === undefined) return undefined;
  const bound = scheduledScans.get(indexKey(scan, scheduledScan))?.bound;
  if (bound === undefined || !bound.intact || bound.binding !== binding) return undefined;
  return isDeepStrictEqual(plain(bound.delivery), plain(delivery)) ? bound.binding : undefined;
}

function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

/** The first binding in the order of precedence that fits the Scan. */
function firstBinding(scan: ScheduledScan, { stores, settings }: NewScanSources): ValidBinding | undefined {
  if (scan.unreadable !== undefined) return undefined;
  const { rivals } = stores;
  const under = (key: string) =>
    rivals.under(scan.namespace, key).filter((binding) => {
      const own = withinLimits(binding, rivals).binding;
      return own.validity === 'Valid' && bindsUnder(own, binding, key);
    });
  for (const binding of fittingBindings(scan, under, settings.scanTypes)) return binding;
  return undefined;
}

/** Whether the binding, whose limits apply, is found under the key. */
function bindsUnder(limited: ValidBinding, { replaces }: ValidBinding, key: string): boolean {
  return limited.replaces.length === replaces.length || !key.startsWith('previous ');
}

function observeFor(
  binding: ValidBinding,
  { stores, settings, registry }: NewScanSources,
  now: number,
): Observed {
  const { answer = () => undefined, login = () => undefined } = registry ?? {};
  const observed = observeBinding(keyOf(binding), { stores, settings, answer, login }, now);
  const selection =
    registry === undefined ? selectionInStatus(stores, settings, now) : observed.known.selection;
  const known: Known = { ...observed.known, selection };
  const none = { scans: [], mentioning: [], unboundScans: [], temporarySecrets: [], newScan: undefined };
  return { ...observed, known, ...none, temporaryWrites: undefined };
}

/** Looks up the selections of rivals as their statuses say, because only the leader reconciles bindings. */
function selectionInStatus(stores: Stores, settings: BindingSettings, now: number): Known['selection'] {
  return (rival) => ({
    get canBind(): boolean {
      return selectionInStatusOf(rival, { stores, settings }, now).canBind;
    },
    get migrates(): boolean {
      return migratesWithin(withinLimits(rival, stores.rivals).limit);
    },
  });
}

function selectionInStatusOf(rival: ValidBinding, sources: NewScanSources, now: number): Selection {
  return selectionOf(resolveKnown(rival, observeFor(rival, sources, now), sources));
}

/** Resolves the binding with what registries have answered, or with what its status says about that. */
function resolveKnown(binding: ValidBinding, observed: Observed, { registry }: NewScanSources): Resolved {
  const resolved = resolve(observed);
  if (registry !== undefined) return resolved;
  const answers = restorableAnswers(binding, resolved);
  if (answers.length === 0) return resolved;
  const known = new Map(answers.map(({ check, ...kept }) => [check.credential, restored(kept)]));
  const answer = ({ credential, exact }: Check) => (exact === true ? undefined : known.get(credential));
  return resolve({ ...observed, known: { ...observed.known, answer } });
}

function restored({
  answer,
  requestedAt,
}: Omit<ReturnType<typeof restorableAnswers>[number], 'check'>): KnownAnswer {
  const isAccepted = answer.result === 'Pullable' || answer.result === 'Allowed';
  const acceptedAt = isAccepted ? requestedAt : undefined;
  return { answer, requestedAt, freshUntil: Number.POSITIVE_INFINITY, acceptedAt, version: undefined };
}

type Subject = Pick<Context, 'one'> & { readonly binding: string };

function planOf(subject: Subject, resolved: Resolved, decision: Decision): NewScanPlan {
  const [plan] = decision.scans;
  const { one, binding } = subject;
  const open = openFor(subject, resolved);
  if (hasUnread(resolved.credentials)) return open('Secret');
  switch (plan?.plan) {
    case 'Edit':
    case 'Wait':
      return planEdit(subject, plan.edit, { decision, resolved });
    case 'Keep':
      return { result: 'Bound', binding };
    case 'NotMigrated':
      return plan.decision === 'Check' ? open('Migration') : unbound(binding, one, 'NotMigrated');
    case 'Unmigratable':
      return unbound(binding, one, 'NotMigrated');
    case 'Broken':
      return unbound(binding, one, 'Error');
    case 'Unbound':
    case undefined: {
      const reason = openReason(resolved);
      return reason === undefined ? unbound(binding, one, 'NoCredential') : open(reason);
    }
    default:
      return unbound(binding, one, 'NoCredential');
  }
}

function openFor({ binding }: Subject, { how }: Resolved) {
  return (reason: OpenReason): NewScanPlan => ({
    ...{ result: 'Open', binding, reason },
    awaitsSecret: how === 'Temporary',
  });
}

function unbound(binding: string, one: NewScan, reason: UnboundReason): NewScanPlan {
  return { result: 'Unbound', binding, reason, edit: withoutInherited(one) };
}

function planEdit(
  subject: Subject,
  edit: ScanEdit,
  { decision, resolved }: { readonly decision: Decision; readonly resolved: Resolved },
): NewScanPlan {
  const { one, binding } = subject;
  const isBind = edit.edit === 'Bind';
  const awaited = isBind && edit.delivery !== undefined ? awaitedSecret(subject, resolved, decision) : 'None';
  if (awaited === 'Refused') return unbound(binding, one, 'NoCredential');
  if (awaited === 'Never') return unbound(binding, one, 'Suspended');
  if (awaited !== 'None') return openFor(subject, resolved)(awaited);
  return isBind
    ? { result: 'Bind', binding, edit }
    : { result: 'Unbound', binding, reason: 'NoCredential', edit };
}

/**
 * The Secret that must exist before the Scan can mount it. The one of a Scan that a user has created suspended would exist for an
 * unknown time, so it is never created.
 */
function awaitedSecret(
  { one }: Subject,
  resolved: Resolved,
  { secretWrite }: Decision,
): 'None' | 'Never' | 'Refused' | 'TrivySecret' | 'OwnSecret' {
  const { trivySecret, newScan } = resolved;
  if (trivySecret?.isOfScan !== true) {
    if (secretWrite.write !== 'Create') return 'None';
    // If the last write was refused, the Scan would wait for nothing.
    return refusedWrite(resolved) === undefined ? 'TrivySecret' : 'Refused';
  }
  if (one.suspension === 'Suspended' && !isHeldHere(one.hold)) return 'Never';
  return newScan?.owner === undefined ? 'OwnSecret' : 'None';
}

/** What the binding waits for before it can deliver anything; undefined: nothing. */
function openReason(resolved: Resolved): OpenReason | undefined {
  const { choice, trivySecret, waitsFor, how } = resolved;
  if (waitsFor.size > 0 || isVerifying(choice.resolution)) return 'Verification';
  if (isLoginAwaited(trivySecret)) return 'Login';
  return how === 'Temporary' && !isStalled(resolved) ? 'Credential' : undefined;
}

function isLoginAwaited(trivySecret: Resolved['trivySecret']): boolean {
  if (trivySecret === undefined) return false;
  const { desired, place } = trivySecret;
  const { content } = desired;
  return content.state === 'LoginMissing' && content.failure === undefined && place.state === 'Free';
}

/** Removes what the Scan has inherited from a bound Scan. Keeps what a ScheduledScan has delivered to it. */
function withoutInherited({ scheduledScan }: NewScan): ScanEdit | undefined {
  return scheduledScan === undefined ? { edit: 'Unbind' } : undefined;
}
