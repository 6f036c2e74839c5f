import type { ValidBinding } from '../../binding/index.ts';
import type { ConditionContent, Preview } from '../../controllers/index.ts';
import type { ScheduledScan } from '../../scan/index.ts';
import { admissionHint, scanHintsFor, untried } from '../explain/index.ts';
import { missingSecretNote, type Note } from './missing-secrets.ts';
import type { Namespace } from './namespace.ts';

/** By type of a condition that is False: the reasons that depend on the objects alone, and not on a registry or a cloud. */
const LASTING: Readonly<Record<string, ReadonlySet<string>>> = {
  CredentialVerified: new Set(['Expired'] satisfies ConditionContent['reason'][]),
  ScansBound: new Set([
    'MountPathTaken',
    'NotDirect',
    'ScanUnreadable',
    'Undeliverable',
    'VolumeNameTaken',
  ] satisfies ConditionContent['reason'][]),
};
/** Reasons of a condition that is True, and that a user should know. */
const NOTEWORTHY: Readonly<Record<string, string>> = { Ready: 'ExpiresSoon', ScansBound: 'Overridden' };

/**
 * What to report about a binding.
 *
 * @param unmatched - the ScheduledScans that no binding matches
 */
export function bindingNotes(
  binding: ValidBinding,
  preview: Preview,
  namespace: Namespace,
  unmatched: readonly ScheduledScan[],
): readonly Note[] {
  const { conditions, credentials } = preview;
  const missing = binding.imagePullSecrets.filter((name) => !namespace.inventory.states.has(name));
  return [
    // A Secret that the API server would refuse is reported as such.
    ...missing
      .filter((name) => !namespace.refusedSecrets.has(name))
      .map((name) => missingSecretNote(binding, name, namespace)),
    ...unresolvedNotes(binding, conditions, missing.length),
    ...limitNotes(preview),
    ...conditions.filter(isLasting).map(({ message }): Note => ({ severity: 'error', message })),
    ...[
      ...conditions.filter(({ type, reason }) => NOTEWORTHY[type] === reason).map(({ message }) => message),
      ...untried(credentials),
    ].map((message): Note => ({ severity: 'warning', message })),
    ...[
      ...(hasNoScans(conditions) ? scanHintsFor(binding.image, unmatched, false) : []),
      ...admissionHint(binding, namespace.inventory),
    ].map((message): Note => ({ severity: 'info', message })),
  ];
}

/** If a Secret is missing, it may contain the credential. If all of them are, there is no more to say. */
function unresolvedNotes(
  { imagePullSecrets }: ValidBinding,
  conditions: readonly ConditionContent[],
  missing: number,
): readonly Note[] {
  const resolved = conditions.find(({ type }) => type === 'CredentialResolved');
  if (resolved?.status !== 'False' || missing === imagePullSecrets.length) return [];
  return [{ severity: missing === 0 ? 'error' : 'warning', message: resolved.message }];
}

function limitNotes({ limit, conditions }: Preview): readonly Note[] {
  const ready = conditions.find(({ type }) => type === 'Ready');
  return limit === undefined || ready === undefined ? [] : [{ severity: 'error', message: ready.message }];
}

function isLasting({ type, status, reason }: ConditionContent): boolean {
  return status === 'False' && LASTING[type]?.has(reason) === true;
}

function hasNoScans(conditions: readonly ConditionContent[]): boolean {
  return conditions.some(({ type, reason }) => type === 'ScansBound' && reason === 'NoScans');
}
