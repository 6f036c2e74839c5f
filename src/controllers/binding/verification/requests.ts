import type { Check, KnownAnswer } from '../../../answer/index.ts';
import type { ValidBinding } from '../../../binding/index.ts';
import { type ImageReference, repositoryName } from '../../../image/index.ts';
import { expirationOf, type PlatformCredential } from '../../../platform/index.ts';
import {
  chosenCandidate,
  expirationChanges,
  firstAnswerDeadline,
  fits,
  isVerifying,
  migratedImage,
  type Puller,
  type Resolution,
} from '../../../policy/index.ts';
import type { ScheduledScan } from '../../../scan/index.ts';
import type { Resolved } from '../resolve.ts';

/** A check that a registry has not answered yet, or whose answer has to be renewed. */
interface VerificationRequest {
  readonly check: Check;
  /**
   * Whether nothing waits for the answer. Such requests are spread over time, so that the repositories of a credential are
   * not all checked at once.
   */
  readonly isDeferrable: boolean;
}

/** The checks and the login that a binding needs. Times are in milliseconds since the epoch. */
export interface VerificationRequests {
  readonly checks: readonly VerificationRequest[];
  /** The login to request from a cloud; undefined: none. */
  readonly login: { readonly credential: PlatformCredential; readonly host: string } | undefined;
  /**
   * When to reconcile again, because an answer has to be renewed, the wait for a first answer is over, or a credential
   * expires; undefined: never.
   */
  readonly nextAt: number | undefined;
}

/** A check about a manifest in the new repository of a scan, and its current answer; undefined: there is none. */
interface ManifestCheck {
  readonly check: Check;
  readonly known: KnownAnswer | undefined;
}

const NO_REQUESTS: VerificationRequests = { checks: [], login: undefined, nextAt: undefined };

/**
 * The answers to request: those on which the choice of the credential is based, and those about manifests in new
 * repositories.
 */
export function verificationRequests(
  resolved: Resolved,
  manifests: readonly ManifestCheck[],
): VerificationRequests {
  const { binding, now } = resolved;
  const ofChoice = binding?.validity === 'Valid' ? requestsOfChoice(binding, resolved) : NO_REQUESTS;
  const isDue = ({ known }: ManifestCheck) => known === undefined || known.freshUntil <= now;
  const checks = manifests.filter(isDue).map(({ check }) => ({ check, isDeferrable: false }));
  const renewals = manifests.map(({ known }) => known?.freshUntil);
  return {
    checks: [...ofChoice.checks, ...checks],
    login: ofChoice.login,
    nextAt: earliestAfter(now, [ofChoice.nextAt, ...renewals]),
  };
}

function requestsOfChoice(binding: ValidBinding, resolved: Resolved): VerificationRequests {
  const { choice, credentials, evidence, settings, now } = resolved;
  const { resolution, restsOn } = choice;
  const known = restsOn.map((puller) => ({ puller, answer: evidence.answers.get(puller) }));
  const image = imageToVerify(binding, resolved);
  const checks = known
    .filter(({ answer }) => answer === undefined || answer.freshUntil <= now)
    .map(({ puller, answer }) => ({
      check: { image, credential: puller?.credential },
      isDeferrable: answer === undefined && hasReportedOutcome(puller, resolution),
    }));
  const deadline = firstAnswerDeadline(binding, settings.firstAnswerTimeoutMs, now);
  const times = [
    ...known.map(({ answer }) => answer?.freshUntil),
    ...(isVerifying(resolution) ? [deadline] : []),
    ...credentials.candidates.flatMap(({ credential }) => expirationChanges(expirationOf(credential))),
    ...loginTimes(resolved),
  ];
  return { checks, login: loginToRequest(resolved), nextAt: earliestAfter(now, times) };
}

function earliestAfter(now: number, times: readonly (number | undefined)[]): number | undefined {
  const later = times.filter((time) => time !== undefined && time > now && Number.isFinite(time));
  return later.length === 0 ? undefined : Math.min(...later.filter((time) => time !== undefined));
}

/** When a login has to be renewed or requested again, and when its expiration is reported. */
function loginTimes({ trivySecret }: Resolved): readonly (number | undefined)[] {
  if (trivySecret === undefined) return [];
  const { content, loginExpiresAt, renewAt } = trivySecret.desired;
  const again = content.state === 'LoginMissing' ? content.failure?.freshUntil : renewAt;
  return [...expirationChanges(loginExpiresAt), again];
}

/** An observing binding delivers nothing, so it needs no login. */
function loginToRequest({ binding, choice, trivySecret, now }: Resolved): VerificationRequests['login'] {
  if (binding?.validity !== 'Valid' || binding.mode !== 'Enforce') return undefined;
  const credential = chosenCandidate(choice.resolution)?.credential;
  if (credential?.kind !== 'platform' || trivySecret === undefined) return undefined;
  const { content, renewAt = Number.POSITIVE_INFINITY } = trivySecret.desired;
  const requestAt = content.state === 'LoginMissing' ? (content.failure?.freshUntil ?? 0) : renewAt;
  return requestAt <= now ? { credential, host: binding.image.host } : undefined;
}

/**
 * Whether this is a new value of the credential in use. The new value is already delivered, and the status stays as it is
 * until the registry has answered.
 */
function hasReportedOutcome(puller: Puller, resolution: Resolution): boolean {
  return (
    resolution.result === 'Selected' &&
    resolution.candidate === puller &&
    resolution.verified.outcome === 'AsBefore'
  );
}

/**
 * The image whose manifest is checked: that of the first scan by name that the binding fits and that names a version.
 * Scans that name the binding's image come before scans that are to be migrated to it. If there is no such scan, the
 * binding's image.
 */
export function imageToVerify(
  binding: ValidBinding,
  { scans, settings }: Pick<Resolved, 'scans' | 'settings'>,
): ImageReference {
  const isPrevious = ({ image }: ScheduledScan) =>
    image !== undefined && repositoryName(image) !== repositoryName(binding.image);
  const named = scans
    .map(({ scan }) => scan)
    .filter((scan) => fits(binding, scan, settings.scanTypes))
    .sort((a, b) => Number(isPrevious(a)) - Number(isPrevious(b)) || (a.name < b.name ? -1 : 1))
    .find(({ image }) => image?.tag !== undefined || image?.digest !== undefined);
  return named?.image === undefined ? binding.image : migratedImage(binding, named.image);
}
