import type { Binding, ValidBinding } from '../../binding/index.ts';
import { fit, type ImageReference } from '../../image/index.ts';
import { bindingsForImage, type RivalLookup, rivalsAmong } from '../../policy/index.ts';
import type { Inventory } from '../inventory/index.ts';

/** A further binding that matches the image, as printed in JSON. */
export interface OtherBinding {
  readonly name: string;
  /** Why the first binding takes precedence over it. */
  readonly reason: string;
}

/** The bindings that match an image. */
export interface Match {
  /** The one with the highest precedence. It only observes if all that match only observe. undefined: none matches. */
  readonly binding: ValidBinding | undefined;
  /** In the order of precedence. */
  readonly others: readonly OtherBinding[];
}

/** Finds the bindings that match an image, by `spec.image` or by `spec.replaces`. */
export function matchesOf(image: ImageReference, { bindings, source }: Inventory): Match {
  const [binding, ...others] = [...inPrecedence(image, bindings), ...observing(image, bindings)];
  if (binding === undefined) return { binding, others: [] };
  return {
    binding,
    others: others.map((other) => ({
      name: other.name,
      reason: reasonFor(binding, other, { image, source }),
    })),
  };
}

function inPrecedence(image: ImageReference, bindings: readonly Binding[]): ReadonlySet<ValidBinding> {
  return new Set(bindingsForImage(image, rivalsAmong(bindings)));
}

/** The observing bindings that match. They have the same order of precedence among themselves. */
function observing(image: ImageReference, bindings: readonly Binding[]): readonly ValidBinding[] {
  const found = new Set(bindingsForImage(image, observersAmong(bindings)));
  return [...found].map((one) => ({ ...one, mode: 'Observe' }));
}

/** The observing bindings as if they were enforcing, because look-ups of bindings exclude observing ones. */
export function observersAmong(bindings: readonly Binding[]): RivalLookup {
  const observers = bindings.flatMap((one) =>
    one.validity === 'Valid' && one.mode === 'Observe' ? [{ ...one, mode: 'Enforce' as const }] : [],
  );
  return rivalsAmong(observers, bindings);
}

/** Why one of two bindings takes precedence. The rules are those of `fittingBindings`, in the same order. */
function reasonFor(
  first: ValidBinding,
  other: ValidBinding,
  { image, source }: { readonly image: ImageReference; readonly source: Inventory['source'] },
): string {
  const scope = first.scanSelector === undefined ? '' : ' for the ScheduledScans that both select';
  const takes = `${first.name} takes precedence${scope}, because`;
  if (first.mode !== other.mode) return `${takes} the mode of ${other.name} is Observe`;
  if (first.discovered !== other.discovered)
    return `${takes} a user created it, and ${other.name} is discovered`;
  const [exact, lessExact] = [fitOf(first, image), fitOf(other, image)];
  if (exact !== lessExact) return `${takes} it matches by ${exact}, and ${other.name} by ${lessExact}`;
  if (first.createdAt !== other.createdAt) return `${takes} it is older`;
  const age =
    source === 'Files' && first.createdAt === 0 ? ' (in a cluster, the older one takes precedence)' : '';
  return `${takes} both match equally, and its name comes first${age}`;
}

function fitOf({ image }: ValidBinding, named: ImageReference): string {
  return fit(image, named) ?? 'spec.replaces';
}
