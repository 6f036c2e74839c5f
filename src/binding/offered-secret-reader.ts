import type { Logger } from 'pino';
import { hasReason, isNewer, type KubeClient, KubeError, type Outcome } from '../kube/index.ts';
import { type OfferedSecret, readOffered } from './offered-secret.ts';
import type { RawSecret } from './pull-secret.ts';
import { type OtherSecret, SECRETS, type Stores } from './stores.ts';

const READ_AT_ONCE = 8;

/**
 * Keeps what Secrets hold that are no pull secrets: only those that their owner offers to a registry (the annotation) and
 * that a binding names are read, by name, each version once. Nothing is kept of others. The key is that of the Secret.
 */
export class OfferedSecretReader {
  readonly #client: KubeClient;
  readonly #stores: Stores;

  constructor(options: { readonly client: KubeClient; readonly stores: Stores }) {
    this.#client = options.client;
    this.#stores = options.stores;
  }

  /** Reads all that are wanted, so that the first reconcile finds them; what fails is told there, and tried again by the queue. */
  async readAll(log: Logger): Promise<void> {
    const wanted = [...this.#stores.otherSecrets.values()].filter((secret) => this.#isWanted(secret));
    for (let start = 0; start < wanted.length; start += READ_AT_ONCE) {
      const batch = wanted.slice(start, start + READ_AT_ONCE);
      const results = await Promise.allSettled(batch.map((secret) => this.#read(secret)));
      for (const { reason } of results.filter(
        ({ status }) => status === 'rejected',
      ) as PromiseRejectedResult[])
        log.warn({ err: reason }, 'a secret that is offered cannot be read');
    }
  }

  /** @throws KubeError: to be tried again. */
  readonly reconcile = async (key: string): Promise<Outcome> => {
    const secret = this.#stores.otherSecrets.get(key);
    const held = this.#stores.offeredSecrets.get(key);
    if (secret !== undefined && this.#isWanted(secret)) await this.#read(secret);
    else if (held !== undefined) this.#stores.offeredSecrets.delete(held);
    return {};
  };

  #isWanted(secret: OtherSecret): boolean {
    const key = `${secret.namespace}/${secret.name}`;
    return secret.offered && this.#stores.bindings.byIndex('pullSecret', key).length > 0;
  }

  async #read(secret: OtherSecret): Promise<void> {
    const { offeredSecrets } = this.#stores;
    const held = offeredSecrets.get(`${secret.namespace}/${secret.name}`);
    if (held !== undefined && isPresent(held, secret)) return;
    try {
      this.#take(readOffered(await this.#client.get<RawSecret>(SECRETS, secret)), held);
    } catch (error) {
      if (error instanceof KubeError) this.#takeFailure(error, secret, held);
      if (!hasReason(error, 'NotFound')) throw error;
    }
  }

  /** What was read before counts until there is something better; but for what there is no more. */
  #takeFailure(error: KubeError, secret: OtherSecret, held: OfferedSecret | undefined): void {
    if (held === undefined) this.#take(unreadable(secret, error), held);
    else if (hasReason(error, 'NotFound')) this.#stores.offeredSecrets.delete(held);
  }

  /** A store takes no version twice, and one that could not be read is none. */
  #take(secret: OfferedSecret, held: OfferedSecret | undefined): void {
    if (held?.content.result === 'Unreadable') this.#stores.offeredSecrets.delete(held);
    this.#stores.offeredSecrets.set(secret);
  }
}

function isPresent(held: OfferedSecret, secret: OtherSecret): boolean {
  if (held.content.result === 'Unreadable' || held.uid !== secret.uid) return false;
  return !isNewer(secret.resourceVersion, held.resourceVersion);
}

function unreadable({ namespace, name, uid, resourceVersion }: OtherSecret, error: KubeError): OfferedSecret {
  const message = `the API server answers ${error.reason} (${error.status})`;
  return { namespace, name, uid, resourceVersion, content: { result: 'Unreadable', message } };
}
