import type { KnownAnswer } from '../../answer/index.ts';
import type { ConditionReason, Delivery } from '../../api/index.ts';
import type { Binding, ValidBinding } from '../../binding/index.ts';
import { fit } from '../../image/index.ts';
import { keyOf } from '../../object/index.ts';
import { planDelivery } from '../../platform/index.ts';
import {
  bindingKeys,
  type Choice,
  type Credentials,
  choose,
  chosenCandidate,
  credentialsOf,
  type Evidence,
  evidenceInStatus,
  firstAnswerDeadline,
  type Limit,
  migratesWithin,
  type Puller,
  permitsBinding,
  type RivalLookup,
  type RoleContext,
  type ScanRole,
  scanRole,
  versionOf,
  withinLimits,
} from '../../policy/index.ts';
import type { Run, ScanDelivery, ScanRun, ScheduledScan } from '../../scan/index.ts';
import {
  type Candidate,
  type DesiredTrivySecret,
  describeCandidate,
  desiredTrivySecret,
  directDelivery,
  identityOf,
  type SecretOwner,
  type TrivySecretIdentity,
  type TrivySecretInput,
} from '../../secret/index.ts';
import type { Selection } from '../../state/index.ts';
import type { Known, Observed, TrivySecretPlace } from './observed.ts';

/** What follows from the facts: the credential, the Trivy Secret that should exist, and the role of each scan. */
export interface Resolved extends Omit<Observed, 'secrets' | 'scans' | 'unboundScans'> {
  /** How scans get the credential; undefined: the binding is not valid, or was deleted. */
  readonly how: Delivery | undefined;
  /** The binding, without `replaces` if a limit requires it; undefined: it was deleted. */
  readonly binding: Binding | undefined;
  /** The limit that prevents the binding from doing all that its spec says; undefined: none. */
  readonly limit: Limit | undefined;
  readonly credentials: Credentials;
  /** What the status and the registries report about the credentials. */
  readonly evidence: Evidence;
  readonly choice: Choice;
  /**
   * The Secret that delivers the chosen credential to Trivy, and the object under its name; undefined: none is needed.
   * `isOfScan`: it is a temporary Secret, so each Scan has its own. Its name contains a hash of the UID of the Scan, so it is known
   * only if `newScan` has an owner.
   */
  readonly trivySecret:
    | { readonly desired: DesiredTrivySecret; readonly place: TrivySecretPlace; readonly isOfScan: boolean }
    | undefined;
  /** How scans mount the pull secret itself, instead of a Trivy Secret; undefined: they do not. */
  readonly direct: ScanDelivery | undefined;
  /** Why the chosen credential cannot be delivered to Trivy for this registry; undefined: it can. */
  readonly undeliverable: Undeliverable | undefined;
  readonly scans: readonly ResolvedScan[];
  /** The scans whose role the controller failed to find, each with its error. */
  readonly brokenScans: readonly BrokenScan[];
  /**
   * The Scans of the last day for which this binding is effective, and that run without what it delivers. The newest ones come
   * first.
   */
  readonly unboundScans: readonly Run[];
  /** Keys of the bindings that must be reconciled first, because the role of a scan depends on them. */
  readonly waitsFor: ReadonlySet<string>;
}

/**
 * `NotDirect`: Trivy would read something else from the pull secret. `SecretsReadOnly`: a Trivy Secret is needed, and the
 * controller may not write Secrets. `AdmissionOff`, `ScansNotHeld`: a Scan would start before its temporary Secret exists.
 * `Undeliverable`: Trivy cannot use the credential for this registry.
 */
interface Undeliverable {
  readonly reason: 'NotDirect' | 'SecretsReadOnly' | 'AdmissionOff' | 'ScansNotHeld' | 'Undeliverable';
  readonly message: string;
}

export interface ResolvedScan {
  readonly scan: ScheduledScan;
  readonly role: ScanRole;
  /** Name of the source Secret of the Trivy Secret that the scan mounts; undefined: none, or not known. */
  readonly source: string | undefined;
  /** The state of the newest Scan; undefined: there is none, or the ScheduledScan is bound. */
  readonly lastRun: ScanRun['state'] | undefined;
}

