import { isDone, type ScanEdit, type ScheduledScan, waitBeforeWrite } from '../scan/index.ts';
import type { ValidBinding } from './binding.ts';
import type { Observed, ObservedScan, Option } from './observe.ts';
import type { NamedSecret } from './pull-secret.ts';
import { matches, whoServes } from './serve.ts';
import type { DesiredTrivySecret } from './trivy-secret.ts';

/** Which credential the scans are to use. */
export type Resolution =
  | { readonly result: 'Selected'; readonly option: Option }
  /** The binding names no secrets: the image needs none. */
  | { readonly result: 'NoneNeeded' }
  | {
      readonly result: 'Unresolved';
      readonly reason: 'NoMatch' | 'SecretNotFound' | 'SecretWrongType' | 'SecretMalformed';
    };

/** What to do about the Trivy secret. */
export type SecretWrite =
  | { readonly write: 'None' }
  | { readonly write: 'Create'; readonly desired: DesiredTrivySecret }
  | { readonly write: 'Replace'; readonly desired: DesiredTrivySecret; readonly resourceVersion: string }
  /** A Secret that is not ours has the name: it stays as it is, and nothing can be bound. */
  | { readonly write: 'Refused'; readonly desired: DesiredTrivySecret };

/** How one scan stands to the binding, and what is to be done about it. */
export type ScanPlan =
  | { readonly plan: 'Keep'; readonly scan: ScheduledScan }
  | { readonly plan: 'Edit'; readonly scan: ScheduledScan; readonly edit: ScanEdit }
  /** An edit that must wait until the run that is due has begun. */
  | {
      readonly plan: 'Wait';
      readonly scan: ScheduledScan;
      readonly edit: ScanEdit;
      readonly milliseconds: number;
    }
  /** It would be bound, but there is no credential to bind it to. */
  | { readonly plan: 'Unbound'; readonly scan: ScheduledScan }
  /** Another binding serves it. */
  | { readonly plan: 'ServedByAnother'; readonly scan: ScheduledScan; readonly by: string }
  /** The binding only observes: this is what it would do. */
  | { readonly plan: 'Observe'; readonly scan: ScheduledScan };

/** What should be. */
export interface Decision {
  readonly resolution: Resolution;
  readonly secretWrite: SecretWrite;
  readonly scans: readonly ScanPlan[];
}

/**
 * The policy of a binding: from what was seen to what should be. A scan has exactly one binding that answers for
 * it: the one that serves it, or, where none does, the one whose name it carries; so no two reconciles write the
 * same scan.
 *
 * | the scan is served by | and | then |
 * |---|---|---|
 * | this binding | a credential is selected, or none is needed | bind it |
 * | this binding | there is no credential | what is bound stays bound, nothing is newly bound |
 * | another | | leave it to that one |
 * | none | it carries this binding's name | let it go |
 */
export function decide(observed: Observed): Decision {
  const { binding } = observed;
  const resolution = resolve(observed);
  const secretWrite = decideSecret(binding?.validity === 'Valid' ? binding : undefined, resolution);
  const bindable = resolution.result !== 'Unresolved' && secretWrite.write !== 'Refused';
  const scans = observed.scans
    .map((scan) => decideScan(observed, scan, bindable ? resolution : undefined))
    .filter((plan) => plan !== undefined);
  return { resolution, secretWrite, scans };
}

function resolve({ binding, options, secrets }: Observed): Resolution {
  const [option] = options;
  if (option !== undefined) return { result: 'Selected', option };
  if (binding?.validity === 'Valid' && secrets.length === 0) return { result: 'NoneNeeded' };
  return { result: 'Unresolved', reason: reasonOf(secrets) };
}

const FAULTS = {
  Missing: 'SecretNotFound',
  WrongType: 'SecretWrongType',
  Malformed: 'SecretMalformed',
} as const;

function reasonOf(secrets: readonly NamedSecret[]): Extract<Resolution, { result: 'Unresolved' }>['reason'] {
  for (const { state } of secrets) if (state !== 'Found') return FAULTS[state];
  return 'NoMatch';
}

function decideSecret(binding: ValidBinding | undefined, resolution: Resolution): SecretWrite {
  if (binding?.mode !== 'Enforce' || resolution.result !== 'Selected') return { write: 'None' };
  const { desired, place } = resolution.option;
  switch (place.state) {
    case 'Free':
      return { write: 'Create', desired };
    case 'Foreign':
      return { write: 'Refused', desired };
    case 'Ours':
      if (place.secret.fingerprint === desired.fingerprint) return { write: 'None' };
      return { write: 'Replace', desired, resourceVersion: place.secret.resourceVersion };
  }
}

function decideScan(
  observed: Observed,
  { scan, bindings }: ObservedScan,
  resolution: Exclude<Resolution, { result: 'Unresolved' }> | undefined,
): ScanPlan | undefined {
  const server = whoServes(scan, bindings, observed.scanTypes);
  if (server === undefined) return decideUnserved(observed, scan);
  if (server.name !== observed.name) return decideLost(observed, scan, server.name);
  if (resolution === undefined) return decideUnbindable(observed, scan, bindings);
  const delivery = resolution.result === 'Selected' ? resolution.option.desired.delivery : undefined;
  return planEdit(observed, scan, { edit: 'Bind', binding: observed.name, delivery });
}

function decideUnserved(observed: Observed, scan: ScheduledScan): ScanPlan | undefined {
  if (scan.bound?.binding === observed.name) return planEdit(observed, scan, { edit: 'LetGo' });
  return wouldServe(observed, scan) ? { plan: 'Observe', scan } : undefined;
}

function decideLost(observed: Observed, scan: ScheduledScan, by: string): ScanPlan | undefined {
  return wouldServe(observed, scan) ? { plan: 'ServedByAnother', scan, by } : undefined;
}

/** Served by this binding, which has no credential: another's hold on the scan stays while that one lives. */
function decideUnbindable(
  observed: Observed,
  scan: ScheduledScan,
  bindings: ObservedScan['bindings'],
): ScanPlan {
  if (scan.bound === undefined) return { plan: 'Unbound', scan };
  const { binding } = scan.bound;
  if (binding === observed.name) return { plan: 'Keep', scan };
  const holds = bindings.some(
    (other) => other.name === binding && other.validity === 'Valid' && other.mode === 'Enforce',
  );
  return holds ? { plan: 'Unbound', scan } : planEdit(observed, scan, { edit: 'LetGo' });
}

function wouldServe({ binding, scanTypes }: Observed, scan: ScheduledScan): boolean {
  return binding?.validity === 'Valid' && matches(binding, scan, scanTypes);
}

function planEdit(observed: Observed, scan: ScheduledScan, edit: ScanEdit): ScanPlan {
  if (isDone(scan.bound, edit)) return { plan: 'Keep', scan };
  const milliseconds = waitBeforeWrite(scan.schedule, observed.now);
  return milliseconds === 0 ? { plan: 'Edit', scan, edit } : { plan: 'Wait', scan, edit, milliseconds };
}
