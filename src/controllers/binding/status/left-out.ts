import type { ValidBinding } from '../../../binding/index.ts';
import { fit } from '../../../image/index.ts';
import { selectsScan } from '../../../policy/index.ts';
import { quoted } from '../../../text/index.ts';
import type { Resolved } from '../resolve.ts';
import type { ScanState } from './scans.ts';

/** The ScheduledScans that mention an image of the binding, but from whose parameters no image can be read. */
export function unreadableScans(
  binding: ValidBinding,
  { mentioning, settings }: Pick<Resolved, 'mentioning' | 'settings'>,
): readonly ScanState[] {
  return mentioning
    .filter((scan) => selectsScan(binding, scan, settings.scanTypes))
    .map(({ name, imageProblem }) => leftOut(name, imageProblem));
}

/** The ScheduledScans of the binding's image whose scan type the controller does not bind. */
export function scansOfOtherTypes(
  binding: ValidBinding,
  { scans, settings }: Pick<Resolved, 'scans' | 'settings'>,
): readonly ScanState[] {
  return scans
    .map(({ scan }) => scan)
    .filter(({ image }) => image !== undefined && fit(binding.image, image) !== undefined)
    .filter(({ scanType }) => !settings.scanTypes.test(scanType))
    .map(({ name, scanType }) => leftOut(name, otherTypeReason(scanType)));
}

function otherTypeReason(scanType: string): string {
  return (
    `its scan type ${quoted(scanType)} is not one that the controller binds; add it to the setting --scan-types of the ` +
    'controller, which is config.scanTypes of the chart'
  );
}

function leftOut(name: string, reason: string | undefined): ScanState {
  return { name, state: 'Unreadable', matched: false, reason };
}
