import type { Resource } from './object.ts';

/** The resources that several folders read or write, except ImageCredentialBindings. */
export const NAMESPACES: Resource = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace' };
export const SECRETS: Resource = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret' };
export const SCHEDULED_SCANS: Resource = secureCodeBox('scheduledscans', 'ScheduledScan');
export const SCANS: Resource = secureCodeBox('scans', 'Scan');

function secureCodeBox(plural: string, kind: string): Resource {
  return { group: 'execution.securecodebox.io', version: 'v1', plural, kind };
}
