import type { ValidBinding } from '../binding/index.ts';
import { fit, type ImageReference, patternOf, patternsOf, repositoryName } from '../image/index.ts';
import type { ScheduledScan } from '../scan/index.ts';
import { selects } from './label-selector.ts';

/** Matches the scan types that fit at least one pattern. In a pattern, `*` matches any number of characters. */
export function scanTypesOf(patterns: readonly string[]): RegExp {
  const alternatives = patterns.map((pattern) => pattern.split('*').map(RegExp.escape).join('.*'));
  return new RegExp(`^(?:${alternatives.join('|')})$`, 's');
}

/** The key of the bindings that have this repository in `replaces`. */
export function previousRepositoryKey(repository: string): string {
  return `previous ${repository}`;
}

/** The keys of a binding in the {@link RivalLookup}. */
export function bindingKeys({ image, replaces }: ValidBinding): readonly string[] {
  return [patternOf(image), ...replaces.map((previous) => previousRepositoryKey(repositoryName(previous)))];
}

/** The keys of the bindings that could fit scans of an image, the most exact one first. */
export function imageKeys(image: ImageReference): readonly string[] {
  return [...patternsOf(image), previousRepositoryKey(repositoryName(image))];
}

/** The bindings under a key, in the order of precedence. Under one key, all bindings fit an image equally exactly. */
export type RivalLookup = (key: string) => readonly ValidBinding[];

/** Whether image (or a previous repository), selector and scan type of a binding fit the scan. Ignores precedence. */
export function fits(binding: ValidBinding, scan: ScheduledScan, scanTypes: RegExp): boolean {
  const { image } = scan;
  return (
    image !== undefined &&
    [binding.image, ...binding.replaces].some((pattern) => fit(pattern, image) !== undefined) &&
    selectsScan(binding, scan, scanTypes)
  );
}

/** Whether selector and scan type fit, whatever the image. */
export function selectsScan(binding: ValidBinding, scan: ScheduledScan, scanTypes: RegExp): boolean {
  return scanTypes.test(scan.scanType) && selects(binding.scanSelector, scan.labels);
}

/**
 * The bindings that fit the scan, in the order of precedence: user-created before discovered, then the more exact fit
 * (digest, tag, repository, previous repository), then the older one, then by name. Excludes observing bindings.
 */
export function* fittingBindings(
  scan: ScheduledScan,
  rivals: RivalLookup,
  scanTypes: RegExp,
): Generator<ValidBinding> {
  if (scan.image === undefined) return;
  for (const binding of bindingsForImage(scan.image, rivals))
    if (selectsScan(binding, scan, scanTypes)) yield binding;
}

/** The bindings that fit an image, in the order of {@link fittingBindings}. Ignores selectors and scan types. */
export function* bindingsForImage(image: ImageReference, rivals: RivalLookup): Generator<ValidBinding> {
  const groups = imageKeys(image).map(rivals);
  for (const discovered of [false, true]) {
    for (const binding of groups.flat())
      if (binding.mode === 'Enforce' && binding.discovered === discovered) yield binding;
  }
}
