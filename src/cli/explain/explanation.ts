import type { ValidBinding } from '../../binding/index.ts';
import type { ConditionContent, Preview } from '../../controllers/index.ts';
import { type Candidate, type Lookup, lookup } from '../../credential/index.ts';
import { fit, formatReference, type ImageReference, repositoryName } from '../../image/index.ts';
import { MOUNT_PATH, planDelivery, platformOf, type SourceCredential } from '../../platform/index.ts';
import { migratedImage } from '../../policy/index.ts';
import {
  directDelivery,
  findNearMisses,
  type NamedSecret,
  type NearMiss,
  type SourceSecret,
} from '../../secret/index.ts';
import type { Inventory } from '../inventory/index.ts';
import { type ExplainedCandidate, shownCandidate } from './candidates.ts';
import { type Decided, decidedFor } from './decided.ts';
import { admissionHint, hintsFor, hostHint, observeHint } from './hints.ts';
import { hasExpired, loginProblems } from './login-problems.ts';
import { matchesOf, type OtherBinding } from './matching.ts';
import { missingSecrets } from './missing-secrets.ts';
import { predict } from './predicted.ts';
import { type ExplainedScan, scanHintsFor, scansOf, unmatchedOf } from './scans.ts';
import { unnamedSecrets } from './unnamed-secrets.ts';

/** What is printed as JSON for an image: the contract of `explain -o json`. */
interface Explanation {
  /** As on the command line. */
  readonly image: string;
  /** In canonical form. */
  readonly repository: string;
  readonly platform: string;
  /** In the order in which they would be tried. */
  readonly candidates: readonly ExplainedCandidate[];
  /** What nearly fits, if nothing does: at most three. */
  readonly nearMisses: readonly NearMiss[];
  /** Name of the binding with the highest precedence that matches the image; null: none matches. */
  readonly binding: string | null;
  /** `Observe`: the binding binds no scans. null: no binding matches. */
  readonly mode: ValidBinding['mode'] | null;
  /** The other bindings that match the image. */
  readonly otherBindings: readonly OtherBinding[];
  /**
   * In a cluster, the conditions in the status of the binding. For files, the conditions that the controller would write.
   * Empty if no binding matches.
   */
  readonly conditions: readonly PrintedCondition[];
  /**
   * What Trivy gets if the first candidate that has not expired is chosen. With `verification: Never`, it gets the first one
   * even if that has expired.
   */
  readonly delivery: {
    readonly env: readonly { readonly name: string; readonly value: string }[];
    /** Paths in Trivy's container. */
    readonly files: readonly string[];
    /** Name of the pull secret that is mounted itself; null: the controller creates the Secret that is mounted. */
    readonly pullSecret: string | null;
    /** Whether the Secret exists only as long as the Scan needs it. */
    readonly temporary: boolean;
  };
}

/** A condition without its times. */
export interface PrintedCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** An {@link Explanation}, and what is printed only as text. */
export interface Explained {
  readonly explanation: Explanation;
  readonly source: Inventory['source'];
  /** Of each candidate: the kind of its credential, and the user name if it may be shown. */
  readonly descriptions: readonly string[];
  /** `NoneNeeded`: the binding names no Secret, or the controller has found that the image is public. */
  readonly outcome: 'Fits' | 'NoneNeeded' | 'NoMatch';
  /** Whether the controller resolves a credential, or, if no binding matches, whether one fits, that has not expired. */
  readonly isResolved: boolean;
  /**
   * The image that scans of this image are migrated to, in canonical form, because the binding lists this image in
   * `replaces`; undefined: they are not migrated.
   */
  readonly migratesTo: string | undefined;
  /** What the controller has decided; undefined: see {@link decidedFor}. */
  readonly decided: Decided | undefined;
  /** The conditions that the controller would write. Empty for a cluster, or if no binding matches. */
  readonly predicted: readonly PrintedCondition[];
  readonly scans: readonly ExplainedScan[];
  /** Sentences about objects that cannot be used or do not exist, and about what the user may have meant. */
  readonly problems: readonly string[];
}

/** What the user asked for. */
export interface Request {
  /** The image as on the command line. */
  readonly text: string;
  readonly image: ImageReference;
  /** Whether to show all user names; by default, only well-known ones are shown. */
  readonly showsUsernames?: boolean;
}

