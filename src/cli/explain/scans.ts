import { type ImageReference, repositoryName } from '../../image/index.ts';
import type { EnvVar } from '../../object/index.ts';
import {
  bindingsForImage,
  fittingBindings,
  type RivalLookup,
  rivalsAmong,
  scanTypesOf,
} from '../../policy/index.ts';
import { DEFAULT_SCAN_TYPES, overriddenLogins, type ScheduledScan } from '../../scan/index.ts';
import { columns, isSimilar, quoted } from '../../text/index.ts';
import type { Inventory } from '../inventory/index.ts';
import type { Decided } from './decided.ts';
import { observersAmong } from './matching.ts';

/** A ScheduledScan that names the image, or from whose parameters no image can be read. */
export interface ExplainedScan {
  readonly name: string;
  /** Whether it names the image. */
  readonly named: boolean;
  /** Name of the effective binding; undefined: there is none. */
  readonly effectiveBinding: string | undefined;
  /** Name of the binding that the scan is bound to; undefined: it is not bound. */
  readonly boundTo: string | undefined;
  /** Why the scan is not bound, according to the status of the binding; undefined: not in the status. */
  readonly failing: string | undefined;
  /** What the status says about a scan whose Scans are bound when they are created; undefined: it is not such a scan. */
  readonly atCreation: string | undefined;
  /** Why no binding can be effective for the scan, as a predicate or a clause; undefined: one can. */
  readonly problem: string | undefined;
  /** Clauses about what a user should know of a scan that is bound, or will be. */
  readonly notes: readonly string[];
}

/** What is already known about an image when its scans are explained. */
interface ScanContext {
  /** What the controller has decided; undefined: not known. */
  readonly decided: Decided | undefined;
  /** The variables that a scan of the image gets when it is bound. */
  readonly env: readonly EnvVar[];
}

/** The scan types that the controller binds by default. */
export const SCAN_TYPES = scanTypesOf(DEFAULT_SCAN_TYPES);

/** The ScheduledScans that are not bound and that no binding matches. */
export function unmatchedOf({ scheduledScans, bindings }: Inventory): readonly ScheduledScan[] {
  const rivals = rivalsAmong(bindings);
  return scheduledScans.filter(
    (scan) => scan.bound === undefined && fittingBindings(scan, rivals, SCAN_TYPES).next().done === true,
  );
}

/**
 * The ScheduledScans that name the repository of an image, and those from whose parameters no image can be read: all with a
 * supported scan type, and of others those that mention the repository.
 */
export function scansOf(
  image: ImageReference,
  { scheduledScans, bindings }: Inventory,
  { decided, env }: ScanContext,
): readonly ExplainedScan[] {
  const repository = repositoryName(image);
  const [rivals, observers] = [rivalsAmong(bindings), observersAmong(bindings)];
  const isIt = (other: ImageReference) => repositoryName(other) === repository;
  const isNamed = (scan: ScheduledScan) => scan.image !== undefined && isIt(scan.image);
  const isUnreadable = (scan: ScheduledScan) =>
    scan.imageProblem !== undefined && (isSupported(scan) || scan.mentions.some(isIt));
  return scheduledScans
    .filter((scan) => isNamed(scan) || isUnreadable(scan))
    .map((scan) => {
      const effectiveBinding = fittingBindings(scan, rivals, SCAN_TYPES).next().value?.name;
      return {
        name: scan.name,
        named: isNamed(scan),
        effectiveBinding,
        boundTo: scan.bound?.binding,
        failing: decided?.failing.get(scan.name),
        atCreation: decided?.atCreation.get(scan.name),
        problem: problemOf(scan, effectiveBinding, { rivals, observers }),
        notes: effectiveBinding === undefined ? [] : notesOn(scan, env),
      };
    });
}

/** The controller may be set to bind other scan types. The scan types of bound scans are supported. */
export function isSupported({ scanType, bound }: ScheduledScan): boolean {
  return bound !== undefined || SCAN_TYPES.test(scanType);
}

/** Why no binding can be effective for a scan, as a predicate or a clause; undefined: one can, or none matches the image. */
export function problemOf(
  scan: ScheduledScan,
  effectiveBinding: string | undefined,
  { rivals, observers }: { readonly rivals: RivalLookup; readonly observers: RivalLookup },
): string | undefined {
  const { unreadable, imageProblem, image, scanType } = scan;
  if (!isSupported(scan)) {
    const supported = DEFAULT_SCAN_TYPES.join(', ');
    return (
      `its scan type ${quoted(scanType)} is not one that the controller binds by default (${supported}); add it to ` +
      'config.scanTypes of the chart, or to --scan-types'
    );
  }
  const problem = unreadable ?? imageProblem;
  if (problem !== undefined || image === undefined) return problem;
  if (effectiveBinding !== undefined || scan.bound !== undefined) return undefined;
  const observer = fittingBindings(scan, observers, SCAN_TYPES).next().value;
  if (observer !== undefined)
    return `not bound: the binding ${quoted(observer.name)} matches it, but the mode of that binding is Observe`;
  const binding =
    bindingsForImage(image, rivals).next().value ?? bindingsForImage(image, observers).next().value;
  return (
    binding &&
    `no binding matches it: its labels do not match spec.scanSelector of the binding ${quoted(binding.name)}`
  );
}

/** Clauses about a scan that is bound, or will be bound with these variables. */
export function notesOn(
  { imageAfter, bound, ownLogins }: ScheduledScan,
  env: readonly EnvVar[],
): readonly string[] {
  const uncertain =
    imageAfter === undefined
      ? undefined
      : `its image follows the flag ${imageAfter}, which is not known, so a migration does not rewrite it`;
  const overridden = overriddenLogins(ownLogins, bound?.delivery?.env ?? env, bound ? 'Now' : 'Later');
  return [uncertain, overridden].filter((note) => note !== undefined);
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

function scanState({ notes, ...scan }: ExplainedScan): string {
  return [bindingState(scan), ...notes].join('; ');
}

type BindingState = Omit<ExplainedScan, 'notes'>;

function bindingState({ effectiveBinding, boundTo, failing, atCreation, problem }: BindingState): string {
  if (problem !== undefined) return boundTo === undefined ? problem : `bound to ${boundTo}; ${problem}`;
  if (effectiveBinding === undefined)
    return boundTo === undefined ? 'no binding matches it' : `to be unbound from ${boundTo}`;
  if (effectiveBinding === boundTo) return `bound to ${effectiveBinding}`;
  if (atCreation !== undefined) return `bound to ${effectiveBinding}: ${atCreation}`;
  return failing === undefined
    ? `not yet bound to ${effectiveBinding}`
    : `not bound to ${effectiveBinding}: ${failing}`;
}

/** The contract of `scheduledScans` in `explain -o json`. */
export function scansAsJson(scans: readonly ExplainedScan[]): readonly unknown[] {
  return scans.map(({ name, effectiveBinding, boundTo, failing, atCreation, problem, notes }) => ({
    name,
    effectiveBinding: effectiveBinding ?? null,
    boundTo: boundTo ?? null,
    problem: problem ?? failing ?? null,
    boundAtCreation: atCreation !== undefined,
    notes,
  }));
}
