import type { Logger } from 'pino';
import { imageCredentialBindings } from '../../api/index.ts';
import type { Binding } from '../../binding/index.ts';
import { type EventRecorder, type KubeClient, KubeError, type Outcome, OutOfDate } from '../../kube/index.ts';
import { apiVersionOf, keyOf, type Stored, splitKey } from '../../object/index.ts';
import { hasUnread, lastingAt } from '../../policy/index.ts';
import type { RegistryChecker } from '../../registry/index.ts';
import type { NewScan, NewScanPlan, RawScan, ScanDecision } from '../../scan/index.ts';
import type { Stores } from '../../state/index.ts';
import { shortest } from '../shortest.ts';
import { type Applied, Applier, Refused } from './apply.ts';
import { type Decision, decide, type SecretWrite } from './decide.ts';
import { decideNewScan, type NewScanSources, planNewScan } from './new-scan.ts';
import { observe } from './observe.ts';
import type { BindingSettings, Known } from './observed.ts';
import { type Resolved, resolve, selectionOf, UNBOUND_SCAN_MS } from './resolve.ts';
import { failureReport, migratedNow, type Report, report, temporarySecretsWait } from './status/index.ts';
import {
  type Requester,
  restorableAnswers,
  type VerificationRequests,
  Verifier,
} from './verification/index.ts';

export interface BindingReconcilerOptions {
  readonly client: KubeClient;
  readonly stores: Stores;
  readonly events: EventRecorder;
  readonly checker: RegistryChecker;
  readonly settings: BindingSettings;
  /** Receives the number of scans that were migrated. */
  readonly onMigrated: (scans: number) => void;
}

/** Reconciles a binding in five stages: observe, resolve, decide, apply, report. The key is that of the binding. */
export class BindingReconciler {
  readonly #options: BindingReconcilerOptions;
  readonly #applier: Applier;
  readonly #verifier: Verifier;
  /** By key: the UID of the binding whose answers were restored from its status. */
  readonly #restored = new Map<string, string>();

  constructor(options: BindingReconcilerOptions) {
    this.#options = options;
    this.#applier = new Applier(options);
    this.#verifier = new Verifier(options.checker);
  }

  /**
   * An error in this program that concerns the binding is reported in a condition of the binding.
   *
   * @param key - `namespace/name` of a binding, which may have been deleted
   * @param log - names this reconcile in its lines
   * @param requeue - adds the key to the queue again, when an answer arrives
   * @throws OutOfDate, KubeError: to be retried
   */
  readonly reconcile = async (key: string, log: Logger, requeue: () => void): Promise<Outcome> => {
    try {
      return await this.#reconcile(key, log, requeue);
    } catch (error) {
      if (error instanceof KubeError || error instanceof OutOfDate) throw error;
      return { error, repeated: await this.#reportFailure(key, error, log) };
    }
  };

  /** Plans what a held Scan gets with the answers of registries, and requests those that are missing. */
  readonly planNewScan = (
    held: NewScan,
    requester: Requester,
  ): { readonly plan: NewScanPlan; readonly requeueAfterMs: number | undefined } => {
    const { namespace } = held.scan;
    const { plan, requests } = planNewScan(held, this.#newScanSources(namespace), requester.now);
    return { plan, requeueAfterMs: this.#request(namespace, { ...plan, requests }, requester) };
  };

  /** Like {@link planNewScan}, but carries the plan out on the whole Scan. */
  readonly decideNewScan = (
    raw: RawScan,
    requester: Requester,
  ): {
    readonly decision: ScanDecision;
    readonly secretWrite: SecretWrite;
    readonly requeueAfterMs: number | undefined;
  } => {
    const { namespace = '' } = raw.metadata;
    const sources = this.#newScanSources(namespace);
    const { decision, secretWrite, requests } = decideNewScan(raw, sources, requester.now);
    const requeueAfterMs = this.#request(namespace, { ...decision, requests }, requester);
    return { decision, secretWrite, requeueAfterMs };
  };

  #newScanSources(namespace: string): NewScanSources {
    const { stores, settings } = this.#options;
    return { stores, settings, registry: this.#answersIn(namespace) };
  }

  /** Requests the answers that an open decision about a Scan waits for. */
  #request(
    namespace: string,
    { result, requests }: { readonly result: string; readonly requests: VerificationRequests | undefined },
    requester: Requester,
  ): number | undefined {
    if (result !== 'Open' || requests === undefined) return undefined;
    return this.#verifier.start({ namespace }, requests, requester);
  }

  /**
   * Writes the Secret of a held Scan, and records for its binding whether the API server refused it.
   *
   * @throws Refused, OutOfDate, KubeError: to be retried
   */
  readonly writeSecret = async (
    { scan, binding }: { readonly scan: Stored; readonly binding: string },
    write: SecretWrite,
    log: Logger,
  ): Promise<void> => {
    if (write.write === 'None') return;
    const { namespace } = scan;
    const refused = await this.#applier.writeNeededSecret({ namespace, now: Date.now() }, write, log);
    const { temporaryRefusals } = this.#options.stores;
    temporaryRefusals.note(keyOf({ namespace, name: binding }), keyOf(scan), refused?.message);
    if (refused !== undefined) throw refused;
  };

  async #reconcile(key: string, log: Logger, requeue: () => void): Promise<Outcome> {
    const resolved = this.#resolve(key);
    if (this.#waits(key, resolved)) return {};
    const { binding } = resolved;
    const decision = decide(resolved);
    // Before any write, so that a failed write does not delay the requests.
    const requeueAfterMs = this.#verifier.start(resolved, decision.requests, {
      now: resolved.now,
      log,
      requeue,
    });
    const applied = await this.#applier.apply(resolved, decision, log);
    this.#options.onMigrated(migratedNow(decision, applied).length);
    const repeated =
      binding !== undefined &&
      (await this.#publish(binding, report(binding, resolved, decision, applied), log));
    return {
      requeueAfterMs: shortest([
        ...scanWaits(decision),
        lastingWait(resolved),
        unboundWait(resolved),
        temporarySecretsWait(resolved),
        requeueAfterMs,
      ]),
      repeated: applied.repeated || repeated,
      error: failureOf(decision, applied),
    };
  }

  /**
   * Records the selection of the binding, because other bindings may be waiting for it. Returns whether this reconcile has to
   * wait, too: for a Secret to be read, or for the selection of a rival. Either event enqueues the key again.
   */
  #waits(key: string, resolved: Resolved): boolean {
    const { selections } = this.#options.stores;
    const { binding, credentials, waitsFor } = resolved;
    if (hasUnread(credentials)) return true;
    if (binding === undefined) selections.forget(key);
    else selections.set(binding, selectionOf(resolved));
    for (const awaited of waitsFor) selections.wait(key, awaited);
    return waitsFor.size > 0;
  }

