import type { Logger } from 'pino';
import { imageCredentialBindings } from '../../api/index.ts';
import type { Binding } from '../../binding/index.ts';
import { type EventRecorder, type KubeClient, KubeError, type Outcome, OutOfDate } from '../../kube/index.ts';
import { apiVersionOf, splitKey } from '../../object/index.ts';
import { hasUnread } from '../../policy/index.ts';
import type { RegistryChecker } from '../../registry/index.ts';
import type { Stores } from '../../state/index.ts';
import { type Applied, Applier, Refused } from './apply.ts';
import { type Decision, decide } from './decide.ts';
import { type Observed, observe, type Sources, selectionOf } from './observe.ts';
import { failureReport, movedNow, type Report, report } from './status/index.ts';
import { Inquirer, recollections } from './verification/index.ts';

export interface ReconcilerOptions {
  readonly client: KubeClient;
  readonly stores: Stores;
  readonly events: EventRecorder;
  readonly scanTypes: RegExp;
  readonly checker: RegistryChecker;
  /** How long an accepted answer holds, in milliseconds. */
  readonly checkIntervalMs: number;
  /** Takes the key of a binding that a registry's answer matters to. */
  readonly enqueue: (key: string) => void;
  /** Is told how many scans were moved from one home to another. */
  readonly onMoved: (scans: number) => void;
}

/** Makes true what a binding says: observe, decide, apply, report; once for each key that the queue hands out. */
export class BindingReconciler {
  readonly #options: ReconcilerOptions;
  readonly #applier: Applier;
  readonly #inquirer: Inquirer;
  /** By key: the uid of the binding whose status has been recalled from. */
  readonly #recalled = new Map<string, string>();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#applier = new Applier(options);
    this.#inquirer = new Inquirer(options);
  }

  /**
   * An error in this program that concerns the binding is reported in a condition of the binding.
   *
   * @param key `namespace/name` of a binding, which may be gone.
   * @param log - names this reconcile in its lines
   * @throws OutOfDate, KubeError: to be retried.
   */
  readonly reconcile = async (key: string, log: Logger): Promise<Outcome> => {
    try {
      return await this.#reconcile(key, log);
    } catch (error) {
      if (error instanceof KubeError || error instanceof OutOfDate) throw error;
      return { error, repeated: await this.#tellFailure(key, error, log) };
    }
  };

  async #reconcile(key: string, log: Logger): Promise<Outcome> {
    const { selections } = this.#options.stores;
    const observed = this.#observe(key);
    const { binding } = observed;
    // Anything that the binding waits for enqueues it again: a read Secret by a change of its store, a rival by its
    // selection.
    if (hasUnread(observed.credentials)) return {};
    if (binding === undefined) selections.forget(key);
    else selections.set(binding, selectionOf(observed));
    for (const awaited of observed.waitsFor) selections.wait(key, awaited);
    if (observed.waitsFor.size > 0) return {};
    const decision = decide(observed);
    // Before anything is written: what fails there keeps no check back.
    const lookAgainMs = this.#inquirer.pursue(observed, decision.inquiry, observed.now, log);
    const applied = await this.#applier.apply(observed, decision, log);
    this.#options.onMoved(movedNow(decision, applied).length);
    const told =
      binding !== undefined && (await this.#tell(binding, report(binding, observed, decision, applied), log));
    const requeueAfterMs = shortest([...scanWaits(decision), lookAgainMs]);
    return { requeueAfterMs, repeated: applied.repeated || told, error: failureOf(decision, applied) };
  }

  async #tellFailure(key: string, error: unknown, log: Logger): Promise<boolean> {
    const binding = this.#options.stores.bindings.get(key);
    if (binding === undefined) return false;
    this.#options.stores.selections.setFailed(binding);
    return this.#tell(binding, failureReport(binding, error, Date.now()), log);
  }

  /** Recalls the answers in the status of a binding once per process, when all Secrets that the binding names are read. */
  #observe(key: string): Observed {
    const sources = this.#sourcesOf(key);
    const observed = observe(key, sources, Date.now());
    const { binding } = observed;
    if (binding === undefined) this.#recalled.delete(key);
    if (binding?.validity !== 'Valid' || this.#recalled.get(key) === binding.uid) return observed;
    if (hasUnread(observed.credentials)) return observed;
    this.#recalled.set(key, binding.uid);
    const known = recollections(binding, observed);
    for (const { check, ...kept } of known) this.#options.checker.recall(check, kept, binding.namespace);
    return known.length === 0 ? observed : observe(key, sources, Date.now());
  }

  #sourcesOf(key: string): Sources {
    const { checker, stores, scanTypes, checkIntervalMs } = this.#options;
    const { namespace } = splitKey(key);
    return {
      stores,
      scanTypes,
      checkIntervalMs,
      answers: (check) => checker.answer(check, namespace),
      logins: (credential, host) => checker.login(credential, host, namespace),
    };
  }

  /** @returns whether the status was written and had already been written a short time ago */
  async #tell(binding: Binding, { status, changed, events }: Report, log: Logger): Promise<boolean> {
    const repeated = changed && (await this.#applier.writeStatus(binding, status));
    for (const event of events) await this.#record(binding, event, log);
    return repeated;
  }

  async #record(binding: Binding, event: Parameters<EventRecorder['record']>[1], log: Logger): Promise<void> {
    const { namespace, name, uid } = binding;
    log.info({ reason: event.reason, note: event.note }, 'binding changed');
    const apiVersion = apiVersionOf(imageCredentialBindings);
    await this.#options.events.record(
      { apiVersion, kind: imageCredentialBindings.kind, namespace, name, uid },
      event,
    );
  }
}

/**
 * What was refused has been told in status, and is tried again, for rights and policies change; but what
 * stands in our place in a scan is a matter of the scan, whose change brings us back.
 */
function failureOf({ scans }: Decision, { failed, secretRefused }: Applied): unknown {
  const broken = scans.flatMap((plan) => (plan.plan === 'Broken' ? [plan.error] : []));
  const failures = [...(secretRefused === undefined ? [] : [secretRefused]), ...failed.values(), ...broken];
  return failures.find((error) => !(error instanceof Refused && error.final));
}

function scanWaits({ scans }: Decision): readonly number[] {
  return scans.flatMap((plan) => (plan.plan === 'Wait' ? [plan.milliseconds] : []));
}

function shortest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