/** A scan that cannot be bound because of an error in this program. Other scans are not affected. */
interface BrokenScan {
  readonly scan: ScheduledScan;
  readonly error: unknown;
}

type Chosen = Pick<Resolved, 'credentials' | 'evidence' | 'choice'>;
type Delivered = Pick<Resolved, 'trivySecret' | 'direct' | 'undeliverable'>;

const NOTHING_CHOSEN: Chosen = {
  credentials: { secrets: [], candidates: [], more: 0 },
  evidence: {
    verification: 'Never',
    inUse: undefined,
    reported: undefined,
    isWaitOver: false,
    answers: new Map(),
  },
  choice: { resolution: { result: 'NoneNeeded', verified: { outcome: 'Disabled' } }, restsOn: [] },
};
const NOTHING_DELIVERED: Delivered = { trivySecret: undefined, direct: undefined, undeliverable: undefined };
const DELETED = { binding: undefined, limit: undefined };

/**
 * Chooses the credential of a binding, computes the Trivy Secret that should deliver it, and finds the role of each scan.
 * Reads no clock and does no I/O. It looks up other bindings, scans and answers in memory, through `known`.
 */
export function resolve(observed: Observed): Resolved {
  const { known } = observed;
  const { binding, limit } =
    observed.binding === undefined ? DELETED : withinLimits(observed.binding, known.rivals);
  const valid = binding?.validity === 'Valid' ? binding : undefined;
  const chosen = valid === undefined ? NOTHING_CHOSEN : chooseFor(valid, observed);
  const delivered = valid === undefined ? NOTHING_DELIVERED : deliver(valid, chosen, observed);
  const canBind = isDeliverable(chosen.choice, delivered);
  const delivers = delivered.trivySecret !== undefined;
  const scans = resolveScans(observed, { binding: valid, canBind, limit, delivers });
  const how = valid && deliveryOf(valid, observed);
  return { ...observed, binding, limit, how, ...chosen, ...delivered, ...scans };
}

/** The result of a resolution that other bindings and Trivy Secrets depend on. */
export function selectionOf(resolved: Resolved): Selection {
  const { binding, choice, trivySecret, limit } = resolved;
  const isEnforced = binding?.validity === 'Valid' && binding.mode === 'Enforce';
  return {
    canBind: isEnforced && isDeliverable(choice, resolved),
    migrates: migratesWithin(limit),
    trivySecret: isEnforced ? sharedSecret(trivySecret)?.desired.name : undefined,
    hasFailed: false,
  };
}

/** The Secret that all scans of the binding mount; undefined: there is none. */
export function sharedSecret(trivySecret: Resolved['trivySecret']): Resolved['trivySecret'] {
  return trivySecret?.isOfScan === true ? undefined : trivySecret;
}

/** How scans of the binding get the credential. */
export function deliveryOf(binding: ValidBinding, { settings }: Pick<Observed, 'settings'>): Delivery {
  return binding.delivery ?? settings.delivery;
}

function isDeliverable({ resolution }: Choice, { trivySecret, undeliverable }: Delivered): boolean {
  return permitsBinding(resolution) && undeliverable === undefined && trivySecret?.place.state !== 'Taken';
}

function chooseFor(binding: ValidBinding, { secrets, settings, known, now }: Observed): Chosen {
  const credentials = credentialsOf(binding, secrets);
  const { verification } = binding;
  const deadline = firstAnswerDeadline(binding, settings.firstAnswerTimeoutMs, now);
  const evidence: Evidence = {
    verification,
    ...evidenceInStatus(binding, credentials),
    isWaitOver: verification === 'Preferred' && deadline <= now,
    answers: knownAnswers(binding, credentials, known),
  };
  return { credentials, evidence, choice: choose(credentials, evidence) };
}