  async #reportFailure(key: string, error: unknown, log: Logger): Promise<boolean> {
    const binding = this.#options.stores.bindings.get(key);
    if (binding === undefined) return false;
    this.#options.stores.selections.setFailed(binding);
    return this.#publish(binding, failureReport(binding, error, Date.now()), log);
  }

  /**
   * Restores the answers in the status of a binding once per process, when all Secrets that the binding names have been
   * read.
   */
  #resolve(key: string): Resolved {
    const observed = observe(key, this.#sourcesOf(key), Date.now());
    const resolved = resolve(observed);
    const { binding, credentials } = resolved;
    if (binding === undefined) this.#restored.delete(key);
    if (binding?.validity !== 'Valid' || this.#restored.get(key) === binding.uid) return resolved;
    if (hasUnread(credentials)) return resolved;
    this.#restored.set(key, binding.uid);
    const answers = restorableAnswers(binding, resolved);
    for (const { check, ...kept } of answers) this.#options.checker.restore(check, kept, binding.namespace);
    return answers.length === 0 ? resolved : resolve(observed);
  }

  #sourcesOf(key: string): Parameters<typeof observe>[1] {
    const { stores, settings } = this.#options;
    return { stores, settings, ...this.#answersIn(splitKey(key).namespace) };
  }

  #answersIn(namespace: string): Pick<Known, 'answer' | 'login'> {
    const { checker } = this.#options;
    return {
      answer: (check) => checker.answer(check, namespace),
      login: (credential, host) => checker.login(credential, host, namespace),
    };
  }

  /** @returns whether this call wrote the status, and the controller had already written one a short time before */
  async #publish(binding: Binding, { status, changed, events }: Report, log: Logger): Promise<boolean> {
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
 * The error for which the queue retries the key; undefined: none. A refused write is reported in status and also retried,
 * because rights and policies change. A conflict with a volume of the scan is not retried: the next change of the scan
 * enqueues the binding.
 */
function failureOf({ scans }: Decision, { failed, secretRefused }: Applied): unknown {
  const broken = scans.flatMap((plan) => (plan.plan === 'Broken' ? [plan.error] : []));
  const failures = [...(secretRefused === undefined ? [] : [secretRefused]), ...failed.values(), ...broken];
  return failures.find((error) => !(error instanceof Refused && error.final));
}

function scanWaits({ scans }: Decision): readonly number[] {
  return scans.flatMap((plan) => ('milliseconds' in plan ? [plan.milliseconds] : []));
}

/** In how many milliseconds the next of the writes in `status.revertedWrites` counts as lasting. */
function lastingWait({ binding, now }: Resolved): number | undefined {
  const times = binding?.status?.revertedWrites?.map(lastingAt) ?? [];
  return shortest(times.map((time) => (time > now ? time - now : undefined)));
}

/** In how many milliseconds the status no longer names the oldest Scan that started unbound. */
function unboundWait({ unboundScans, now }: Resolved): number | undefined {
  const oldest = unboundScans.at(-1);
  return oldest === undefined ? undefined : oldest.createdAt + UNBOUND_SCAN_MS - now;
}
