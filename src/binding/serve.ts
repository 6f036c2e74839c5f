import { fit, type ImageReference, patternOf, patternsOf, repositoryName } from '../image/index.ts';
import type { ScheduledScan } from '../scan/index.ts';
import type { ValidBinding } from './binding.ts';
import { selects } from './selector.ts';

/** Which scan types are served: one expression for all patterns, with `*` for any number of characters. */
export function scanTypesOf(patterns: readonly string[]): RegExp {
  const alternatives = patterns.map((pattern) => pattern.split('*').map(RegExp.escape).join('.*'));
  return new RegExp(`^(?:${alternatives.join('|')})$`, 's');
}

/** Under this key stand the bindings that have a repository in `replaces`. */
export function previousKey(repository: string): string {
  return `previous ${repository}`;
}

/** The keys under which a binding is found by the scans that it could serve. */
export function keysServed({ image, replaces }: ValidBinding): readonly string[] {
  return [patternOf(image), ...replaces.map((previous) => previousKey(repositoryName(previous)))];
}

/** The keys under which the bindings stand that could serve scans of an image: the most exact one first. */
export function keysNaming(image: ImageReference): readonly string[] {
  return [...patternsOf(image), previousKey(repositoryName(image))];
}

/** The bindings that stand under a key, in the order of precedence among equally exact ones. */
export type RivalsUnder = (key: string) => readonly ValidBinding[];

/** Whether this binding could serve the scan, were it alone: image (or a previous repository), selector and scan type fit. */
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
 * The bindings that may serve the scan, in the order of precedence: a user-created one before a discovered one, then the
 * more exact fit (digest, tag, repository, and last a previous repository), then the older, then the name. Observing
 * bindings serve none.
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
