import { type Delivery, isDone, type ScanEdit, type ScheduledScan, waitBeforeWrite } from '../scan/index.ts';
import { type Inquiry, inquire } from './inquiry.ts';
import type { Observed, ObservedScan } from './observe.ts';
import { isVerifying, type Resolution } from './resolve.ts';
import { contenders, matches } from './serve.ts';
import type { DesiredTrivySecret, TrivySecret } from './trivy-secret.ts';

/** What to do about the Trivy secret. */
export type SecretWrite =
  | { readonly write: 'None' }
  | { readonly write: 'Create'; readonly desired: DesiredTrivySecret }
  | { readonly write: 'Replace'; readonly desired: DesiredTrivySecret; readonly present: TrivySecret }
  /** Somebody has made it one that cannot be changed: it is deleted and created. */
  | { readonly write: 'Recreate'; readonly desired: DesiredTrivySecret; readonly present: TrivySecret }
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
  /** Another binding answers for it. */
  | { readonly plan: 'ServedByAnother'; readonly scan: ScheduledScan; readonly by: string }
  /** The binding only observes: this is what it would do. */
  | { readonly plan: 'Observe'; readonly scan: ScheduledScan };

/** What should be. */
export interface Decision {
  readonly resolution: Resolution;
  readonly secretWrite: SecretWrite;
  readonly scans: readonly ScanPlan[];
  readonly inquiry: Inquiry;
}

/** What the scans of a binding are to be handed; `none`: no credential is needed. */
type Bindable = { readonly delivery: Delivery } | 'none';

/**
 * The policy of a binding: from what was seen to what should be. A scan has exactly one binding that answers for
 * it, so no two reconciles write the same scan: the one that serves it; while that has nothing to hand out, the
 * one that holds the scan, if it might serve it too; where none serves it, the one whose name it carries.
 *
 * | who answers for the scan | and | then |
 * |---|---|---|
 * | this binding | a credential is selected, or none is needed | bind it |
 * | this binding | there is no credential, or none may be used yet | what it has bound stays bound, nothing is newly bound |
 * | another | | leave it to that one |
 * | none | it carries this binding's name | let it go |
 */
export function decide(observed: Observed): Decision {
  const secretWrite = decideSecret(observed);
  const bindable = secretWrite.write === 'Refused' ? undefined : bindableOf(observed);
  const scans = observed.scans
    .map((scan) => decideScan(observed, scan, bindable))
    .filter((plan) => plan !== undefined);
  return { resolution: observed.choice.resolution, secretWrite, scans, inquiry: inquire(observed) };
}

function bindableOf({ choice: { resolution }, trivySecret }: Observed): Bindable | undefined {
  switch (resolution.result) {
    case 'Selected':
      return trivySecret === undefined ? undefined : { delivery: trivySecret.desired.delivery };
    case 'Anonymous':
    case 'NoneNeeded':
      return 'none';
    case 'Withheld':
    case 'Unresolved':
      return undefined;
  }
}

function decideSecret({ binding, trivySecret }: Observed): SecretWrite {
  if (binding?.validity !== 'Valid' || binding.mode !== 'Enforce' || trivySecret === undefined) {
    return { write: 'None' };
  }
  const { desired, place } = trivySecret;
  switch (place.state) {
    case 'Free':
      return { write: 'Create', desired };
    case 'Taken':
      return { write: 'Refused', desired };
    case 'Ours': {
      const present = place.secret;
      if (present.fingerprint === desired.fingerprint) return { write: 'None' };
      return { write: present.replaceable ? 'Replace' : 'Recreate', desired, present };
    }
  }
}

function decideScan(
  observed: Observed,
  { scan, bindings }: ObservedScan,
  bindable: Bindable | undefined,
): ScanPlan | undefined {
  const able = contenders(scan, bindings, observed.scanTypes);
  const [server] = able;
  if (server === undefined) return decideUnserved(observed, scan);
  const holder = able.find(({ name }) => name === scan.bound?.binding);
  const answering = observed.unable.has(server.name) ? (holder ?? server) : server;
  if (answering.name === observed.name) return decideServed(observed, scan, bindable);
  if (server.name === observed.name) return { plan: 'Unbound', scan };
  return wouldServe(observed, scan) ? { plan: 'ServedByAnother', scan, by: answering.name } : undefined;
}

function decideUnserved(observed: Observed, scan: ScheduledScan): ScanPlan | undefined {
  if (scan.bound?.binding === observed.name) return planEdit(observed, scan, { edit: 'LetGo' });
  return wouldServe(observed, scan) ? { plan: 'Observe', scan } : undefined;
}

function decideServed(observed: Observed, scan: ScheduledScan, bindable: Bindable | undefined): ScanPlan {
  const binding = observed.name;
  if (bindable !== undefined) {
    const delivery = bindable === 'none' ? undefined : bindable.delivery;
    return planEdit(observed, scan, { edit: 'Bind', binding, delivery });
  }
  if (scan.bound === undefined) return { plan: 'Unbound', scan };
  // What another left behind goes, once it is known that there is nothing better; what this one has bound stays.
  if (scan.bound.binding !== binding && isVerifying(observed.choice.resolution))
    return { plan: 'Unbound', scan };
  if (scan.bound.binding !== binding) return planEdit(observed, scan, { edit: 'LetGo' });
  return planEdit(observed, scan, { edit: 'Bind', binding, delivery: scan.bound.delivery });
}

function wouldServe({ binding, scanTypes }: Observed, scan: ScheduledScan): boolean {
  return binding?.validity === 'Valid' && matches(binding, scan, scanTypes);
}

function planEdit(observed: Observed, scan: ScheduledScan, edit: ScanEdit): ScanPlan {
  if (isDone(scan.bound, edit)) return { plan: 'Keep', scan };
  const milliseconds = waitBeforeWrite(scan.schedule, observed.now);
  return milliseconds === 0 ? { plan: 'Edit', scan, edit } : { plan: 'Wait', scan, edit, milliseconds };
}
