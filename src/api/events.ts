/**
 * Every reason of an Event about a binding or a pod, in addition to the reasons of the condition Ready. A published reason
 * keeps its meaning.
 */
export const EVENT_REASONS = [
  'CredentialChanged',
  'ScansBound',
  'ScansUnbound',
  'ScansNotMigrated',
  'ImageMigrated',
  'PlatformSwitched',
  'NotDiscovered',
  'TooManyPullSecrets',
] as const;

export type EventReason = (typeof EVENT_REASONS)[number];
