import type { Logger } from 'pino';
import { UNUSED_SINCE_ANNOTATION } from '../api/index.ts';
import { hasReason, type KubeClient, type Outcome } from '../kube/index.ts';
import { OutOfDate } from './apply.ts';
import type { Binding } from './binding.ts';
import { type Answers, observeChoice } from './observe.ts';
import { delivered, hasUnread } from './resolve.ts';
import { indexKey, SECRETS, type Stores, sourceExists } from './stores.ts';
import {
  identityOf,
  isTrivySecretName,
  readTrivySecret,
  type TrivySecret,
  trivySecretName,
} from './trivy-secret.ts';

/** What decides whether a Trivy secret stays. */
export interface TrivySecretUse {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly unusedSince: number | undefined;
  readonly graceMs: number;
  readonly sourceExists: boolean;
  /** A binding selects the credential that is in it. */
  readonly selected: boolean;
  /** ScheduledScans mount it. */
  readonly mounted: boolean;
  /** A Scan that has not ended mounts it: its pod must not lose it. */
  readonly running: boolean;
}

export type TrivySecretDecision =
  | { readonly action: 'Keep'; readonly lookAgainAfterMs?: number }
  | { readonly action: 'MarkUnused'; readonly lookAgainAfterMs: number }
  | { readonly action: 'MarkUsed' }
  | { readonly action: 'Delete' };

/**
 * A Trivy secret that no binding selects stays while scans mount it (what is bound stays bound), unless its pull
 * secret is gone: then its owner has withdrawn the credential. Either way it goes after a grace period only.
 */
export function decideTrivySecret(use: TrivySecretUse): TrivySecretDecision {
  const used = use.selected || (use.mounted && use.sourceExists);
  if (used) return { action: use.unusedSince === undefined ? 'Keep' : 'MarkUsed' };
  if (use.unusedSince === undefined) return { action: 'MarkUnused', lookAgainAfterMs: use.graceMs };
  const left = use.unusedSince + use.graceMs - use.now;
  if (left > 0) return { action: 'Keep', lookAgainAfterMs: left };
  return { action: use.running ? 'Keep' : 'Delete' };
}

/** Removes Trivy secrets that nothing needs any more. The key is that of the Secret. */
export class TrivySecretReconciler {
  readonly #client: KubeClient;
  readonly #stores: Stores;
  readonly #graceMs: number;
  readonly #answers: Answers;

  constructor(options: {
    client: KubeClient;
    stores: Stores;
    graceMs: number;
    answers: Answers;
  }) {
    this.#client = options.client;
    this.#stores = options.stores;
    this.#answers = options.answers;
    this.#graceMs = options.graceMs;
  }

  /**
   * @param log - names this reconcile in its lines
   * @throws OutOfDate, KubeError: to be tried again.
   */
  readonly reconcile = async (key: string, log: Logger): Promise<Outcome> => {
    try {
      return await this.#reconcile(key, log);
    } catch (error) {
      throw hasReason(error, 'Conflict', 'NotFound') ? new OutOfDate(error.message) : error;
    }
  };

  async #reconcile(key: string, log: Logger): Promise<Outcome> {
    const secret = this.#stores.trivySecrets.get(key);
    // A Secret with our label and without a name of ours is somebody else's.
    if (secret === undefined || !isTrivySecretName(secret.name)) return {};
    const decision = decideTrivySecret(this.#observe(key, secret));
    switch (decision.action) {
      case 'Keep':
        return { requeueAfterMs: decision.lookAgainAfterMs };
      case 'MarkUnused':
        await this.#mark(secret, new Date().toISOString(), log);
        return { requeueAfterMs: decision.lookAgainAfterMs };
      case 'MarkUsed':
        await this.#mark(secret, null, log);
        return {};
      case 'Delete':
        await this.#client.delete(SECRETS, secret);
        log.info('trivy secret deleted, nothing needs it');
        return {};
    }
  }

  #observe(key: string, secret: TrivySecret): TrivySecretUse {
    const { bindings, scheduledScans, runs } = this.#stores;
    // Without what it was made from, which somebody has taken off, only its own binding knows it.
    const source = secret.identity === undefined ? undefined : indexKey(secret, secret.identity.source);
    const candidates =
      source === undefined ? bindings.byIndex('trivySecret', key) : bindings.byIndex('pullSecret', source);
    return {
      now: Date.now(),
      unusedSince: secret.unusedSince,
      graceMs: this.#graceMs,
      sourceExists: source !== undefined && sourceExists(this.#stores, source),
      selected: candidates.some((binding) => this.#selects(binding, secret.name)),
      mounted: scheduledScans.byIndex('trivySecret', key).length > 0,
      running: runs.byIndex('trivySecret', key).some(({ state }) => state === 'Running'),
    };
  }

  #selects(binding: Binding, secretName: string): boolean {
    if (binding.validity !== 'Valid' || binding.mode !== 'Enforce') return false;
    const sources = { stores: this.#stores, answers: this.#answers };
    const { credentials, choice } = observeChoice(binding, sources, Date.now());
    // It may be this one that is chosen once it has been read.
    if (hasUnread(credentials)) return true;
    const candidate = delivered(choice.resolution);
    if (candidate === undefined) return false;
    return trivySecretName(identityOf(candidate, binding.image.host)) === secretName;
  }

  async #mark(secret: TrivySecret, unusedSince: string | null, log: Logger): Promise<void> {
    const { resourceVersion } = secret;
    const annotations = { [UNUSED_SINCE_ANNOTATION]: unusedSince };
    const marked = await this.#client.patch(SECRETS, secret, { metadata: { resourceVersion, annotations } });
    this.#stores.trivySecrets.setAnswer(readTrivySecret(marked));
    log.info({ unusedSince }, 'trivy secret marked');
  }
}