/** Explains an image without contacting its registry. */
export function explain(request: Request, inventory: Inventory): Explained {
  const { text, image, showsUsernames = false } = request;
  const { binding, others } = matchesOf(image, inventory);
  const report = reportOn(binding, inventory);
  const target = binding === undefined ? image : targetOf(binding, image);
  const found: Lookup<SourceCredential> =
    report.preview?.credentials ?? lookup<SourceCredential>(inventory.secrets.flatMap(keyringIn), image);
  const shown = found.candidates.map((one) => shownCandidate(one, target.host, showsUsernames));
  const now = Date.now();
  const usable = found.candidates.find((one) => binding?.verification === 'Never' || !hasExpired(one, now));
  const delivery = deliveryOf(
    isPrevented(report) ? undefined : usable,
    target,
    binding?.delivery === 'Direct' ? [...inventory.states.values()] : undefined,
  );
  const { env } = delivery.delivered;
  const scans = scansOf(image, inventory, { decided: report.decided, env });
  const isMigrated = target !== image;
  return {
    explanation: {
      image: text,
      repository: repositoryName(image),
      platform: platformOf(image.host).name,
      candidates: shown.map(({ candidate }) => candidate),
      nearMisses: nearMissesOf(found, secretsFor(binding, inventory), target),
      binding: binding?.name ?? null,
      mode: binding?.mode ?? null,
      otherBindings: others,
      conditions: report.conditions.map(printed),
      delivery: { ...delivery.delivered, temporary: isTemporary(binding, delivery) },
    },
    source: inventory.source,
    descriptions: shown.map(({ description }) => description),
    ...outcomeOf(found, report, now),
    migratesTo: isMigrated ? formatReference(target) : undefined,
    decided: report.decided,
    predicted: report.predicted,
    scans,
    problems: problemsFor(request, inventory, { binding, found, delivery, scans, isMigrated, now }),
  };
}

function nearMissesOf(
  { candidates }: Lookup<SourceCredential>,
  secrets: readonly SourceSecret[],
  image: ImageReference,
): readonly NearMiss[] {
  return candidates.length > 0 ? [] : findNearMisses(secrets.flatMap(keyringIn), image);
}

/** What the controller reports about a binding, and would report. */
interface Report extends Pick<Explained, 'decided' | 'predicted'> {
  readonly preview: Preview | undefined;
  /** Those in the status of a cluster, and those that would be written for files. */
  readonly conditions: readonly PrintedCondition[];
}

function reportOn(binding: ValidBinding | undefined, inventory: Inventory): Report {
  const isLive = inventory.source === 'Cluster';
  const preview = binding === undefined ? undefined : predict(binding, inventory);
  const decided = decidedFor(binding, isLive);
  const predicted = isLive ? [] : (preview?.conditions ?? []);
  return { preview, decided, predicted, conditions: isLive ? (decided?.conditions ?? []) : predicted };
}

function printed({ type, status, reason, message }: PrintedCondition): PrintedCondition {
  return { type, status, reason, message };
}

/** Reasons of Stalled for which scans get nothing, although a credential can be used. */
const PREVENTING: ReadonlySet<string> = new Set([
  'AdmissionOff',
  'ScansNotHeld',
  'SecretsReadOnly',
] satisfies ConditionContent['reason'][]);

function isPrevented({ conditions }: Report): boolean {
  return conditions.some(({ type, reason }) => type === 'Stalled' && PREVENTING.has(reason));
}

/** Reasons of CredentialResolved for which scans need no credential. */
const NONE_NEEDED: ReadonlySet<string> = new Set([
  'NoneNeeded',
  'Anonymous',
] satisfies ConditionContent['reason'][]);

/**
 * In a cluster, the status decides. If it does not report on the current spec, the prediction does. Credentials that have
 * expired cannot be used, although they fit.
 */
function outcomeOf(
  { candidates }: Lookup<SourceCredential>,
  { preview, conditions }: Report,
  now: number,
): Pick<Explained, 'outcome' | 'isResolved'> {
  const isIt = ({ type }: PrintedCondition) => type === 'CredentialResolved';
  const reported = conditions.some(isIt) ? conditions : (preview?.conditions ?? []);
  const resolved = reported.find(isIt);
  const fits = candidates.length > 0;
  const isNoneNeeded = NONE_NEEDED.has(resolved?.reason ?? '');
  // With `verification: Never`, the controller uses the first credential that fits, even if only that one has expired.
  const isExpired = reported.some(
    ({ reason }) => reason === ('Expired' satisfies ConditionContent['reason']),
  );
  const haveExpired = fits && !isNoneNeeded && candidates.every((one) => hasExpired(one, now));
  return {
    outcome: fits ? 'Fits' : isNoneNeeded ? 'NoneNeeded' : 'NoMatch',
    isResolved:
      !isExpired &&
      !haveExpired &&
      (resolved === undefined ? fits : resolved.status === 'True' && preview?.limit === undefined),
  };
}

