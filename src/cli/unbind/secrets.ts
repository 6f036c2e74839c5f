import { setTimeout as sleep } from 'node:timers/promises';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../../api/index.ts';
import { runEach } from '../../concurrency/index.ts';
import { hasReason, type KubeClient, KubeError } from '../../kube/index.ts';
import { keyOf, SCANS, SECRETS, type Stored, storedMeta } from '../../object/index.ts';
import { readRun } from '../../scan/index.ts';
import { isTrivySecretName } from '../../secret/index.ts';
import type { UnbindNamespaces } from './namespaces.ts';
import type { ReportProgress } from './progress.ts';

const AT_ONCE = 8;
const PAUSE_MS = 2_000;
/** Limit on the rounds in which the API server deletes nothing. */
const MAX_TRIES = 10;

interface TrivySecret extends Stored {
  readonly isTerminating: boolean;
}

/**
 * The Secrets that hold copies of credentials. Requests only the metadata, so that the API server does not send the content of
 * Secrets.
 *
 * @throws KubeError
 */
export async function trivySecrets(namespaces: UnbindNamespaces): Promise<readonly TrivySecret[]> {
  const selection = { labelSelector: `${MANAGED_BY_LABEL}=${MANAGED_BY}`, metadataOnly: true };
  return namespaces.list(SECRETS, selection, (object) =>
    isTrivySecretName(object.metadata.name)
      ? { ...storedMeta(object), isTerminating: object.metadata.deletionTimestamp !== undefined }
      : undefined,
  );
}

/**
 * Deletes the Secrets that hold copies of credentials: those with our label and our name pattern. If an unfinished Scan
 * mounts a Secret, waits, because the pod of the Scan needs the Secret. When the time is over, deletes the Secret anyway.
 */
export class SecretDeleter {
  readonly #client: KubeClient;
  readonly #namespaces: UnbindNamespaces;
  readonly #progress: ReportProgress;
  readonly #deleted = new Set<string>();
  readonly #left = new Map<string, string>();
  readonly #waiting = new Set<string>();

  constructor(client: KubeClient, namespaces: UnbindNamespaces, progress: ReportProgress) {
    this.#client = client;
    this.#namespaces = namespaces;
    this.#progress = progress;
  }

  get count(): number {
    return this.#deleted.size;
  }

  /** Sentences about Secrets that still exist. */
  get left(): readonly string[] {
    return [...this.#left].map(([key, why]) => `Secret ${key} still exists: ${why}`);
  }

  /**
   * Deletes the Secrets that exist now. A user who creates further ones must not delay the command.
   *
   * @param scanTimeoutMs - limit on the wait for unfinished Scans
   * @throws KubeError if Secrets or Scans cannot be listed
   */
  async run(scanTimeoutMs: number): Promise<void> {
    const end = performance.now() + scanTimeoutMs;
    let secrets = await this.#ours();
    const keys = new Set(secrets.map(keyOf));
    let tries = 0;
    while (secrets.length > 0 && tries < MAX_TRIES) {
      const free = await this.#free(secrets, performance.now() >= end);
      const before = this.count;
      await runEach(free, AT_ONCE, (secret) => this.#delete(secret));
      if (free.length > 0 && this.count === before) tries += 1;
      if (free.length < secrets.length) await sleep(Math.min(PAUSE_MS, Math.max(0, end - performance.now())));
      secrets = (await this.#ours()).filter((secret) => keys.has(keyOf(secret)));
    }
    for (const secret of secrets)
      this.#left.set(keyOf(secret), 'another client keeps updating it; run unbind again');
  }

  /** The Secrets that no unfinished Scan mounts, or all of them if the time for waiting is over. */
  async #free(secrets: readonly Stored[], isOver: boolean): Promise<readonly Stored[]> {
    const mounts = await this.#mounts(secrets);
    this.#reportMounts(mounts, isOver);
    return isOver ? secrets : secrets.filter((secret) => !mounts.has(keyOf(secret)));
  }

  async #ours(): Promise<readonly Stored[]> {
    const secrets = await trivySecrets(this.#namespaces);
    for (const { isTerminating, ...secret } of secrets) this.#note(keyOf(secret), isTerminating);
    return secrets.filter((secret) => !this.#left.has(keyOf(secret)));
  }

  /** Stops trying to delete a Secret that is already being deleted, or that exists again after its deletion. */
  #note(key: string, isTerminating: boolean): void {
    const isRecreated = this.#deleted.delete(key);
    if (isTerminating)
      this.#left.set(key, 'it is being deleted, but a finalizer blocks the deletion; remove the finalizer');
    else if (isRecreated) {
      this.#left.set(
        key,
        'it was deleted, and then created again: a controller is running; stop the controller, and run unbind again',
      );
    }
  }

  /** By key of the Secret: the key of an unfinished Scan that mounts it. */
  async #mounts(secrets: readonly Stored[]): Promise<ReadonlyMap<string, string>> {
    const keys = new Set(secrets.map(keyOf));
    const runs = await this.#namespaces.list(SCANS, {}, (object) => {
      const run = readRun(object);
      if (run?.secretName === undefined || run.state !== 'Running') return undefined;
      const secret = keyOf({ namespace: run.namespace, name: run.secretName });
      return keys.has(secret) ? ([secret, keyOf(run)] as const) : undefined;
    });
    return new Map(runs);
  }

  #reportMounts(mounts: ReadonlyMap<string, string>, isOver: boolean): void {
    for (const [secret, scan] of mounts) {
      if (isOver) {
        this.#progress(
          `deleting Secret ${secret} before Scan ${scan} has finished: the Scan may fail, and is not repeated`,
        );
      } else if (!this.#waiting.has(secret)) {
        this.#progress(`waiting to delete Secret ${secret}: Scan ${scan} mounts it and has not finished`);
        this.#waiting.add(secret);
      }
    }
  }

  async #delete(secret: Stored): Promise<void> {
    const key = keyOf(secret);
    try {
      await this.#client.delete(SECRETS, secret);
      this.#deleted.add(key);
      this.#progress(`deleted Secret ${key}`);
    } catch (error) {
      // The Secret no longer exists, or has changed. The next round handles it.
      if (hasReason(error, 'NotFound', 'Conflict')) return;
      // Report only the reason, because the message of the API server may quote the Secret.
      const why =
        error instanceof KubeError
          ? `the API server refused to delete it (${error.reason})`
          : `it could not be deleted (unexpected ${error instanceof Error ? error.name : 'error'})`;
      this.#left.set(key, `${why}; delete it with kubectl`);
    }
  }
}
