import { fit, type ImageFit, type ImageReference } from '../image/index.ts';
import type { ScheduledScan } from '../scan/index.ts';
import type { Binding, ValidBinding } from './binding.ts';
import { selects } from './selector.ts';

/** The more exact fit comes first. */
const RANK: Readonly<Record<ImageFit, number>> = { digest: 0, tag: 1, repository: 2 };

/** Which scan types are served: one expression for all patterns, with `*` for any number of characters. */
export function scanTypesOf(patterns: readonly string[]): RegExp {
  const alternatives = patterns.map((pattern) => pattern.split('*').map(RegExp.escape).join('.*'));
  return new RegExp(`^(?:${alternatives.join('|')})$`, 's');
}

/** What a binding has in `replaces` comes after every `image` that fits. */
const REPLACED = 3;

/** Whether this binding could serve the scan, were it alone: image (or an earlier home), selector and scan type fit. */
export function matches(binding: ValidBinding, scan: ScheduledScan, scanTypes: RegExp): boolean {
  return (
    scan.image !== undefined && rank(binding, scan.image) !== undefined && mayTake(binding, scan, scanTypes)
  );
}

/** Whether selector and scan type fit, whatever the image. */
export function mayTake(binding: ValidBinding, scan: ScheduledScan, scanTypes: RegExp): boolean {
  return selects(binding.scanSelector, scan.labels) && scanTypes.test(scan.scanType);
}

/**
 * The bindings that may serve the scan, the one that does first: one by a person before one by discovery, then the
 * more exact fit (digest, tag, repository, and last an earlier home), then the older, then the name. Observing bindings
 * serve none.
 */
export function contenders(
  scan: ScheduledScan,
  bindings: readonly Binding[],
  scanTypes: RegExp,
): readonly ValidBinding[] {
  const { image } = scan;
  if (image === undefined) return [];
  return inOrder(image, bindings).filter((binding) => matches(binding, scan, scanTypes));
}

/** The bindings that serve an image, as far as that alone tells: in the order of {@link contenders}. */
export function serversOf(image: ImageReference, bindings: readonly Binding[]): readonly ValidBinding[] {
  return inOrder(image, bindings).filter((binding) => rank(binding, image) !== undefined);
}

function inOrder(image: ImageReference, bindings: readonly Binding[]): readonly ValidBinding[] {
  return bindings
    .filter((binding) => binding.validity === 'Valid')
    .filter((binding) => binding.mode === 'Enforce')
    .sort((a, b) => compare(a, b, image));
}

function compare(a: ValidBinding, b: ValidBinding, image: ImageReference): number {
  return (
    Number(a.discovered) - Number(b.discovered) ||
    (rank(a, image) ?? REPLACED + 1) - (rank(b, image) ?? REPLACED + 1) ||
    a.createdAt - b.createdAt ||
    (a.name < b.name ? -1 : 1)
  );
}

function rank({ image, replaces }: ValidBinding, named: ImageReference): number | undefined {
  const fits = fit(image, named);
  if (fits !== undefined) return RANK[fits];
  return replaces.some((earlier) => fit(earlier, named) !== undefined) ? REPLACED : undefined;
}
