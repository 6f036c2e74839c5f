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

/** Whether this binding could serve the scan, were it alone: image, selector and scan type fit. */
export function matches(binding: ValidBinding, scan: ScheduledScan, scanTypes: RegExp): boolean {
  return (
    scan.image !== undefined &&
    fit(binding.image, scan.image) !== undefined &&
    selects(binding.scanSelector, scan.labels) &&
    scanTypes.test(scan.scanType)
  );
}

/**
 * The bindings that may serve the scan, the one that does first: one by a person before one by discovery, then the
 * more exact fit (digest, tag, repository), then the older, then the name. Observing bindings serve none.
 */
export function contenders(
  scan: ScheduledScan,
  bindings: readonly Binding[],
  scanTypes: RegExp,
): readonly ValidBinding[] {
  const { image } = scan;
  if (image === undefined) return [];
  return serversOf(image, bindings).filter((binding) => matches(binding, scan, scanTypes));
}

/** The bindings that serve an image, as far as that alone tells: in the order of {@link contenders}. */
export function serversOf(image: ImageReference, bindings: readonly Binding[]): readonly ValidBinding[] {
  return bindings
    .filter((binding) => binding.validity === 'Valid')
    .filter((binding) => binding.mode === 'Enforce' && fit(binding.image, image) !== undefined)
    .sort((a, b) => compare(a, b, image));
}

function compare(a: ValidBinding, b: ValidBinding, image: ImageReference): number {
  return (
    Number(a.discovered) - Number(b.discovered) ||
    rank(a, image) - rank(b, image) ||
    a.createdAt - b.createdAt ||
    (a.name < b.name ? -1 : 1)
  );
}

function rank(binding: ValidBinding, image: ImageReference): number {
  const fits = fit(binding.image, image);
  return fits === undefined ? Number.POSITIVE_INFINITY : RANK[fits];
}
