import type { Logger } from 'pino';
import { describeFault, hasReason, type KubeClient, KubeError, type Outcome } from '../../kube/index.ts';
import { isNewer, keyOf, SECRETS, type Stored } from '../../object/index.ts';
import type { RawSecret } from '../../secret/index.ts';
import { readSource, type SourceSecret } from '../../secret/index.ts';
import { isSourceWanted, type Stores, sourceIn } from '../../state/index.ts';
import { failureMessage } from '../../text/index.ts';

/**
 * Reads and keeps the content of the pull secrets and credential Secrets that bindings name. Reads each Secret by name, and
 * each version once. The content of other Secrets is never read. The key is that of the Secret.
 */
export class SourceSecretReader {
  readonly #client: KubeClient;
  readonly #stores: Stores;
  /** The version of the metadata for which a Secret was read. */
  readonly #readFor = new WeakMap<SourceSecret, string>();
  /** By key: since when reads of a Secret have failed for transient reasons, in milliseconds of the monotonic clock. */
  readonly #failingSince = new Map<string, number>();

  constructor(options: { readonly client: KubeClient; readonly stores: Stores }) {
    this.#client = options.client;
    this.#stores = options.stores;
  }

  /** @throws KubeError: to be retried */
  readonly reconcile = async (key: string, log: Logger): Promise<Outcome> => {
    const { sourceSecrets } = this.#stores;
    const secret = sourceIn(this.#stores, key);
    const kept = sourceSecrets.get(key);
    if (secret !== undefined && isSourceWanted(this.#stores, key)) await this.#read(secret, kept, log);
    else {
      this.#failingSince.delete(key);
      if (kept !== undefined) sourceSecrets.delete(kept);
    }
    return {};
  };

  async #read(secret: Stored, kept: SourceSecret | undefined, log: Logger): Promise<void> {
    if (kept !== undefined && this.#isPresent(kept, secret)) return;
    try {
      // A watch delivered the metadata of this version, so the API server's cache has the version or soon will.
      const { resourceVersion } = secret;
      const read = parse(await this.#client.get<RawSecret>(SECRETS, secret, { resourceVersion }), log);
      this.#failingSince.delete(keyOf(secret));
      this.#readFor.set(read, resourceVersion);
      this.#take(read, kept);
    } catch (error) {
      if (error instanceof KubeError) this.#takeFailure(error, secret, kept);
      if (!hasReason(error, 'NotFound')) throw error;
    }
  }

  /** Keeps the last successful read on failure, unless the Secret no longer exists. */
  #takeFailure(error: KubeError, secret: Stored, kept: SourceSecret | undefined): void {
    const message = `the API server answered ${error.reason} (${error.status})`;
    if (kept === undefined && !this.#isTransient(error, keyOf(secret)))
      this.#take(unreadable(secret, message), kept);
    else if (kept !== undefined && hasReason(error, 'NotFound')) this.#stores.sourceSecrets.delete(kept);
  }

  /**
   * Whether the failure is transient and recent, so that it is not reported yet. A reported failure makes the bindings of the
   * Secret choose another credential.
   */
  #isTransient({ status }: KubeError, key: string): boolean {
    const now = performance.now();
    const since = this.#failingSince.get(key) ?? now;
    this.#failingSince.set(key, since);
    return isTransient(status) && now - since < LONGEST_FAILURE_MS;
  }

  /**
   * Deletes the kept version first if the store would ignore the new one: a store accepts only newer versions of an
   * object.
   */
  #take(secret: SourceSecret, kept: SourceSecret | undefined): void {
    const { sourceSecrets } = this.#stores;
    if (kept !== undefined && !isSuccessor(secret, kept)) sourceSecrets.delete(kept);
    sourceSecrets.set(secret);
  }

  /**
   * Whether the kept content is as new as the watched metadata, or newer, because a read may return a newer version. If the
   * metadata is older than the version that was read, a backup was restored, and the Secret is read again.
   */
  #isPresent(kept: SourceSecret, { uid, resourceVersion }: Stored): boolean {
    if (kept.content.result === 'Unreadable' || kept.uid !== uid) return false;
    const readFor = this.#readFor.get(kept) ?? kept.resourceVersion;
    if (resourceVersion === readFor) return true;
    return isNewer(resourceVersion, readFor) && !isNewer(resourceVersion, kept.resourceVersion);
  }
}

/** How long reads of a Secret may fail for transient reasons before the bindings that name it report this. */
const LONGEST_FAILURE_MS = 30_000;

function isTransient(status: number): boolean {
  return status === 0 || status === 408 || status === 429 || status >= 500;
}

function isSuccessor(secret: SourceSecret, kept: SourceSecret): boolean {
  if (kept.content.result === 'Unreadable' || kept.uid !== secret.uid) return false;
  return isNewer(secret.resourceVersion, kept.resourceVersion);
}

/** Parses a Secret. An error in this program makes it unreadable, so that the bindings that name it do not wait forever. */
function parse(object: RawSecret, log: Logger): SourceSecret {
  try {
    return readSource(object);
  } catch (error) {
    const { namespace = '', name, uid = '', resourceVersion = '' } = object.metadata;
    const place = { namespace, name, uid, resourceVersion };
    log.error(
      { secret: keyOf(place), fault: describeFault(error) },
      'the controller failed to read a Secret',
    );
    return unreadable(place, failureMessage('this Secret', error));
  }
}

function unreadable({ namespace, name, uid, resourceVersion }: Stored, message: string): SourceSecret {
  return { namespace, name, uid, resourceVersion, content: { result: 'Unreadable', message } };
}
