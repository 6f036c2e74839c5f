import type { Logger } from 'pino';
import {
  BINDING_ANNOTATION,
  imageCredentialBindings,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  UNUSED_SINCE_ANNOTATION,
  WORKLOADS_ANNOTATION,
} from '../../api/index.ts';
import { type RawBinding, readBinding } from '../../binding/index.ts';
import { settleEach } from '../../concurrency/index.ts';
import { formatFamiliar, parseImageReference } from '../../image/index.ts';
import { asOutOfDate, hasReason, type KubeClient, KubeError, OutOfDate } from '../../kube/index.ts';
import { type KubeObject, keyOf, type Stored } from '../../object/index.ts';
import { PODS, type Stores } from '../../state/index.ts';
import type { BindingContent, Decision, Write } from './decide.ts';

const WRITES_AT_ONCE = 8;

/** Writes what was decided. May be cut off anywhere: the next decision goes on from there. */
export class Applier {
  readonly #client: KubeClient;
  readonly #stores: Stores;
  /** By the binding as it was observed: as it is since an earlier step has written it. */
  readonly #written = new WeakMap<Stored, Stored>();

  constructor(options: { client: KubeClient; stores: Stores }) {
    this.#client = options.client;
    this.#stores = options.stores;
  }

  /**
   * The writes of a step are made whatever becomes of each other; those of the next step only if all went well, for they
   * rest on these.
   *
   * @throws OutOfDate, KubeError: a write did not succeed.
   */
  async apply(
    namespace: string,
    { writes, marks }: Pick<Decision, 'writes' | 'marks'>,
    log: Logger,
  ): Promise<void> {
    for (const step of writes) await writeEach(step, (write) => this.#write(namespace, write, log));
    await writeEach(marks, ({ pod, binding }) => this.#mark(pod, binding));
  }

  async #write(namespace: string, write: Write, log: Logger): Promise<void> {
    try {
      if (write.action === 'Create') await this.#create(namespace, write, log);
      else if (write.action === 'Update') await this.#update(write, log);
      else await this.#delete(write, log);
    } catch (error) {
      // A namespace that is being deleted takes nothing new, and needs nothing any more.
      if (error instanceof KubeError && error.causes.some(({ reason }) => reason === 'NamespaceTerminating'))
        return;
      throw asOutOfDate(error, ['Conflict', 'AlreadyExists', 'NotFound']);
    }
  }

  async #create(namespace: string, { name, repository, content }: Write & { action: 'Create' }, log: Logger) {
    const { annotations, spec } = fieldsOf(content);
    const { apiVersion, kind } = imageCredentialBindings;
    const metadata = { namespace, name, labels: { [MANAGED_BY_LABEL]: MANAGED_BY } };
    const binding = {
      ...{ apiVersion, kind },
      metadata: { ...metadata, annotations: withoutNulls(annotations) },
      spec: { image: familiar(repository), ...withoutNulls(spec) },
    };
    this.#take(await this.#client.create<KubeObject>(imageCredentialBindings, binding));
    log.info({ binding: keyOf(metadata), image: repository }, 'binding discovered');
  }

  /** At the version that was observed: what a person has changed since is looked at first. */
  async #update({ binding, content }: Write & { action: 'Update' }, log: Logger): Promise<void> {
    const { resourceVersion } = this.#written.get(binding) ?? binding;
    const { annotations, spec } = fieldsOf(content);
    const patch = { metadata: { resourceVersion, annotations }, spec };
    this.#written.set(binding, this.#take(await this.#client.patch(imageCredentialBindings, binding, patch)));
    log.info({ binding: keyOf(binding) }, 'discovered binding changed');
  }

  async #delete({ binding, why }: Write & { action: 'Delete' }, log: Logger): Promise<void> {
    await this.#client.delete(imageCredentialBindings, this.#written.get(binding) ?? binding);
    this.#stores.bindings.delete(binding);
    log.info({ binding: keyOf(binding), why }, 'discovered binding deleted');
  }

  #take(answer: KubeObject): Stored {
    // The API server answers with the object that was written.
    const binding = readBinding(answer as RawBinding);
    this.#stores.bindings.setAnswer(binding);
    return binding;
  }

  /** A pod that has been deleted since, or made anew under its name, is left alone. */
  async #mark({ namespace, name, uid }: Stored, binding: string | undefined): Promise<void> {
    const annotations = { [BINDING_ANNOTATION]: binding ?? null };
    try {
      await this.#client.patch(PODS, { namespace, name }, { metadata: { uid, annotations } });
    } catch (error) {
      if (!hasReason(error, 'Conflict', 'NotFound')) throw error;
    }
  }
}

/** The fields that are discovery's, as a merge patch: null takes one out. */
function fieldsOf({ imagePullSecrets, replaces, users, unusedSince }: BindingContent) {
  return {
    annotations: {
      [WORKLOADS_ANNOTATION]: users.join(','),
      [UNUSED_SINCE_ANNOTATION]: unusedSince === undefined ? null : new Date(unusedSince).toISOString(),
    },
    spec: {
      imagePullSecrets: imagePullSecrets.map((name) => ({ name })),
      replaces: replaces.length === 0 ? null : replaces.map(familiar),
    },
  };
}

function withoutNulls<Value>(fields: Readonly<Record<string, Value | null>>): Record<string, Value> {
  // What is left is no null.
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) as Record<
    string,
    Value
  >;
}

/** The short form of a repository, as people write it. */
function familiar(repository: string): string {
  return formatFamiliar(parseImageReference(repository));
}

async function writeEach<Item>(items: readonly Item[], write: (item: Item) => Promise<void>): Promise<void> {
  const results = await settleEach(items, WRITES_AT_ONCE, write);
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  if (failures.length > 0) throw failures.find((error) => !(error instanceof OutOfDate)) ?? failures[0];
}
