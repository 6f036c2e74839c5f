import type { RevertedWrite, ScansSummary } from '../../../api/index.ts';
import { formatReference } from '../../../image/index.ts';
import { isVerifying, type Resolution } from '../../../policy/index.ts';
import { overriddenLogins, type ScanDelivery, type ScheduledScan } from '../../../scan/index.ts';
import { compareText, failureMessage } from '../../../text/index.ts';
import { type Applied, Refused } from '../apply.ts';
import type { Decision, ScanPlan } from '../decide.ts';
import type { Known } from '../observed.ts';
import { parameterChange } from './parameter-changes.ts';
import { revertedReason } from './reverted-writes.ts';
import { runNotes } from './run-notes.ts';

/** Limit on the names that a status, a message or an Event lists. */
const MOST_NAMES = 20;

/** The state of a scan for a binding, for status and messages. */
export interface ScanState {
  readonly name: string;
  /** `Unreadable`: it mentions an image of the binding, but no image can be read from its parameters. */
  readonly state: 'Bound' | 'Failing' | 'Waiting' | 'Unreadable' | 'Other';
  /** Whether the binding's image and selector and the setting for scan types fit. False for a scan to be unbound. */
  readonly matched: boolean;
  readonly reason: string | undefined;
  /** Set if the scan is not written, and its Scans are bound when they are created. */
  readonly boundAtCreation?: true;
}

/** The state of every scan that concerns the binding, except those that were unbound. */
export function scanStates(
  { scans, resolution }: Decision,
  applied: Applied,
  { awaitedScan }: Pick<Known, 'awaitedScan'>,
): readonly ScanState[] {
  return scans
    .map((plan) => scanState(plan, { applied, resolution, awaitedScan }))
    .filter((state) => state !== undefined);
}

interface Context extends Pick<Known, 'awaitedScan'> {
  readonly applied: Applied;
  readonly resolution: Resolution;
}

function scanState(plan: ScanPlan, { applied, resolution, awaitedScan }: Context): ScanState | undefined {
  const { name } = plan.scan;
  const matched = !('edit' in plan) || plan.edit.edit === 'Bind';
  const inState = (state: ScanState['state'], reason?: string) => ({ name, state, matched, reason });
  switch (plan.plan) {
    case 'Keep':
      return inState(
        'Bound',
        bindingNote(plan.scan, plan.scan.bound?.delivery, runNotes(plan.scan, awaitedScan(plan.scan))),
      );
    case 'AtCreation':
      return { ...inState('Bound', atCreationNote(plan)), boundAtCreation: true };
    case 'Edit':
      return editState(plan, applied, inState);
    case 'Wait':
      return inState(
        'Waiting',
        `will be ${matched ? 'bound' : 'unbound'} once the run that is due has started, within a minute`,
      );
    case 'BackOff':
      return inState('Failing', revertedReason(plan.reverted));
    case 'Unbound':
      return isVerifying(resolution)
        ? inState('Waiting', 'will be bound once the registry accepts a credential')
        : inState('Failing', 'no credential is available for it');
    case 'NotMigrated':
      return unmigratedState(plan, inState);
    case 'Unmigratable':
      return inState('Failing', unmigratableReason(plan.after));
    case 'Yield':
      return inState('Other', `the effective binding is ImageCredentialBinding ${plan.to}`);
    case 'Unreadable':
      return inState('Failing', plan.problem);
    case 'Broken':
      return inState('Failing', failureMessage('this ScheduledScan', plan.error));
    case 'Observe':
      return inState('Other', 'would be bound in mode Enforce');
  }
}

/** How the Scans of a ScheduledScan that is not written are bound, and what to change in the ScheduledScan at its source. */
function atCreationNote(plan: Extract<ScanPlan, { plan: 'AtCreation' }>): string {
  const { scan, delivery } = plan;
  const why =
    scan.gitManager === undefined
      ? ''
      : `, because ${scan.gitManager} would revert a change of the ScheduledScan`;
  const how = plan.isTemporary ? ', each with a Secret of its own' : '';
  const note = `its Scans are bound when they are created${how || why}`;
  const change = parameterChange(plan);
  const advice =
    change === undefined
      ? []
      : [
          `they use ${change.to} instead of ${change.from}: change spec.scanSpec.parameters[${change.parameter}] of ScheduledScan ${scan.name} to ${change.to}`,
        ];
  return [note, ...credentialNotes(scan, delivery), ...advice].join('; ');
}

type StateMaker = (state: ScanState['state'], reason?: string) => ScanState;

function editState(
  { scan, edit }: Extract<ScanPlan, { plan: 'Edit' }>,
  { failed, secretRefused }: Applied,
  inState: StateMaker,
): ScanState | undefined {
  const failure = failed.get(scan.name);
  if (failure instanceof Refused) return inState('Failing', failure.message);
  if (failure !== undefined)
    return inState(
      'Waiting',
      'changed during the update, or the API server did not answer; the controller retries',
    );
  if (edit.edit === 'Unbind') return undefined;
  return secretRefused === undefined
    ? inState('Bound', bindingNote(scan, edit.delivery))
    : inState('Failing', 'its Trivy Secret could not be written');
}

