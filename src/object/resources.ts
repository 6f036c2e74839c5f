import type { Resource } from './object.ts';

/** The resources that the controller reads or writes, apart from its own. */
export const SECRETS: Resource = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret' };
export const SCHEDULED_SCANS: Resource = secureCodeBox('scheduledscans', 'ScheduledScan');
export const SCANS: Resource = secureCodeBox('scans', 'Scan');

function secureCodeBox(plural: string, kind: string): Resource {
  return { group: 'execution.securecodebox.io', version: 'v1', plural, kind };
}
