import { fit, type ImageFit } from '../image/index.ts';
import type { ScheduledScan } from '../scan/index.ts';
import type { Binding, ValidBinding } from './binding.ts';
import { selects } from './selector.ts';

/** The more exact fit comes first. */
const RANK: Readonly<Record<ImageFit, number>> = { digest: 0, tag: 1, repository: 2 };

/** Names of scan types with `*` for any number of characters. */
export type ScanTypePatterns = readonly string[];

/** Whether this binding could serve the scan, were it alone: image, selector and scan type fit. */
export function matches(binding: ValidBinding, scan: ScheduledScan, scanTypes: ScanTypePatterns): boolean {
  return (
    scan.image !== undefined &&
    fit(binding.image, scan.image) !== undefined &&
    selects(binding.scanSelector, scan.labels) &&
    scanTypes.some((pattern) => matchesPattern(pattern, scan.scanType))
  );
}

/**
 * Which of a namespace's bindings serves the scan: one by a person before one by discovery, then the more exact
 * fit (digest, tag, repository), then the older, then the name. Observing bindings serve none.
 */
export function whoServes(
  scan: ScheduledScan,
  bindings: readonly Binding[],
  scanTypes: ScanTypePatterns,
): ValidBinding | undefined {
  const contenders = bindings
    .filter((binding) => binding.validity === 'Valid')
    .filter((binding) => binding.mode === 'Enforce' && matches(binding, scan, scanTypes));
  return contenders.sort((a, b) => compare(a, b, scan))[0];
}

function compare(a: ValidBinding, b: ValidBinding, scan: ScheduledScan): number {
  return (
    Number(a.discovered) - Number(b.discovered) ||
    rank(a, scan) - rank(b, scan) ||
    a.createdAt - b.createdAt ||
    (a.name < b.name ? -1 : 1)
  );
}

function rank(binding: ValidBinding, scan: ScheduledScan): number {
  const fits = scan.image === undefined ? undefined : fit(binding.image, scan.image);
  return fits === undefined ? Number.POSITIVE_INFINITY : RANK[fits];
}

function matchesPattern(pattern: string, name: string): boolean {
  const [first = '', ...others] = pattern.split('*');
  if (others.length === 0) return name === first;
  const last = others.pop() ?? '';
  if (!name.startsWith(first) || !name.endsWith(last)) return false;
  let position = first.length;
  for (const part of others) {
    const found = name.indexOf(part, position);
    if (found === -1) return false;
    position = found + part.length;
  }
  return position + last.length <= name.length;
}
