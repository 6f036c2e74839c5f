import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { imageCredentialBindings } from '../api/index.ts';
import { apiVersionOf, type EventRecorder, type KubeClient, type Outcome } from '../kube/index.ts';
import { type Applied, Applier, Refused } from './apply.ts';
import type { Binding } from './binding.ts';
import { type Decision, decide } from './decide.ts';
import { type Observed, observe } from './observe.ts';
import { report } from './report.ts';
import type { Stores } from './stores.ts';

export interface ReconcilerOptions {
  readonly client: KubeClient;
  readonly stores: Stores;
  readonly events: EventRecorder;
  readonly log: Logger;
  readonly scanTypes: RegExp;
}

/** Makes true what a binding says: observe, decide, apply, report; once for each key that the queue hands out. */
export class BindingReconciler {
  readonly #options: ReconcilerOptions;
  readonly #applier: Applier;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#applier = new Applier(options);
  }

  /**
   * @param key `namespace/name` of a binding, which may be gone.
   * @throws OutOfDate, KubeError: to be tried again.
   */
  readonly reconcile = async (key: string): Promise<Outcome> => {
    const { stores, scanTypes } = this.#options;
    const log = this.#options.log.child({ binding: key, reconcile: randomUUID() });
    const observed = observe(key, stores, scanTypes, Date.now());
    const decision = decide(observed);
    const applied = await this.#applier.apply(observed, decision, log);
    if (observed.binding !== undefined)
      await this.#tell(observed.binding, observed, { decision, applied, log });
    return { requeueAfterMs: shortestWait(decision), repeated: applied.repeated, error: failureOf(applied) };
  };

  async #tell(
    binding: Binding,
    observed: Observed,
    { decision, applied, log }: { decision: Decision; applied: Applied; log: Logger },
  ): Promise<void> {
    const { status, changed, events } = report(binding, observed, decision, applied);
    if (changed) await this.#applier.writeStatus(binding, status);
    for (const event of events) await this.#record(binding, event, log);
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
function failureOf({ failed, secretRefused }: Applied): unknown {
  const failures = [...(secretRefused === undefined ? [] : [secretRefused]), ...failed.values()];
  return failures.find((error) => !(error instanceof Refused && error.final));
}

function shortestWait({ scans }: Decision): number | undefined {
  const waits = scans.flatMap((plan) => (plan.plan === 'Wait' ? [plan.milliseconds] : []));
  return waits.length === 0 ? undefined : Math.min(...waits);
}