function unmigratedState(
  { decision, check }: Extract<ScanPlan, { plan: 'NotMigrated' }>,
  inState: StateMaker,
): ScanState {
  const image = formatReference(check.image);
  switch (decision) {
    case 'Check':
      return inState('Waiting', `will be migrated if the registry has ${image}; the check is pending`);
    case 'Unconfirmed':
      return inState(
        'Waiting',
        `will be migrated once the registry confirms that it has ${image}; it cannot be checked now`,
      );
    case 'Stay':
      return inState('Failing', `is not migrated, because the registry does not show ${image}`);
  }
}

function unmigratableReason(flag: string): string {
  return (
    `is not migrated, because its image follows the flag ${flag}, which the controller does not know, and may be the value of ` +
    `that flag: change the image in the ScheduledScan, or join the flag to its value with "="`
  );
}

/**
 * What a user should know of a bound scan; undefined: nothing. Trivy prefers a credential in the parameters. The controller
 * reports such a credential, but does not remove it.
 */
function bindingNote(
  scan: ScheduledScan,
  delivery: ScanDelivery | undefined,
  more: readonly string[] = [],
): string | undefined {
  const reverted =
    scan.gitManager === undefined
      ? []
      : [
          `${scan.gitManager} may revert that again and again: enable the admission webhook, so that its Scans are bound when they are created`,
        ];
  const notes = [...credentialNotes(scan, delivery), ...reverted, ...more];
  return notes.length === 0 ? undefined : `bound, but ${notes.join('; ')}`;
}

function credentialNotes(scan: ScheduledScan, delivery: ScanDelivery | undefined): readonly string[] {
  const inParameters = scan.credentialParameters
    ? 'its parameters contain a credential, and Trivy prefers that one: remove it from the parameters'
    : undefined;
  const overridden = overriddenLogins(scan.ownLogins, delivery?.env ?? [], 'Now');
  return [inParameters, overridden].filter((note) => note !== undefined);
}

/** The states of scans with what `revertedWrites` says about them. */
export function withReversions(
  states: readonly ScanState[],
  reverted: readonly RevertedWrite[],
): readonly ScanState[] {
  if (reverted.length === 0) return states;
  const byName = new Map(reverted.map((one) => [one.scheduledScan, one]));
  return states.map((state) => {
    const found = byName.get(state.name);
    if (found === undefined || state.state !== 'Bound') return state;
    const by = `field manager ${found.fieldManager}`;
    return state.boundAtCreation === true
      ? { ...state, reason: `${state.reason}; ${by} reverts changes of the ScheduledScan` }
      : { ...state, state: 'Failing', reason: revertedReason(found) };
  });
}

/** The counts for a status, and the names of at most 20 scans, failing ones first. */
export function summarizeScans(scans: readonly ScanState[]): ScansSummary {
  const order = ['Failing', 'Waiting', 'Unreadable', 'Other', 'Bound'];
  const sorted = scans.toSorted(
    (a, b) => order.indexOf(a.state) - order.indexOf(b.state) || (a.name < b.name ? -1 : 1),
  );
  const count = (state: ScanState['state']) => scans.filter((scan) => scan.state === state).length;
  const atCreation = scans.filter(({ boundAtCreation }) => boundAtCreation === true).length;
  return {
    matched: scans.filter(({ matched }) => matched).length,
    bound: count('Bound'),
    ...(atCreation === 0 ? {} : { boundAtCreation: atCreation }),
    failing: count('Failing'),
    ...(count('Unreadable') === 0 ? {} : { unreadable: count('Unreadable') }),
    names: sorted.slice(0, MOST_NAMES).map(({ name, reason, boundAtCreation }) => ({
      name,
      ...(boundAtCreation === undefined ? {} : { boundAtCreation }),
      ...(reason === undefined ? {} : { reason: reason.slice(0, 1024) }),
    })),
  };
}

export function counted(scans: number): string {
  return scans === 1 ? '1 scan' : `${scans} scans`;
}

/** Names of at most 20 scans, with the reason of the first one, by name. */
export function listed(scans: readonly ScanState[]): string {
  const sorted = byName(scans);
  const [first] = sorted;
  const reason = first?.reason === undefined ? '' : ` (${first.reason})`;
  return `${namesOf(sorted)}${reason}`;
}

/** In a store, a scan changes its place with each of its runs. A message about it must not change because of that. */
function byName(scans: readonly ScanState[]): readonly ScanState[] {
  return scans.toSorted((a, b) => compareText(a.name, b.name));
}

/** Limit on the text of {@link listedByReason}, in characters, unless the first reason alone is longer. */
const LONGEST_LIST = 300;

/**
 * Names of at most 20 scans for each reason, as far as they fit, and the names of the others without a reason. Sorted by name,
 * so that the order of a store does not change a message.
 */
export function listedByReason(scans: readonly ScanState[]): string {
  const groups = [...Map.groupBy(byName(scans), ({ reason }) => reason).values()];
  const texts = groups.map(listed);
  const fitting = texts.filter(
    (_, index) => texts.slice(0, index + 1).join(', ').length <= LONGEST_LIST,
  ).length;
  const shown = Math.max(1, fitting);
  const rest = groups.slice(shown).flat();
  const others = rest.length === 0 ? [] : [`${namesOf(rest)} (see status.scans)`];
  return [...texts.slice(0, shown), ...others].join(', ');
}

/** At most 20 names, and the number of further ones. */
export function namesOf(scans: readonly { readonly name: string }[]): string {
  const names = scans.slice(0, MOST_NAMES).map(({ name }) => name);
  const rest = scans.length - names.length;
  return rest > 0 ? `${names.join(', ')} and ${rest} more` : names.join(', ');
}
