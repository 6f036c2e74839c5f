import type { ValidBinding } from '../binding/index.ts';
import type { ScheduledScan } from '../scan/index.ts';
import { isLeftBehind } from './migration.ts';
import { fits, fittingBindings, type RivalLookup } from './precedence.ts';

/** The role of a ScheduledScan for one binding: see {@link scanRole}. */
export type ScanRole =
  | { readonly role: 'Effective' }
  | { readonly role: 'Yields'; readonly to: string; readonly isFirst: boolean }
  | { readonly role: 'Undecided'; readonly waitsFor: string }
  | { readonly role: 'LeftBehind' }
  | { readonly role: 'Former' }
  | { readonly role: 'WouldBind' }
  | { readonly role: 'None' };

/** The binding for which the role of a scan is decided, and its rivals. */
export interface RoleContext {
  /** Name of the binding. */
  readonly name: string;
  /** undefined: the binding was deleted, or its spec is invalid. */
  readonly binding: ValidBinding | undefined;
  /** Whether scans may be bound to this binding now. */
  readonly canBind: boolean;
  /** The bindings of the namespace by key. */
  readonly rivals: RivalLookup;
  /** Whether scans may be bound to a rival now; undefined: not known yet. */
  readonly canRivalBind: (rival: ValidBinding) => boolean | undefined;
  readonly scanTypes: RegExp;
}

/**
 * Decides the role of a ScheduledScan for a binding. At most one binding is effective for a scan, so no two reconciles
 * write the same scan.
 *
 * | the first binding in the order of precedence | and | role |
 * |---|---|---|
 * | has not been reconciled yet, so it is not known whether it can bind scans | | `Undecided` |
 * | is this one | it can bind scans, or the scan is not bound to another binding that fits | `Effective` |
 * | is this one | it cannot bind scans now, and the scan is bound to another binding that fits | `Yields`, `isFirst` |
 * | is another one | that one cannot bind scans now, and the scan is bound to this one, which fits | `Effective` |
 * | is another one | this one fits, too, in all other cases | `Yields` |
 * | does not exist | the scan is bound to this binding, whose `spec.image` has changed since | `LeftBehind` |
 * | does not exist | the scan is bound to this binding, in all other cases | `Former` |
 * | does not exist | this binding fits, and only observes | `WouldBind` |
 * | anything else | | `None` |
 */
export function scanRole(scan: ScheduledScan, context: RoleContext): ScanRole {
  const { name, binding, rivals, scanTypes } = context;
  const { first, holderFits } = precedence(scan, rivals, scanTypes);
  if (first === undefined) return roleWithoutRival(scan, context);
  const isFirst = first.name === name;
  const canBind = isFirst ? context.canBind : context.canRivalBind(first);
  if (canBind === undefined) return { role: 'Undecided', waitsFor: first.name };
  const holder = holderFits ? scan.bound?.binding : undefined;
  const effective = canBind ? first.name : (holder ?? first.name);
  if (effective === name) return { role: 'Effective' };
  if (isFirst || (binding !== undefined && fits(binding, scan, scanTypes)))
    return { role: 'Yields', to: effective, isFirst };
  return NONE;
}

const NONE: ScanRole = { role: 'None' };

function roleWithoutRival(scan: ScheduledScan, { name, binding, scanTypes }: RoleContext): ScanRole {
  if (binding !== undefined && isLeftBehind(binding, scan, scanTypes)) return { role: 'LeftBehind' };
  if (scan.bound?.binding === name) return { role: 'Former' };
  return binding !== undefined && fits(binding, scan, scanTypes) ? { role: 'WouldBind' } : NONE;
}

/**
 * The first binding in the order of precedence, and whether the binding to which the scan is bound also fits the
 * scan. The search stops as soon as both are known.
 */
function precedence(
  scan: ScheduledScan,
  rivals: RivalLookup,
  scanTypes: RegExp,
): { readonly first: ValidBinding | undefined; readonly holderFits: boolean } {
  const holder = scan.bound?.binding;
  let first: ValidBinding | undefined;
  for (const binding of fittingBindings(scan, rivals, scanTypes)) {
    first ??= binding;
    if (binding.name === holder) return { first, holderFits: true };
    if (holder === undefined) break;
  }
  return { first, holderFits: false };
}