function knownAnswers(
  { image, verification }: ValidBinding,
  { candidates }: Credentials,
  known: Known,
): Evidence['answers'] {
  const answers = new Map<Puller, KnownAnswer>();
  if (verification === 'Never') return answers;
  for (const puller of [...candidates, undefined]) {
    const answer = known.answer({ image, credential: puller?.credential });
    if (answer !== undefined) answers.set(puller, answer);
  }
  return answers;
}

/** How the chosen credential is delivered, or why it cannot be delivered. */
function deliver(binding: ValidBinding, chosen: Chosen, observed: Observed): Delivered {
  const candidate = chosenCandidate(chosen.choice.resolution);
  if (candidate === undefined) return NOTHING_DELIVERED;
  const how = deliveryOf(binding, observed);
  if (how === 'Direct') return deliverDirectly(binding, chosen, candidate);
  return obstacleTo(how, observed) ?? deliverBySecret(binding, chosen, { candidate, observed });
}

/** Why the controller cannot deliver credentials in Secrets of its own; undefined: it can. */
function obstacleTo(how: Exclude<Delivery, 'Direct'>, { settings, known }: Observed): Delivered | undefined {
  if (!settings.writesSecrets)
    return undeliverable(
      'SecretsReadOnly',
      `the delivery ${how} needs a Secret for Trivy, and this controller is not allowed to write Secrets`,
    );
  if (how === 'Shared') return undefined;
  if (!settings.admission)
    return undeliverable(
      'AdmissionOff',
      'the delivery Temporary needs the admission webhook, which holds each Scan until its Secret exists, and the webhook is off',
    );
  if (known.canHold) return undefined;
  return undeliverable(
    'ScansNotHeld',
    'the delivery Temporary holds each Scan until its Secret exists, and the CRD of Scans has no field spec.suspend, so no Scan can be held',
  );
}

function undeliverable(reason: Undeliverable['reason'], message: string): Delivered {
  return { ...NOTHING_DELIVERED, undeliverable: { reason, message } };
}

function deliverDirectly(
  { image }: ValidBinding,
  { credentials: { secrets } }: Chosen,
  candidate: Candidate,
): Delivered {
  const direct = directDelivery(candidate, secrets, image);
  return direct.result === 'Direct'
    ? { ...NOTHING_DELIVERED, direct: direct.delivery }
    : undeliverable('NotDirect', direct.message);
}

/** The Trivy Secret that delivers a credential, or why it cannot be delivered. */
function deliverBySecret(
  binding: ValidBinding,
  { credentials }: Chosen,
  { candidate, observed }: { readonly candidate: Candidate; readonly observed: Observed },
): Delivered {
  const { known, now } = observed;
  const { host } = binding.image;
  const plan = planDelivery(candidate.credential, host);
  if (plan.result === 'Undeliverable')
    return undeliverable('Undeliverable', `${describeCandidate(candidate)}: ${plan.message}`);
  const identity = identityOf(candidate, host);
  const isOfScan = deliveryOf(binding, observed) === 'Temporary';
  const scan = isOfScan ? observed.newScan?.owner : undefined;
  const place = placeOf(identity, { isOfScan, scan }, known);
  const login = {
    host,
    source: versionOf(candidate, credentials) ?? '',
    present: place.state === 'Ours' ? place.secret : undefined,
    known: candidate.credential.kind === 'platform' ? known.login(candidate.credential, host) : undefined,
    untilExpiration: isOfScan,
    now,
  };
  const input: TrivySecretInput =
    plan.result === 'TrivyAuth' ? plan : { ...login, result: 'Login', env: plan.env };
  const user = { namespace: binding.namespace, binding: binding.name, scan };
  const desired = desiredTrivySecret(user, identity, input);
  return { ...NOTHING_DELIVERED, trivySecret: { desired, place, isOfScan } };
}

/** The object under the name of the Trivy Secret. Nothing is under a name that is not known yet. */
function placeOf(
  identity: TrivySecretIdentity,
  { isOfScan, scan }: { readonly isOfScan: boolean; readonly scan: SecretOwner | undefined },
  known: Known,
): TrivySecretPlace {
  if (!isOfScan) return known.trivySecretPlace(identity);
  return scan === undefined ? { state: 'Free' } : known.temporarySecretPlace(scan);
}

