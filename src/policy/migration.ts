import type { KnownAnswer } from '../answer/index.ts';
import type { Verification } from '../api/index.ts';
import type { Binding, ValidBinding } from '../binding/index.ts';
import { fit, type ImageReference, repositoryName } from '../image/index.ts';
import type { ScheduledScan } from '../scan/index.ts';
import { mayTake } from './precedence.ts';

/** Why a scan is to name the binding's image: `replaces` says so, or the binding, whose scan it is, has another image now. */
type MoveCause = 'Replaces' | 'ImageChanged';

/** Whether a scan may be moved. */
export type MoveVerdict =
  | 'Move'
  /** The registry has not said yet whether the manifest is there. */
  | 'Ask'
  /** The registry cannot be asked, and the binding wants to know. */
  | 'Unconfirmed'
  /** The manifest is not there, or nothing says that it is the same image. */
  | 'Stay';

/** What a move rests on. */
interface MoveEvidence {
  readonly cause: MoveCause;
  readonly verification: Verification;
  /** What is known of the manifest in its new home; undefined: nothing. */
  readonly home: KnownAnswer | undefined;
  /** Whether the last part of the repository is the same in both homes. */
  readonly sameName: boolean;
  /** The binding names no secret: what everybody is refused, a node may be allowed. */
  readonly ambient: boolean;
}

/** An image, of the same version, in the home that a binding names. */
export function homeOf({ image: { host, repository } }: ValidBinding, image: ImageReference): ImageReference {
  return { ...image, host, repository };
}

/** Why the binding that answers for a scan has to move it; undefined: it names the binding's image already. */
export function moveCause(
  binding: ValidBinding,
  scan: ScheduledScan,
  { served }: { readonly served: boolean },
): MoveCause | undefined {
  if (scan.image === undefined || fit(binding.image, scan.image) !== undefined) return undefined;
  if (served) return 'Replaces';
  // One that only has the name of the binding that bound the scan has changed nothing, and whoever made it may not even be
  // allowed to (docs/policy.md).
  const isBinder = scan.bound?.bindingUid === binding.uid;
  return isBinder && isLeft(binding, scan) ? 'ImageChanged' : undefined;
}

/** Whether a scan names the image for which it was bound, and the binding by whose name is for another one. */
export function isLeft(binding: ValidBinding, { image, bound }: ScheduledScan): boolean {
  if (image === undefined || fit(binding.image, image) !== undefined) return false;
  // Somebody who has changed the scan's image has taken it away.
  return bound?.repository === repositoryName(image);
}

/** Whether the binding is still to answer for a scan that it has bound, though nobody is for the image that it names. */
export function leavesBehind(binding: Binding | undefined, scan: ScheduledScan, scanTypes: RegExp): boolean {
  if (binding?.validity !== 'Valid' || binding.mode !== 'Enforce' || scan.image === undefined) return false;
  return (
    scan.bound?.binding === binding.name &&
    mayTake(binding, scan, scanTypes) &&
    moveCause(binding, scan, { served: false }) !== undefined &&
    fit(binding.image, homeOf(binding, scan.image)) !== undefined
  );
}

/**
 * | the new home | `replaces` names the old one | the binding's image changed |
 * |---|---|---|
 * | has the manifest | move | move |
 * | has it not | stay | stay |
 * | cannot be asked, `Required` | wait | wait |
 * | cannot be asked, `Preferred`, or is not to be | move | move if the repository's last part is the same |
 */
export function judgeMove({ cause, verification, home, sameName, ambient }: MoveEvidence): MoveVerdict {
  const unasked = cause === 'Replaces' || sameName ? 'Move' : 'Stay';
  if (verification === 'Never') return unasked;
  if (home === undefined) return 'Ask';
  switch (home.answer.result) {
    case 'Pullable':
      return 'Move';
    case 'Denied':
      return ambient ? unasked : 'Stay';
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
export function hasSameName(a: ImageReference, b: ImageReference): boolean {
  const last = ({ repository }: ImageReference) => repository.slice(repository.lastIndexOf('/') + 1);
  return last(a) === last(b);
}

/** The chain of replacements that starts at a binding. */
export interface ReplacesChain {
  /**
   * `Cycle`: the chain leads back to a repository that this binding replaces. `TooLong`: it has more than
   * {@link LONGEST_CHAIN} bindings.
   */
  readonly chain: 'Acyclic' | 'Cycle' | 'TooLong';
  /** The other bindings in the chain. A change of this binding may create or break their cycle, too. */
  readonly others: readonly ValidBinding[];
}

/** Limit on the bindings of a chain in the search for a cycle. */
export const LONGEST_CHAIN = 256;

/**
 * Finds whether a binding and others would migrate scans in a cycle. The search starts at the binding's image, follows
 * the bindings that replace the repository reached so far, and ends at a repository that this binding replaces.
 *
 * @param replacersOf - the enforcing bindings that have a repository in `replaces`
 */
export function chainOf(
  binding: ValidBinding,
  replacersOf: (repository: string) => readonly ValidBinding[],
): ReplacesChain {
  if (binding.replaces.length === 0) return { chain: 'Acyclic', others: [] };
  const others: ValidBinding[] = [];
  const start = new Set(binding.replaces.map(repositoryName));
  // The list grows during the loop.
  const reached = new Set([repositoryName(binding.image)]);
  for (const repository of reached) {
    const replacers = replacersOf(repository);
    others.push(...replacers);
    if (others.length > LONGEST_CHAIN) break;
    for (const other of replacers) reached.add(repositoryName(other.image));
  }
  if (!start.isDisjointFrom(reached)) return { chain: 'Cycle', others };
  return { chain: others.length > LONGEST_CHAIN ? 'TooLong' : 'Acyclic', others };
}
