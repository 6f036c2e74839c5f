import type { Logger } from 'pino';
import { UNUSED_SINCE_ANNOTATION } from '../../api/index.ts';
import type { Binding } from '../../binding/index.ts';
import type { KubeClient, Outcome } from '../../kube/index.ts';
import { Repetitions } from '../../kube/index.ts';
import { SCANS, SECRETS } from '../../object/index.ts';
import { type RawScan, readSecretUser, type SecretUser } from '../../scan/index.ts';
import {
  holdsEntry,
  isTrivySecretName,
  readTrivySecret,
  type SecretOwner,
  type TrivySecret,
} from '../../secret/index.ts';
import { indexKey, type Stores, sourceIn } from '../../state/index.ts';
import { secretWriteError } from '../secret-write-error.ts';
import type { TrivySecretUse } from './decide.ts';
import { decideTemporarySecret, decideTrivySecret } from './decide.ts';

/** Milliseconds until a Scan is read again that the store does not have, because its changes do not enqueue its Secret. */
const UNKNOWN_SCAN_MS = 10_000;

/** Deletes unused Trivy Secrets, and temporary ones whose Scan no longer needs them. The key is that of the Secret. */
export class TrivySecretReconciler {
  readonly #client: KubeClient;
  readonly #stores: Stores;
  readonly #graceMs: number;
  readonly #repetitions = new Repetitions();

  constructor(options: {
    readonly client: KubeClient;
    readonly stores: Stores;
    readonly graceMs: number;
  }) {
    this.#client = options.client;
    this.#stores = options.stores;
    this.#graceMs = options.graceMs;
  }

  /**
   * @param log - names this reconcile in its lines
   * @throws OutOfDate, KubeError: to be retried
   */
  readonly reconcile = async (key: string, log: Logger): Promise<Outcome> => {
    const secret = this.#stores.trivySecrets.get(key);
    // The controller does not own a Secret that has its label but does not match its name pattern.
    if (secret === undefined || !isTrivySecretName(secret.name)) return {};
    const { temporary } = secret;
    try {
      if (temporary !== undefined) return await this.#reconcileTemporary(secret, temporary.scan, log);
      return await this.#reconcile(key, secret, log);
    } catch (error) {
      throw secretWriteError(error, key);
    }
  };

  async #reconcile(key: string, secret: TrivySecret, log: Logger): Promise<Outcome> {
    const now = Date.now();
    const decision = decideTrivySecret(this.#observe(key, secret, now));
    switch (decision.action) {
      case 'Keep':
        return { requeueAfterMs: decision.requeueAfterMs };
      case 'MarkUnused':
        await this.#mark(secret, new Date(now).toISOString(), log);
        return {
          requeueAfterMs: decision.requeueAfterMs,
          repeated: this.#repetitions.note([key], now),
        };
      case 'MarkUsed':
        await this.#mark(secret, null, log);
        return { repeated: this.#repetitions.note([key], now) };
      case 'Delete':
        await this.#client.delete(SECRETS, secret);
        log.info('trivy secret deleted because it was unused');
        return {};
    }
  }

  async #reconcileTemporary(secret: TrivySecret, owner: SecretOwner, log: Logger): Promise<Outcome> {
    const { namespace } = secret;
    const known = this.#known(namespace, owner);
    const scan = known ?? (await this.#read(namespace, owner));
    if (decideTemporarySecret(scan, secret.name) === 'Keep')
      return known === undefined ? { requeueAfterMs: UNKNOWN_SCAN_MS } : {};
    await this.#client.delete(SECRETS, secret);
    log.info({ scan: owner.name }, 'temporary secret deleted');
    return {};
  }

  /** undefined: the store does not have the Scan, or, without the admission webhook, does not know whether the Scan is held. */
  #known(namespace: string, { name, uid }: SecretOwner): SecretUser | undefined {
    const run = this.#stores.runs.get(indexKey({ namespace }, name));
    if (run?.uid !== uid) return undefined;
    const { admission, secretName, isScanned } = run;
    if (admission === undefined && secretName === undefined) return undefined;
    return { secretName, isScanned, hold: admission?.hold ?? 'None' };
  }

  /**
   * The Scan as the API server has it: the watch may deliver it later, and the store does not keep every Scan. Lists it by name, because
   * without the admission webhook the controller may not get Scans.
   */
  async #read(namespace: string, { name, uid }: SecretOwner): Promise<SecretUser | undefined> {
    const selection = { namespace, fieldSelector: `metadata.name=${name}` };
    const { items } = await this.#client.list(SCANS, selection);
    const found = items.find(({ metadata }) => metadata.uid === uid);
    // The CRD has checked the shape.
    return found === undefined ? undefined : readSecretUser(found as RawScan);
  }

  #observe(key: string, secret: TrivySecret, now: number): TrivySecretUse {
    const { scheduledScans, runs } = this.#stores;
    return {
      now,
      unusedSince: secret.unusedSince,
      graceMs: this.#graceMs,
      sourceHolds: this.#sourceHolds(secret),
      selected: this.#isSelected(key, secret),
      mounted: scheduledScans.isIndexed('trivySecret', key),
      running: runs.byIndex('trivySecret', key).some(({ state }) => state === 'Running'),
    };
  }

  /** The bindings that may select a Trivy Secret. Those whose status names it come first. */
  #bindingsOf(key: string, { identity, namespace }: TrivySecret): readonly Binding[] {
    const { bindings } = this.#stores;
    const known = bindings.byIndex('trivySecret', key);
    // If a user has removed the annotations that name the source, only the binding whose status names the Secret is found.
    if (identity === undefined) return known;
    return [...known, ...bindings.byIndex('pullSecret', indexKey({ namespace }, identity.source))];
  }

  #isSelected(key: string, secret: TrivySecret): boolean | undefined {
    let isKnown = true;
    for (const binding of this.#bindingsOf(key, secret)) {
      if (binding.validity !== 'Valid' || binding.mode !== 'Enforce') continue;
      const selection = this.#stores.selections.get(binding);
      if (selection?.trivySecret === secret.name) return true;
      isKnown &&= selection !== undefined && !selection.hasFailed;
    }
    return isKnown ? false : undefined;
  }

  /** A Secret that has not been read yet, or cannot be read now, may have the credential. */
  #sourceHolds({ identity, namespace }: TrivySecret): boolean {
    if (identity === undefined) return false;
    const key = indexKey({ namespace }, identity.source);
    const meta = sourceIn(this.#stores, key);
    if (meta === undefined) return false;
    const source = this.#stores.sourceSecrets.get(key);
    return source === undefined || source.uid !== meta.uid || holdsEntry(source, identity);
  }

  async #mark(secret: TrivySecret, unusedSince: string | null, log: Logger): Promise<void> {
    const { resourceVersion } = secret;
    const annotations = { [UNUSED_SINCE_ANNOTATION]: unusedSince };
    const marked = await this.#client.patch(SECRETS, secret, { metadata: { resourceVersion, annotations } });
    this.#stores.trivySecrets.setResponse(readTrivySecret(marked));
    log.info(
      { unusedSince },
      unusedSince === null ? 'trivy secret in use again' : 'trivy secret marked as unused',
    );
  }
}
