import type { Check } from '../../../answer/index.ts';
import type { ValidBinding } from '../../../binding/index.ts';
import { type ImageReference, repositoryName } from '../../../image/index.ts';
import { endOf, type PlatformCredential } from '../../../platform/index.ts';
import {
  conditionOf,
  delivered,
  expiryTimes,
  homeOf,
  isVerifying,
  matches,
  type Puller,
  type Resolution,
} from '../../../policy/index.ts';
import { DEFAULT_REGISTRY_SETTINGS } from '../../../registry/index.ts';
import type { ScheduledScan } from '../../../scan/index.ts';
import { readPastTime } from '../../../text/index.ts';
import type { Observed } from '../observe.ts';

/** So long does `Preferred` wait for a first answer; where many are asked, one may have to queue for longer. */
const LONGEST_WAIT_MS = DEFAULT_REGISTRY_SETTINGS.checkTimeout;

/** A check whose answer is wanting, or no longer fresh. */
interface OpenCheck {
  readonly check: Check;
  /** Nothing waits for the answer: it may be asked in its turn, so that not all that a credential serves is asked at once. */
  readonly patient: boolean;
}

/** What a registry is to be asked for a binding. Times are in milliseconds since the epoch. */
export interface Inquiry {
  readonly open: readonly OpenCheck[];
  /** For which a cloud is to be asked for a login; undefined: for none. */
  readonly login: { readonly credential: PlatformCredential; readonly host: string } | undefined;
  /** When to look again: an answer has to be asked for again, or has been waited for long enough, or a credential ends; undefined: never. */
  readonly nextAt: number | undefined;
}

/** Which of the answers that a choice rests on are to be asked for, and when the next one will be. */
export function inquire(observed: Observed): Inquiry {
  const { binding, choice, evidence, now } = observed;
  if (binding?.validity !== 'Valid') return { open: [], login: undefined, nextAt: undefined };
  const { resolution, restsOn } = choice;
  const known = restsOn.map((puller) => ({ puller, answer: evidence.answers.get(puller) }));
  const image = imageInQuestion(binding, observed);
  const open = known
    .filter(({ answer }) => answer === undefined || answer.askAgainAt <= now)
    .map(({ puller, answer }) => ({
      check: { image, credential: puller?.credential },
      patient: answer === undefined && standsMeanwhile(puller, resolution),
    }));
  const due = known.flatMap(({ answer }) => answer?.askAgainAt ?? []);
  const wait = isVerifying(resolution) ? [waitEnd(binding, now)] : [];
  const ends = observed.credentials.candidates.flatMap(({ credential }) => expiryTimes(endOf(credential)));
  const times = [...due, ...wait, ...ends, ...loginTimes(observed)];
  const later = times.filter((time) => time > now && Number.isFinite(time));
  const login = loginInQuestion(observed);
  return { open, login, nextAt: later.length === 0 ? undefined : Math.min(...later) };
}

/** When a login is to be renewed, or asked for again, and when what is said of it changes. */
function loginTimes({ trivySecret }: Observed): readonly number[] {
  if (trivySecret === undefined) return [];
  const { content, loginEnds, renewAt } = trivySecret.desired;
  const again = content.state === 'Wanting' ? content.failure?.askAgainAt : renewAt;
  return [...expiryTimes(loginEnds), ...(again === undefined ? [] : [again])];
}

/** Whoever only observes hands nothing over. */
function loginInQuestion({ binding, choice, trivySecret, now }: Observed): Inquiry['login'] {
  if (binding?.validity !== 'Valid' || binding.mode !== 'Enforce') return undefined;
  const credential = delivered(choice.resolution)?.credential;
  const { content } = trivySecret?.desired ?? {};
  if (credential?.kind !== 'platform' || content?.state !== 'Wanting') return undefined;
  const isDue = (content.failure?.askAgainAt ?? 0) <= now;
  return isDue ? { credential, host: binding.image.host } : undefined;
}

/** A new value of the credential in use: it is delivered already, and status stays until there is an answer. */
function standsMeanwhile(puller: Puller, resolution: Resolution): boolean {
  return (
    resolution.result === 'Selected' &&
    resolution.candidate === puller &&
    resolution.verdict.verdict === 'AsBefore'
  );
}

/**
 * When a first answer has been waited for long enough, in milliseconds since the epoch: counted from when Reconciling
 * began, so that it ends at the same time after a restart.
 */
export function waitEnd(binding: ValidBinding, now: number): number {
  const reconciling = conditionOf(binding, 'Reconciling');
  const isWaiting = reconciling?.reason === 'Verifying';
  const since = isWaiting ? readPastTime(reconciling.lastTransitionTime, now) : now;
  return (since ?? now) + LONGEST_WAIT_MS;
}

/**
 * A manifest that a scan really names: that of the first scan by name that the binding may serve and that says a version,
 * those that name the binding's image before those that are to be moved to it; else what the binding says.
 */
export function imageInQuestion(
  binding: ValidBinding,
  { scans, scanTypes }: Pick<Observed, 'scans' | 'scanTypes'>,
): ImageReference {
  const isEarlier = ({ image }: ScheduledScan) =>
    image !== undefined && repositoryName(image) !== repositoryName(binding.image);
  const named = scans
    .map(({ scan }) => scan)
    .filter((scan) => matches(binding, scan, scanTypes))
    .sort((a, b) => Number(isEarlier(a)) - Number(isEarlier(b)) || (a.name < b.name ? -1 : 1))
    .find(({ image }) => image?.tag !== undefined || image?.digest !== undefined);
  return named?.image === undefined ? binding.image : homeOf(binding, named.image);
}
