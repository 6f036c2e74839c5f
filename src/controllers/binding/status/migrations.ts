import type { Binding, ValidBinding } from '../../../binding/index.ts';
import { type ImageReference, parseImageReference, repositoryName } from '../../../image/index.ts';
import { platformOf } from '../../../platform/index.ts';
import { unreportedMigration } from '../../../policy/index.ts';
import type { Migrated, ScheduledScan } from '../../../scan/index.ts';
import type { Applied } from '../apply.ts';
import type { Decision } from '../decide.ts';
import type { Resolved } from '../resolve.ts';
import { isSameChange, parameterChanges } from './parameter-changes.ts';

/** Scans that were migrated from one repository to that of the binding. */
export interface ScanMigration {
  /** The previous repository, as an image. */
  readonly from: ImageReference;
  /** Name of the pull secret that they used there; undefined: none, or not known. */
  readonly source: string | undefined;
  readonly scans: readonly ScheduledScan[];
  /** `AtCreation`: only their new Scans get the new image, because the scans themselves are not written. */
  readonly how: 'Written' | 'AtCreation';
}

/** The migrated scans that the status has to report, grouped by previous repository and previous pull secret. */
export function migrationsToReport(
  binding: Binding,
  { decision, applied, resolved }: { decision: Decision; applied: Applied; resolved: Resolved },
): readonly ScanMigration[] {
  const groups = new Map<string, Group>();
  const unreported = resolved.scans.flatMap(({ scan }) => {
    const migrated = unreportedMigration(binding, scan);
    return migrated === undefined ? [] : [[scan, migrated] as const];
  });
  for (const [scan, migrated] of new Map([...unreported, ...migratedNow(decision, applied)]))
    addTo(groups, scan, { ...migrated, how: 'Written' });
  for (const scan of newlyMigratedAtCreation(binding, decision)) {
    if (scan.image === undefined) continue;
    addTo(groups, scan, { from: repositoryName(scan.image), source: undefined, how: 'AtCreation' });
  }
  return [...groups.values()];
}

type Group = ScanMigration & { readonly scans: ScheduledScan[] };

function addTo(
  groups: Map<string, Group>,
  scan: ScheduledScan,
  { from, source, how }: Pick<Migrated, 'from' | 'source'> & Pick<ScanMigration, 'how'>,
): void {
  const key = `${how} ${from} ${source}`;
  const group = groups.get(key) ?? { from: parseImageReference(from), source, how, scans: [] };
  groups.set(key, group);
  group.scans.push(scan);
}

/** The scans whose new Scans get a new image, and whose change the status does not list yet. */
function newlyMigratedAtCreation({ status }: Binding, { scans }: Decision): readonly ScheduledScan[] {
  const reported = status?.parameterChanges ?? [];
  const unreported = parameterChanges({ scans }, status).filter(
    (change) => !reported.some((one) => isSameChange(one, change)),
  );
  const names = new Set(unreported.map(({ scheduledScan }) => scheduledScan));
  return scans.map(({ scan }) => scan).filter(({ name }) => names.has(name));
}

/** The scans that this reconcile has migrated. */
export function migratedNow(
  { scans }: Decision,
  { written }: Applied,
): readonly (readonly [ScheduledScan, Migrated])[] {
  return scans.flatMap((plan) => {
    if (plan.plan !== 'Edit' || plan.edit.edit !== 'Bind' || !written.has(plan.scan.name)) return [];
    return plan.edit.migrated === undefined ? [] : [[plan.scan, plan.edit.migrated] as const];
  });
}

/** The reason of a migration, in history and Events. */
export function migrationReason(
  { from }: ScanMigration,
  { image }: ValidBinding,
): 'PlatformSwitched' | 'ImageMigrated' {
  return platformOf(from.host).name === platformOf(image.host).name ? 'ImageMigrated' : 'PlatformSwitched';
}
