import type { ValidBinding } from '../binding/index.ts';
import { fit, type ImageReference, patternOf, patternsOf, repositoryName } from '../image/index.ts';
import type { ScheduledScan } from '../scan/index.ts';
import { selects } from './label-selector.ts';

/** Which scan types are served: one expression for all patterns, with `*` for any number of characters. */
export function scanTypesOf(patterns: readonly string[]): RegExp {
  const alternatives = patterns.map((pattern) => pattern.split('*').map(RegExp.escape).join('.*'));
  return new RegExp(`^(?:${alternatives.join('|')})$`, 's');
}

/** The key of the bindings that have a repository in `replaces`. */
export function previousKey(repository: string): string {
  return `previous ${repository}`;
}

/** The keys under which scans find a binding that fits them. */
export function keysServed({ image, replaces }: ValidBinding): readonly string[] {
  return [patternOf(image), ...replaces.map((previous) => previousKey(repositoryName(previous)))];
}

/** The keys of the bindings that could fit scans of an image, the most exact one first. */
export function keysNaming(image: ImageReference): readonly string[] {
  return [...patternsOf(image), previousKey(repositoryName(image))];
}

/** The bindings of a key, in the order of precedence among equally exact ones. */
export type RivalsUnder = (key: string) => readonly ValidBinding[];

/**
 * Whether the binding fits the scan, apart from precedence: image (or a previous repository), selector and scan type.
 */
export function matches(binding: ValidBinding, scan: ScheduledScan, scanTypes: RegExp): boolean {
  const { image } = scan;
  return (
    image !== undefined &&
    [binding.image, ...binding.replaces].some((pattern) => fit(pattern, image) !== undefined) &&
    mayTake(binding, scan, scanTypes)
  );
}

/** Whether selector and scan type fit, whatever the image. */
export function mayTake(binding: ValidBinding, scan: ScheduledScan, scanTypes: RegExp): boolean {
  return scanTypes.test(scan.scanType) && selects(binding.scanSelector, scan.labels);
}

/**
 * The bindings that fit the scan, in the order of precedence: user-created before discovered, then the more exact fit
 * (digest, tag, repository, and last a previous repository), then by age, then by name. Excludes observing bindings.
 */
export function* contenders(
  scan: ScheduledScan,
  rivals: RivalsUnder,
  scanTypes: RegExp,
): Generator<ValidBinding> {
  if (scan.image === undefined) return;
  for (const binding of serversOf(scan.image, rivals)) if (mayTake(binding, scan, scanTypes)) yield binding;
}

/** The bindings that serve an image, as far as that alone tells: in the order of {@link contenders}. */
export function* serversOf(image: ImageReference, rivals: RivalsUnder): Generator<ValidBinding> {
  const groups = keysNaming(image).map(rivals);
  for (const discovered of [false, true]) {
    for (const binding of groups.flat())
      if (binding.mode === 'Enforce' && binding.discovered === discovered) yield binding;
  }
}
