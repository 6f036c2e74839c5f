/** Every reason of an Event about a binding or a pod, beside those of its condition Ready. Once published, one keeps its meaning. */
export const EVENT_REASONS = [
  'CredentialChanged',
  'ScansBound',
  'ScansLetGo',
  'ScansLeftBehind',
  'ImageMoved',
  'PlatformSwitched',
  'NotDiscovered',
  'TooManyPullSecrets',
] as const;

export type EventReason = (typeof EVENT_REASONS)[number];