function isTemporary(binding: ValidBinding | undefined, { delivered }: PlannedDelivery): boolean {
  return binding?.delivery === 'Temporary' && delivered.files.length > 0;
}

interface Facts {
  readonly binding: ValidBinding | undefined;
  readonly found: Lookup<SourceCredential>;
  readonly delivery: PlannedDelivery;
  readonly scans: readonly ExplainedScan[];
  readonly isMigrated: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

function problemsFor(
  request: Request,
  inventory: Inventory,
  { binding, found, delivery, scans, isMigrated, now }: Facts,
): readonly string[] {
  const { text, image } = request;
  const mayLackScans = binding !== undefined && !isMigrated && !scans.some(({ named }) => named);
  return [
    ...(binding === undefined ? [...hostHint(text, image), ...hintsFor(text, image, inventory)] : []),
    ...observeHint(binding),
    ...admissionHint(binding, inventory),
    ...(mayLackScans ? scanHintsFor(image, unmatchedOf(inventory), inventory.allScans) : []),
    ...secretHints(request, inventory, { binding, found }),
    ...secretsFor(binding, inventory).flatMap(problemsOf),
    ...found.candidates.flatMap((one) => loginProblems(one, now)),
    ...delivery.problems,
    ...untried(found),
  ];
}

/** Sentences about Secrets that the binding names and that do not exist, or else about those that it should name. */
function secretHints(
  { image }: Request,
  inventory: Inventory,
  { binding, found }: Pick<Facts, 'binding' | 'found'>,
): readonly string[] {
  const missing = missingSecrets(binding, inventory);
  if (binding === undefined || missing.length > 0 || found.candidates.length > 0) return missing;
  return unnamedSecrets(binding, targetOf(binding, image), inventory);
}

/** A sentence about entries that fit, but are beyond the limit. */
export function untried({ candidates, more }: Lookup<SourceCredential>): readonly string[] {
  if (more === 0) return [];
  return [
    `expected at most ${candidates.length} entries that fit the image, found ${candidates.length + more}: ` +
      `the last ${more} are not tried; remove entries that you do not need`,
  ];
}

/** The image for which the binding chooses a credential: that of the scan, or the one that the scan is migrated to. */
function targetOf(binding: ValidBinding, image: ImageReference): ImageReference {
  return fit(binding.image, image) === undefined ? migratedImage(binding, image) : image;
}

/** The Secrets that are used: those that the binding names, or all of them. */
function secretsFor(binding: ValidBinding | undefined, { secrets }: Inventory): readonly SourceSecret[] {
  if (binding === undefined) return secrets;
  const byName = new Map(secrets.map((secret) => [secret.name, secret]));
  return binding.imagePullSecrets.flatMap((name) => byName.get(name) ?? []);
}

function keyringIn({ name, content }: SourceSecret) {
  return 'keyring' in content ? [{ name, keyring: content.keyring }] : [];
}

/** Sentences about what is wrong with a Secret. */
export function problemsOf({ name, content }: SourceSecret): readonly string[] {
  const problems = 'message' in content ? [content.message] : 'problems' in content ? content.problems : [];
  return problems.map((problem) => `Secret "${name}": ${problem}`);
}

export interface PlannedDelivery {
  readonly delivered: Omit<Explanation['delivery'], 'temporary'>;
  readonly problems: readonly string[];
}

/**
 * What Trivy gets with a candidate. If a cloud login is needed, its file paths and variables are known without the login.
 *
 * @param directFrom - the Secrets, if the delivery is `Direct`
 */
export function deliveryOf(
  candidate: Candidate<SourceCredential> | undefined,
  image: ImageReference,
  directFrom?: readonly NamedSecret[],
): PlannedDelivery {
  const nothing = { env: [], files: [], pullSecret: null };
  if (candidate === undefined) return { delivered: nothing, problems: [] };
  const direct = directFrom && directDelivery(candidate, directFrom, image);
  // The conditions give the reason.
  if (direct?.result === 'NotDirect') return { delivered: nothing, problems: [] };
  const delivery = planDelivery(candidate.credential, image.host);
  if (delivery.result === 'Undeliverable')
    return { delivered: nothing, problems: [`Secret "${candidate.secret}": ${delivery.message}`] };
  const { env, files } =
    delivery.result === 'TrivyAuth' ? delivery.trivyAuth : { ...delivery, files: { 'config.json': true } };
  const paths = Object.keys(files).map((file) => `${MOUNT_PATH}/${file}`);
  const pullSecret = direct?.delivery.secretName ?? null;
  return { delivered: { env, files: paths, pullSecret }, problems: [] };
}
