import type {
  ChosenCredential,
  ConditionType,
  ImageCredentialBindingStatus,
  Transition,
} from '../../../api/index.ts';
import type { Binding, ValidBinding } from '../../../binding/index.ts';
import {
  formatReference,
  type ImageReference,
  parseImageReference,
  repositoryName,
} from '../../../image/index.ts';
import { platformOf } from '../../../platform/index.ts';
import type { Moved, ScheduledScan } from '../../../scan/index.ts';
import type { Applied } from '../apply.ts';
import type { Decision } from '../decide.ts';
import type { Observed } from '../observe.ts';

const MOST_TRANSITIONS = 10;
/** Reasons of CredentialResolved where scans are bound without a credential. */
const WITHOUT: ReadonlySet<string> = new Set(['Anonymous', 'NoneNeeded']);

/** What scans use, as a status says: an entry, none because none is needed, or nothing that is known. */
type Used =
  | { readonly use: 'Credential'; readonly credential: ChosenCredential }
  | { readonly use: 'None' }
  | { readonly use: 'Unknown' };

/** A change of what scans use; not so the first use, and not a new value of the same entry. */
export interface CredentialChange {
  readonly from: Exclude<Used, { use: 'Unknown' }>;
  readonly to: Exclude<Used, { use: 'Unknown' }>;
}

/** What CredentialChanged is about, in history and Events: another secret, another entry of it, or none instead. */
export function credentialChange(
  before: ImageCredentialBindingStatus | undefined,
  after: ImageCredentialBindingStatus,
): CredentialChange | undefined {
  const from = used(before ?? {});
  const to = used(after);
  if (from.use === 'Unknown' || to.use === 'Unknown' || isSame(from, to)) return undefined;
  return { from, to };
}

function used({ credential, conditions }: ImageCredentialBindingStatus): Used {
  if (credential !== undefined) return { use: 'Credential', credential };
  const type: ConditionType = 'CredentialResolved';
  const resolved = conditions?.find((condition) => condition.type === type);
  return { use: WITHOUT.has(resolved?.reason ?? '') ? 'None' : 'Unknown' };
}

function isSame(a: CredentialChange['from'], b: CredentialChange['to']): boolean {
  if (a.use === 'None' || b.use === 'None') return a.use === b.use;
  return (
    a.credential.secret.name === b.credential.secret.name &&
    a.credential.registryKey === b.credential.registryKey
  );
}

/** Scans that were moved from one repository to that of the binding. */
export interface Move {
  /** The repository that they named, as an image. */
  readonly from: ImageReference;
  /** Name of the pull secret that they used there; undefined: none, or not known. */
  readonly source: string | undefined;
  readonly scans: readonly ScheduledScan[];
}

/** The scans that were moved, together by where from and what they used there. */
export function movesOf(
  binding: Binding,
  { decision, applied, observed }: { decision: Decision; applied: Applied; observed: Observed },
): readonly Move[] {
  const moves = new Map<string, Move & { readonly scans: ScheduledScan[] }>();
  const all = [...movedUnreported(binding, observed), ...movedNow(decision, applied)];
  for (const [scan, { from, source }] of new Map(all)) {
    const key = `${from} ${source}`;
    const move = moves.get(key) ?? { from: parseImageReference(from), source, scans: [] };
    moves.set(key, move);
    move.scans.push(scan);
  }
  return [...moves.values()];
}

/** The scans that were moved just now, and where from. */
export function movedNow(
  { scans }: Decision,
  { written }: Applied,
): readonly (readonly [ScheduledScan, Moved])[] {
  return scans.flatMap((plan) => {
    if (plan.plan !== 'Edit' || plan.edit.edit !== 'Bind' || !written.has(plan.scan.name)) return [];
    return plan.edit.moved === undefined ? [] : [[plan.scan, plan.edit.moved] as const];
  });
}

const NOT_BOUND = { moved: undefined, binding: undefined, bindingUid: undefined };

/** The number of the next migration of a binding. Migrated scans carry it until the status reports the migration. */
export function nextMigration({ status }: Pick<Binding, 'status'>): number {
  return ((status?.migrations ?? 0) % MOST_MIGRATIONS) + 1;
}

/** The largest number that fits the status (int32). After it, the count restarts. */
const MOST_MIGRATIONS = 2_000_000_000;

/**
 * Scans that this very binding migrated, but whose migration is not in the status yet because the status could not be
 * written. Any number but the next one was either reported before or forged.
 */
function movedUnreported(
  binding: Binding,
  { scans }: Observed,
): readonly (readonly [ScheduledScan, Moved])[] {
  return scans.flatMap(({ scan }) => {
    const { moved, binding: name, bindingUid } = scan.bound ?? NOT_BOUND;
    const isIts = name === binding.name && bindingUid === binding.uid;
    return isIts && moved?.number === nextMigration(binding) ? [[scan, moved] as const] : [];
  });
}

/** The reason of a move, in history and Events. */
export function moveReason({ from }: Move, { image }: ValidBinding): 'PlatformSwitched' | 'ImageMoved' {
  return platformOf(from.host).name === platformOf(image.host).name ? 'ImageMoved' : 'PlatformSwitched';
}

function transitionOf(
  move: Move,
  binding: ValidBinding,
  status: ImageCredentialBindingStatus,
  time: string,
): Transition {
  const { from, source, scans } = move;
  const secret = status.credential?.secret.name;
  return {
    time,
    reason: moveReason(move, binding),
    from: {
      platform: platformOf(from.host).name,
      image: repositoryName(from),
      ...(source === undefined ? {} : { secret: source }),
    },
    to: {
      ...platformIn(status),
      image: formatReference(binding.image),
      ...(secret === undefined ? {} : { secret }),
    },
    scans: scans.length,
  };
}

/**
 * The history of a binding, with what `status` says anew, and what was moved, as its first entries.
 *
 * @param time - RFC 3339
 */
export function historyOf(
  binding: Binding,
  status: ImageCredentialBindingStatus,
  { time, moves }: { readonly time: string; readonly moves: readonly Move[] },
): readonly Transition[] {
  const before = binding.status;
  const history = before?.history ?? [];
  if (binding.validity === 'Invalid') return history;
  const { image } = binding;
  if (moves.length > 0) {
    const transitions = moves.map((move) => transitionOf(move, binding, status, time));
    return [...transitions, ...history].slice(0, MOST_TRANSITIONS);
  }
  const change = credentialChange(before, status);
  if (change === undefined) return history;
  const present = formatReference(image);
  const earlier = before?.credential?.repository;
  const transition: Transition = {
    time,
    reason: 'CredentialChanged',
    from: {
      ...platformIn(before ?? {}),
      image: earlier === undefined || earlier === repositoryName(image) ? present : earlier,
      ...secretIn(change.from),
    },
    to: { ...platformIn(status), image: present, ...secretIn(change.to) },
    scans: status.scans?.bound ?? 0,
  };
  return [transition, ...history].slice(0, MOST_TRANSITIONS);
}

function platformIn({ platform }: ImageCredentialBindingStatus): Pick<Transition['to'], 'platform'> {
  return platform === undefined ? {} : { platform };
}

function secretIn(side: CredentialChange['to']): Pick<Transition['to'], 'secret'> {
  return side.use === 'None' ? {} : { secret: side.credential.secret.name };
}
