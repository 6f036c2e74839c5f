import type { Logger } from 'pino';
import type { KubeClient, Outcome } from '../kube/index.ts';
import { candidatesOf, observeSecret } from './observe.ts';
import { indexKey, SECRETS, type Stores } from './stores.ts';
import {
  type TrivySecret,
  type TrivySecretIdentity,
  trivySecretName,
  UNUSED_SINCE_ANNOTATION,
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
  readonly #log: Logger;
  readonly #graceMs: number;

  constructor(options: { client: KubeClient; stores: Stores; log: Logger; graceMs: number }) {
    this.#client = options.client;
    this.#stores = options.stores;
    this.#log = options.log;
    this.#graceMs = options.graceMs;
  }

  /** @throws KubeError: to be tried again. */
  readonly reconcile = async (key: string): Promise<Outcome> => {
    const secret = this.#stores.trivySecrets.get(key);
    // A Secret with our label and without a name of ours is somebody else's.
    if (secret?.identity === undefined) return {};
    const decision = decideTrivySecret(this.#observe(key, secret, secret.identity));
    switch (decision.action) {
      case 'Keep':
        return { requeueAfterMs: decision.lookAgainAfterMs };
      case 'MarkUnused':
        await this.#mark(secret, new Date().toISOString());
        return { requeueAfterMs: decision.lookAgainAfterMs };
      case 'MarkUsed':
        await this.#mark(secret, null);
        return {};
      case 'Delete':
        await this.#client.delete(SECRETS, secret);
        this.#log.info({ secret: key }, 'trivy secret deleted, nothing needs it');
        return {};
    }
  };

  #observe(key: string, secret: TrivySecret, identity: TrivySecretIdentity): TrivySecretUse {
    const source = indexKey(secret, identity.source);
    return {
      now: Date.now(),
      unusedSince: secret.unusedSince,
      graceMs: this.#graceMs,
      sourceExists: this.#stores.pullSecrets.get(source) !== undefined,
      selected: this.#stores.bindings.byIndex('pullSecret', source).some((binding) => {
        if (binding.validity !== 'Valid' || binding.mode !== 'Enforce') return false;
        const secrets = binding.imagePullSecrets.map((name) =>
          observeSecret(indexKey(binding, name), this.#stores),
        );
        const [candidate] = candidatesOf(binding, secrets);
        if (candidate === undefined) return false;
        const { host } = binding.image;
        return (
          trivySecretName({ source: candidate.secret, registryKey: candidate.registryKey, host }) ===
          secret.name
        );
      }),
      mounted: this.#stores.scheduledScans.byIndex('trivySecret', key).length > 0,
      running: this.#stores.runs.byIndex('trivySecret', key).some(({ finished }) => !finished),
    };
  }

  async #mark(secret: TrivySecret, unusedSince: string | null): Promise<void> {
    const { resourceVersion } = secret;
    const annotations = { [UNUSED_SINCE_ANNOTATION]: unusedSince };
    await this.#client.patch(SECRETS, secret, { metadata: { resourceVersion, annotations } });
    this.#log.info({ secret: `${secret.namespace}/${secret.name}`, unusedSince }, 'trivy secret marked');
  }
}
