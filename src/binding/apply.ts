import type { Logger } from 'pino';
import { type ImageCredentialBindingStatus, imageCredentialBindings } from '../api/index.ts';
import { hasReason, type KubeClient, KubeError, type KubeObject, keyOf } from '../kube/index.ts';
import { editScheduledScan, type RawScheduledScan, readScheduledScan } from '../scan/index.ts';
import { type Binding, readBinding } from './binding.ts';
import type { Decision, ScanPlan, SecretWrite } from './decide.ts';
import type { Observed } from './observe.ts';
import { SCHEDULED_SCANS, SECRETS, type Stores } from './stores.ts';
import { readTrivySecret, replacement } from './trivy-secret.ts';

const SCANS_AT_ONCE = 8;

/** The object changed after it was observed: what was decided is out of date, and is decided again. */
export class OutOfDate extends Error {
  override readonly name = 'OutOfDate';
}

/** A write that was refused. */
interface Failure {
  readonly message: string;
  /** Whether the same write may succeed later, though nothing that we see has changed. */
  readonly retry: boolean;
}

/** What could not be written of a decision. */
export interface Outcomes {
  readonly secret: Failure | undefined;
  /** By name of the scan. */
  readonly scans: ReadonlyMap<string, Failure>;
}

type Edit = Extract<ScanPlan, { plan: 'Edit' }>;

/**
 * Writes what was decided: first the Trivy secret, then the scans that mount it. Answers go into the stores at
 * once, so that the next reconcile does not have to wait for the watch to see them. May be cut off anywhere: the
 * next reconcile ends in the same state.
 */
export class Applier {
  readonly #client: KubeClient;
  readonly #stores: Stores;
  /** Several bindings may share a Trivy secret; each is written by one of them at a time. */
  readonly #secretWrites = new Map<string, Promise<void>>();

  constructor(options: { client: KubeClient; stores: Stores }) {
    this.#client = options.client;
    this.#stores = options.stores;
  }

  /**
   * @returns what could not be written, with the reason.
   * @throws OutOfDate where something changed in between.
   */
  async apply(observed: Observed, decision: Decision, log: Logger): Promise<Outcomes> {
    const secret = await failureOf(() => this.#writeSecretOnce(observed, decision.secretWrite, log));
    const edits = decision.scans.filter((plan) => plan.plan === 'Edit');
    const scans = new Map<string, Failure>();
    for (let start = 0; start < edits.length; start += SCANS_AT_ONCE) {
      await Promise.all(
        edits.slice(start, start + SCANS_AT_ONCE).map(async (edit) => {
          const failure =
            secret !== undefined && edit.edit.edit === 'Bind'
              ? { message: 'its Secret could not be written', retry: false }
              : await failureOf(() => this.#editScan(edit, log));
          if (failure !== undefined) scans.set(edit.scan.name, failure);
        }),
      );
    }
    return { secret, scans };
  }

  /** Writes the status of the binding as it was observed; one that was deleted since is left alone. */
  async writeStatus(binding: Binding, status: ImageCredentialBindingStatus): Promise<void> {
    const { namespace, name, uid } = binding;
    const object: KubeObject & { status: unknown } = { metadata: { namespace, name, uid }, status };
    try {
      this.#stores.bindings.set(readBinding(await this.#client.applyStatus(imageCredentialBindings, object)));
    } catch (error) {
      if (!hasReason(error, 'NotFound', 'Conflict')) throw error;
    }
  }

  async #writeSecretOnce({ namespace, now }: Observed, secretWrite: SecretWrite, log: Logger): Promise<void> {
    if (secretWrite.write === 'None' || secretWrite.write === 'Refused') return;
    const key = keyOf({ namespace, name: secretWrite.desired.name });
    await this.#secretWrites.get(key)?.catch(() => undefined);
    if (this.#stores.trivySecrets.get(key)?.fingerprint === secretWrite.desired.fingerprint) return;
    const write = this.#writeSecret(secretWrite, now, log).finally(() => this.#secretWrites.delete(key));
    this.#secretWrites.set(key, write);
    await write;
  }

  async #writeSecret(
    secretWrite: Extract<SecretWrite, { write: 'Create' | 'Replace' }>,
    now: number,
    log: Logger,
  ): Promise<void> {
    const { desired } = secretWrite;
    const written =
      secretWrite.write === 'Create'
        ? await this.#client.create(SECRETS, desired.object)
        : await this.#client.replace(SECRETS, replacement(desired, secretWrite.resourceVersion, now));
    this.#stores.trivySecrets.set(readTrivySecret(written));
    const { namespace } = written.metadata;
    log.info({ namespace, secret: desired.name, source: desired.identity.source }, 'trivy secret written');
  }

  /** One read, for stores hold no whole objects, and one write at the version that was decided on. */
  async #editScan({ scan, edit }: Edit, log: Logger): Promise<void> {
    const object = await this.#client.get(SCHEDULED_SCANS, scan);
    if (object.metadata.resourceVersion !== scan.resourceVersion) {
      throw new OutOfDate(`ScheduledScan ${keyOf(scan)} has changed since it was observed`);
    }
    // The CRD of secureCodeBox guarantees the shape.
    const result = editScheduledScan(object as unknown as RawScheduledScan, edit);
    if (result.result === 'Unchanged') return;
    if (result.result === 'MountPathTaken') throw new MountPathTaken(result.mountPath);
    const written = await this.#client.replace(SCHEDULED_SCANS, result.scan as unknown as KubeObject);
    this.#stores.scheduledScans.set(readScheduledScan(written as unknown as RawScheduledScan));
    log.info({ scheduledScan: keyOf(scan), ...edit, before: scan.bound?.binding }, 'scheduled scan written');
  }
}

/** The failure that is worth telling; undefined where it went well. */
async function failureOf(write: () => Promise<void>): Promise<Failure | undefined> {
  try {
    await write();
    return undefined;
  } catch (error) {
    if (hasReason(error, 'Conflict', 'AlreadyExists', 'NotFound')) throw new OutOfDate(error.message);
    if (error instanceof MountPathTaken) return { message: error.message, retry: false };
    // Without an answer nothing is known that could be told: the whole reconcile is tried again.
    if (!(error instanceof KubeError) || error.status < 400 || error.status >= 500) throw error;
    return { message: error.message, retry: error.reason !== 'Invalid' };
  }
}

class MountPathTaken extends Error {
  constructor(mountPath: string) {
    super(`another volume is mounted at ${mountPath}: mount it elsewhere`);
  }
}
