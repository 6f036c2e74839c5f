import type { Logger } from 'pino';
import { BINDING_ANNOTATION, imageCredentialBindings } from '../../api/index.ts';
import { type RawBinding, readBinding } from '../../binding/index.ts';
import { settleEach } from '../../concurrency/index.ts';
import { asOutOfDate, hasReason, type KubeClient, KubeError, OutOfDate } from '../../kube/index.ts';
import { type KubeObject, keyOf, type Stored } from '../../object/index.ts';
import { PODS, type Stores } from '../../state/index.ts';
import type { BindingWrite, NamespaceDecision, PodMark } from './decision.ts';
import { createdObject, patchOf } from './writes/index.ts';

const CONCURRENT_WRITES = 8;

/** Writes the decision. May be interrupted anywhere, because the next decision continues from the observed state. */
export class DiscoveryApplier {
  readonly #client: KubeClient;
  readonly #stores: Stores;
  /** By the observed binding: the binding after a write of an earlier step. */
  readonly #written = new WeakMap<Stored, Stored>();

  constructor(options: { client: KubeClient; stores: Stores }) {
    this.#client = options.client;
    this.#stores = options.stores;
  }

  /**
   * A failed write does not stop the other writes of its step. It stops the next step, because that step depends on this
   * one.
   *
   * @throws OutOfDate, KubeError: a write failed.
   */
  async apply(
    namespace: string,
    { writes, marks }: Pick<NamespaceDecision, 'writes' | 'marks'>,
    log: Logger,
  ): Promise<void> {
    for (const step of writes) await writeEach(step, (write) => this.#write(namespace, write, log));
    await writeEach(marks, (mark) => this.#mark(mark));
  }

  async #write(namespace: string, write: BindingWrite, log: Logger): Promise<void> {
    try {
      if (write.action === 'Create') await this.#create(namespace, write, log);
      else if (write.action === 'Update') await this.#update(write, log);
      else await this.#delete(write, log);
    } catch (error) {
      // A namespace that is being deleted accepts no new objects, and needs none.
      if (error instanceof KubeError && error.causes.some(({ reason }) => reason === 'NamespaceTerminating'))
        return;
      throw asOutOfDate(error, ['Conflict', 'AlreadyExists', 'NotFound']);
    }
  }

  async #create(
    namespace: string,
    { name, repository, content }: BindingWrite & { action: 'Create' },
    log: Logger,
  ): Promise<void> {
    const key = { namespace, name };
    const binding = createdObject(key, repository, content);
    this.#take(await this.#client.create<KubeObject>(imageCredentialBindings, binding));
    log.info({ binding: keyOf(key), image: repository }, 'binding discovered');
  }

  /** Writes at the observed version, so that a later change by a user is observed first. */
  async #update({ binding, content }: BindingWrite & { action: 'Update' }, log: Logger): Promise<void> {
    const { resourceVersion } = this.#written.get(binding) ?? binding;
    const { annotations, spec } = patchOf(content);
    const patch = { metadata: { resourceVersion, annotations }, spec };
    this.#written.set(binding, this.#take(await this.#client.patch(imageCredentialBindings, binding, patch)));
    log.info({ binding: keyOf(binding) }, 'discovered binding changed');
  }

  async #delete({ binding, why }: BindingWrite & { action: 'Delete' }, log: Logger): Promise<void> {
    await this.#client.delete(imageCredentialBindings, this.#written.get(binding) ?? binding);
    this.#stores.bindings.delete(binding);
    log.info({ binding: keyOf(binding), why }, 'discovered binding deleted');
  }

  #take(response: KubeObject): Stored {
    // The response to a write is the written object.
    const binding = readBinding(response as RawBinding);
    this.#stores.bindings.setResponse(binding);
    return binding;
  }

  /** Does not mark a pod that has been deleted, or recreated under the same name. */
  async #mark({ pod: { namespace, name, uid }, binding }: PodMark): Promise<void> {
    const annotations = { [BINDING_ANNOTATION]: binding ?? null };
    try {
      await this.#client.patch(PODS, { namespace, name }, { metadata: { uid, annotations } });
    } catch (error) {
      if (!hasReason(error, 'Conflict', 'NotFound')) throw error;
    }
  }
}

async function writeEach<Item>(items: readonly Item[], write: (item: Item) => Promise<void>): Promise<void> {
  const results = await settleEach(items, CONCURRENT_WRITES, write);
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  if (failures.length > 0) throw failures.find((error) => !(error instanceof OutOfDate)) ?? failures[0];
}
