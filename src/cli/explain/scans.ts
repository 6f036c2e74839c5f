import { type ImageReference, repositoryName } from '../../image/index.ts';
import { fittingBindings, rivalsAmong, scanTypesOf } from '../../policy/index.ts';
import { DEFAULT_SCAN_TYPES, type ScheduledScan } from '../../scan/index.ts';
import { columns, quoted } from '../../text/index.ts';
import type { Decided } from './decided.ts';
import type { Inventory } from './inventory.ts';
import { isSimilar } from './similar.ts';

/** A ScheduledScan that names the image. */
export interface ExplainedScan {
  readonly name: string;
  /** Name of the effective binding; undefined: there is none. */
  readonly effectiveBinding: string | undefined;
  /** Name of the binding that the scan is bound to; undefined: it is not bound. */
  readonly boundTo: string | undefined;
  /** Why the scan is not bound, according to the status of the binding; undefined: not in the status. */
  readonly failing: string | undefined;
}

const SCAN_TYPES = scanTypesOf(DEFAULT_SCAN_TYPES);

/** The ScheduledScans that are not bound and that no binding matches. */
export function unmatchedOf({ scheduledScans, bindings }: Inventory): readonly ScheduledScan[] {
  const rivals = rivalsAmong(bindings);
  return scheduledScans.filter(
    (scan) => scan.bound === undefined && fittingBindings(scan, rivals, SCAN_TYPES).next().done === true,
  );
}

/** The ScheduledScans that name the repository of an image. */
export function scansOf(
  image: ImageReference,
  { scheduledScans, bindings }: Inventory,
  decided: Decided | undefined,
): readonly ExplainedScan[] {
  const repository = repositoryName(image);
  const rivals = rivalsAmong(bindings);
  return scheduledScans
    .filter((scan) => scan.image !== undefined && repositoryName(scan.image) === repository)
    .map((scan) => ({
      name: scan.name,
      effectiveBinding: fittingBindings(scan, rivals, SCAN_TYPES).next().value?.name,
      boundTo: scan.bound?.binding,
      failing: decided?.failing.get(scan.name),
    }));
}

/**
 * Sentences about an image that a binding matches, but that no scan uses.
 *
 * @param unmatched - ScheduledScans that no binding matches; the user may have meant one of them
 * @param allScans - whether the inventory contains all ScheduledScans of the namespace
 */
export function scanHintsFor(
  image: ImageReference,
  unmatched: readonly ScheduledScan[],
  allScans: boolean,
): readonly string[] {
  const repository = repositoryName(image);
  const similar = new Map(
    unmatched.flatMap(({ name, image: its }) =>
      its !== undefined && isSimilar(repositoryName(its), repository) ? [[repositoryName(its), name]] : [],
    ),
  );
  if (similar.size === 0 && !allScans) return [];
  const where = allScans ? 'in this namespace' : 'in these files';
  const none = `no ScheduledScan ${where} uses the image ${repository}, and a binding applies only to its namespace`;
  const meant = [...similar].map(
    ([its, scan]) => `did you mean ${its}, the image of the ScheduledScan ${quoted(scan)}?`,
  );
  return [[none, ...meant].join('; ')];
}

/** A line for each ScheduledScan: its name and its state. */
export function scanLines(scans: readonly ExplainedScan[]): readonly string[] {
  return columns(scans.map((scan) => [scan.name, scanState(scan)]));
}

function scanState({ effectiveBinding, boundTo, failing }: ExplainedScan): string {
  if (effectiveBinding === undefined)
    return boundTo === undefined ? 'no binding matches it' : `to be unbound from ${boundTo}`;
  if (effectiveBinding === boundTo) return `bound to ${effectiveBinding}`;
  return failing === undefined
    ? `not yet bound to ${effectiveBinding}`
    : `not bound to ${effectiveBinding}: ${failing}`;
}
