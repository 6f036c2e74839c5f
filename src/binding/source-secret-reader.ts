import type { Logger } from 'pino';
import {
  describeFault,
  hasReason,
  isNewer,
  type KubeClient,
  KubeError,
  keyOf,
  type Outcome,
  type Stored,
} from '../kube/index.ts';
import { failureMessage } from './failure.ts';
import type { RawSecret } from './pull-secret.ts';
import { readSource, type SourceSecret } from './source-secret.ts';
import { isSourceWanted, SECRETS, type Stores, sourceIn } from './stores.ts';

/**
 * Keeps what Secrets hold that bindings name: pull secrets, and others that their owner offers to a registry (the
 * annotation). Each is read by its name, each version once. Of all other Secrets nothing but their existence is known.
 * The key is that of the Secret.
 */
export class SourceSecretReader {
  readonly #client: KubeClient;
  readonly #stores: Stores;
  /** The version of the metadata for which a Secret was read. */
  readonly #readFor = new WeakMap<SourceSecret, string>();
  /** By key: since when a Secret cannot be read for reasons that may pass, in milliseconds of the monotonic clock. */
  readonly #failingSince = new Map<string, number>();

  constructor(options: { readonly client: KubeClient; readonly stores: Stores }) {
    this.#client = options.client;
    this.#stores = options.stores;
  }

  /** @throws KubeError: to be retried. */
  readonly reconcile = async (key: string, log: Logger): Promise<Outcome> => {
    const { sourceSecrets } = this.#stores;
    const secret = sourceIn(this.#stores, key);
    const held = sourceSecrets.get(key);
    if (secret !== undefined && isSourceWanted(this.#stores, key)) await this.#read(secret, held, log);
    else {
      this.#failingSince.delete(key);
      if (held !== undefined) sourceSecrets.delete(held);
    }
    return {};
  };

  async #read(secret: Stored, held: SourceSecret | undefined, log: Logger): Promise<void> {
    if (held !== undefined && this.#isPresent(held, secret)) return;
    try {
      // The metadata of this version came with a watch, so the API server's cache has it, or soon will.
      const { resourceVersion } = secret;
      const read = parse(await this.#client.get<RawSecret>(SECRETS, secret, { resourceVersion }), log);
      this.#failingSince.delete(keyOf(secret));
      this.#readFor.set(read, resourceVersion);
      this.#take(read, held);
    } catch (error) {
      if (error instanceof KubeError) this.#takeFailure(error, secret, held);
      if (!hasReason(error, 'NotFound')) throw error;
    }
  }

  /** Keeps the last successful read on failure, unless the Secret no longer exists. */
  #takeFailure(error: KubeError, secret: Stored, held: SourceSecret | undefined): void {
    const message = `the API server answers ${error.reason} (${error.status})`;
    if (held === undefined && !this.#mayPass(error, keyOf(secret)))
      this.#take(unreadable(secret, message), held);
    else if (held !== undefined && hasReason(error, 'NotFound')) this.#stores.sourceSecrets.delete(held);
  }

  /** Whether to wait before a binding is told that its Secret cannot be read: it would choose another credential. */
  #mayPass({ status }: KubeError, key: string): boolean {
    const now = performance.now();
    const since = this.#failingSince.get(key) ?? now;
    this.#failingSince.set(key, since);
    return isPassing(status) && now - since < LONGEST_FAILURE_MS;
  }

  /** A store takes no version twice, none that is older, and one that could not be read is none. */
  #take(secret: SourceSecret, held: SourceSecret | undefined): void {
    const { sourceSecrets } = this.#stores;
    if (held !== undefined && !isSuccessor(secret, held)) sourceSecrets.delete(held);
    sourceSecrets.set(secret);
  }

  /** A read may bring a newer version than the metadata, which come later; versions that go back are those of a backup. */
  #isPresent(held: SourceSecret, { uid, resourceVersion }: Stored): boolean {
    if (held.content.result === 'Unreadable' || held.uid !== uid) return false;
    const readFor = this.#readFor.get(held) ?? held.resourceVersion;
    if (resourceVersion === readFor) return true;
    return isNewer(resourceVersion, readFor) && !isNewer(resourceVersion, held.resourceVersion);
  }
}

/** How long a Secret may be unreadable for reasons that may pass, before the bindings that name it say so. */
const LONGEST_FAILURE_MS = 30_000;

function isPassing(status: number): boolean {
  return status === 0 || status === 408 || status === 429 || status >= 500;
}

function isSuccessor(secret: SourceSecret, held: SourceSecret): boolean {
  if (held.content.result === 'Unreadable' || held.uid !== secret.uid) return false;
  return isNewer(secret.resourceVersion, held.resourceVersion);
}

/** An error in this program must not keep the bindings that name the Secret waiting. */
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