/** Reasons for which a user has to act, because a retry cannot help. */
export const STALLING: ReadonlySet<ConditionReason> = new Set([
  'NotAnnotated',
  'NotDirect',
  'SecretsReadOnly',
  'AdmissionOff',
  'ScansNotHeld',
]);

/** Whether a Scan of the binding gets no credential until a user acts. */
export function isStalled({ limit, undeliverable, choice: { resolution } }: Resolved): boolean {
  if (limit !== undefined) return true;
  const unresolved = resolution.result === 'Unresolved' ? resolution.reason : undefined;
  const reason = undeliverable?.reason ?? unresolved;
  return reason !== undefined && STALLING.has(reason);
}

/** What the roles of scans depend on in the binding that is resolved, as opposed to its rivals. */
interface OwnFacts extends Pick<RoleContext, 'binding' | 'canBind'> {
  readonly limit: Limit | undefined;
  /** Whether it delivers a credential. */
  readonly delivers: boolean;
}

/** An error with one scan does not prevent others from being bound. */
function resolveScans(
  observed: Observed,
  { limit, delivers, ...own }: OwnFacts,
): Pick<Resolved, 'scans' | 'brokenScans' | 'unboundScans' | 'waitsFor'> {
  const { namespace, name, settings, known } = observed;
  const context: RoleContext = {
    ...own,
    name,
    scanTypes: settings.scanTypes,
    rivals: rivalsIn(namespace, known),
    canRivalBind: (rival) => known.selection(rival)?.canBind,
  };
  const scans: ResolvedScan[] = [];
  const brokenScans: BrokenScan[] = [];
  for (const scan of observed.scans) {
    if (!migratesWithin(limit) && !isOwn(scan, name, own.binding)) continue;
    try {
      const role = scanRole(scan, context);
      scans.push({ scan, role, source: known.source(scan), lastRun: known.lastRun(scan) });
    } catch (error) {
      brokenScans.push({ scan, error });
    }
  }
  const unboundScans = observed.unboundScans
    .filter(({ createdAt }) => createdAt > observed.now - UNBOUND_SCAN_MS)
    .filter(({ admission }) => delivers || admission?.isMarked !== true)
    .filter(({ admission }) => isEffectiveFor(admission?.unbound, context));
  const waitsFor = new Set(scans.flatMap(({ role }) => awaited(namespace, role)));
  return { scans, brokenScans, unboundScans, waitsFor };
}

/** How long after its creation the status names a Scan that started unbound, in milliseconds. */
export const UNBOUND_SCAN_MS = 86_400_000;

function isEffectiveFor(scan: ScheduledScan | undefined, context: RoleContext): boolean {
  return scan !== undefined && scanRole(scan, context).role === 'Effective';
}

/** Whether the scan is bound to the binding, or names its image. */
function isOwn({ image, bound }: ScheduledScan, name: string, binding: ValidBinding | undefined): boolean {
  if (bound?.binding === name) return true;
  return image !== undefined && binding !== undefined && fit(binding.image, image) !== undefined;
}

function awaited(namespace: string, role: ScanRole): readonly string[] {
  return role.role === 'Undecided' ? [keyOf({ namespace, name: role.waitsFor })] : [];
}

/** Looks up the bindings of a namespace by key. A binding in a cycle is not found under its previous repositories. */
function rivalsIn(namespace: string, { rivals, selection }: Known): RivalLookup {
  const found = new Map<string, readonly ValidBinding[]>();
  // Includes rivals without a known selection. If one comes first, the reconcile waits for its selection.
  const migrates = (binding: ValidBinding) => selection(binding)?.migrates ?? true;
  return (key) => {
    const under =
      found.get(key) ??
      rivals.under(namespace, key).filter((binding) => bindingKeys(binding)[0] === key || migrates(binding));
    found.set(key, under);
    return under;
  };
}
