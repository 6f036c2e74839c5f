import type { Logger } from 'pino';
import { type ImageCredentialBindingStatus, imageCredentialBindings } from '../../api/index.ts';
import { type Binding, type RawBinding, readBinding } from '../../binding/index.ts';
import { settleEach } from '../../concurrency/index.ts';
import { formatReference } from '../../image/index.ts';
import {
  asOutOfDate,
  hasReason,
  type KubeClient,
  KubeError,
  OutOfDate,
  Repetitions,
} from '../../kube/index.ts';
import { keyOf, SCHEDULED_SCANS, SECRETS } from '../../object/index.ts';
import {
  editScheduledScan,
  isDone,
  type RawScheduledScan,
  readScheduledScan,
  type ScanEdit,
  waitBeforeWrite,
} from '../../scan/index.ts';
import { readTrivySecret, replacement } from '../../secret/index.ts';
import type { Stores } from '../../state/index.ts';
import { secretWriteError } from '../secret-write-error.ts';
import type { Decision, ScanPlan, SecretWrite } from './decide.ts';
import type { Resolved } from './resolve.ts';
import { WrittenScans } from './written-scans.ts';

const SCANS_AT_ONCE = 8;

/** A refused write. Its message omits the text of the API server or a webhook, which may quote the object. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly reason: 'VolumeNameTaken' | 'MountPathTaken' | 'ScanUpdateFailed' | 'TrivySecretFailed';

  /** Whether a retry is useless, because only a change of the scan can fix the cause. That change enqueues the binding. */
  get final(): boolean {
    return this.reason === 'VolumeNameTaken' || this.reason === 'MountPathTaken';
  }

  constructor(reason: Refused['reason'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}

/** The outcome of applying a decision. */
export interface Applied {
  /** Names of the scans that were written. */
  readonly written: ReadonlySet<string>;
  /** By name of a written scan: how often its writes were reverted within the last ten minutes, if they were. */
  readonly reversions: ReadonlyMap<string, number>;
  /** By name of the scan: why it was not written. Errors other than `Refused` are retried and not reported as failures. */
  readonly failed: ReadonlyMap<string, unknown>;
  readonly secretRefused: Refused | undefined;
  /** Whether the controller had already written one of these objects a short time before. */
  readonly repeated: boolean;
}

function secretKey({ namespace }: Resolved, write: SecretWrite): string | undefined {
  if (write.write === 'None' || write.write === 'Refused') return undefined;
  return `secret ${namespace}/${write.desired.name}`;
}

/** The ScheduledScan already has a volume or a mount where the controller would add its own. */
type MountConflict = Exclude<
  ReturnType<typeof editScheduledScan>,
  { readonly result: 'Changed' | 'Unchanged' }
>;

/** Why a ScheduledScan cannot mount the Trivy Secret. */
export function refusedMount({ result, place }: MountConflict): Refused {
  return new Refused(result, MOUNT_CONFLICTS[result](place));
}

const MOUNT_CONFLICTS = {
  VolumeNameTaken: (name: string) => `another volume has the name ${name}`,
  MountPathTaken: (path: string) => `another volume is mounted at ${path}`,
};

type Edit = Extract<ScanPlan, { plan: 'Edit' }>;
type NeededWrite = Exclude<SecretWrite, { write: 'None' | 'Refused' }>;

/**
 * Writes what was decided: first the Trivy Secret, then the scans that mount it. Responses go into the stores at once, so
 * that the next reconcile sees them before the watch does. May be interrupted anywhere: the next reconcile ends in the same
 * state.
 */
export class Applier {
  readonly #client: KubeClient;
  readonly #stores: Stores;
  /** By key of a Trivy Secret. Several bindings may share one, so only one of them writes it at a time. */
  readonly #secretWrites = new Map<string, Promise<void>>();
  readonly #repetitions = new Repetitions();
  readonly #writtenScans = new WrittenScans();

  constructor(options: { client: KubeClient; stores: Stores }) {
    this.#client = options.client;
    this.#stores = options.stores;
  }

  /**
   * A scan that cannot be written does not prevent the writes of other scans.
   *
   * @throws OutOfDate, KubeError: the Trivy Secret could not be written for a reason other than a refusal.
   */
  async apply(resolved: Resolved, decision: Decision, log: Logger): Promise<Applied> {
    const secretRefused = await this.writeNeededSecret(resolved, decision.secretWrite, log);
    const edits = decision.scans
      .filter((plan) => plan.plan === 'Edit')
      .filter(({ edit }) => secretRefused === undefined || edit.edit === 'Unbind');
    const { written, reversions, failed } = await this.#editScans(edits, log);
    const keys = [...written].map((name) => `scan ${resolved.namespace}/${name}`);
    const secret = secretKey(resolved, decision.secretWrite);
    if (secret !== undefined) keys.push(secret);
    return {
      written,
      reversions,
      failed,
      secretRefused,
      repeated: this.#repetitions.note(keys, resolved.now),
    };
  }

  async #editScans(
    edits: readonly Edit[],
    log: Logger,
  ): Promise<Pick<Applied, 'written' | 'reversions' | 'failed'>> {
    const written = new Set<string>();
    const reversions = new Map<string, number>();
    const failed = new Map<string, unknown>();
    const results = await settleEach(edits, SCANS_AT_ONCE, (edit) => this.#editScan(edit, log));
    for (const [index, result] of results.entries()) {
      const name = edits[index]?.scan.name ?? '';
      if (result.status === 'rejected') failed.set(name, result.reason);
      else if (result.value !== undefined) {
        written.add(name);
        if (result.value > 0) reversions.set(name, result.value);
      }
    }
    return { written, reversions, failed };
  }

  /**
   * Writes the status of the binding that was resolved. Does nothing if that binding has been deleted in the meantime.
   *
   * @returns whether the controller had already written a status of the binding a short time before
   */
  async writeStatus(binding: Binding, status: ImageCredentialBindingStatus): Promise<boolean> {
    const { namespace, name, uid } = binding;
    const repeated = this.#repetitions.note([`status ${keyOf(binding)}`], Date.now());
    const object = { metadata: { namespace, name, uid }, status };
    try {
      const response = await this.#client.applyStatus<RawBinding>(imageCredentialBindings, object);
      this.#stores.bindings.setResponse(readBinding(response));
    } catch (error) {
      if (!hasReason(error, 'NotFound', 'Conflict')) throw crdIsOlder(error) ?? error;
    }
    return repeated;
  }

  /**
   * @returns why the API server refused the write; undefined: the Secret is as it should be
   * @throws OutOfDate, KubeError: the Secret could not be written for a reason other than a refusal.
   */
  async writeNeededSecret(
    resolved: Pick<Resolved, 'namespace' | 'now'>,
    write: SecretWrite,
    log: Logger,
  ): Promise<Refused | undefined> {
    if (write.write === 'None' || write.write === 'Refused') return undefined;
    try {
      await this.#writeSecretOnce(resolved, write, log);
      return undefined;
    } catch (error) {
      const failure = asRefusal(error, 'TrivySecretFailed');
      if (failure instanceof Refused) return failure;
      throw secretWriteError(error, keyOf({ namespace: resolved.namespace, name: write.desired.name }));
    }
  }

  async #writeSecretOnce(
    { namespace, now }: Pick<Resolved, 'namespace' | 'now'>,
    write: NeededWrite,
    log: Logger,
  ): Promise<void> {
    const key = keyOf({ namespace, name: write.desired.name });
    const before = this.#secretWrites.get(key);
    if (before !== undefined) {
      await before.catch(() => undefined);
      if (this.#stores.trivySecrets.get(key)?.fingerprint === write.desired.content.fingerprint) return;
      throw new OutOfDate(`Secret ${key} was written with other content for another binding`);
    }
    const writing = this.#writeSecret(write, now, log).finally(() => this.#secretWrites.delete(key));
    this.#secretWrites.set(key, writing);
    await writing;
  }

  async #writeSecret(secretWrite: NeededWrite, now: number, log: Logger): Promise<void> {
    const { desired } = secretWrite;
    const { object, fingerprint } = desired.content;
    if (secretWrite.write === 'Recreate') await this.#client.delete(SECRETS, secretWrite.present);
    const response =
      secretWrite.write === 'Replace'
        ? await this.#client.replace(SECRETS, replacement(object, secretWrite.present, now))
        : await this.#client.create(SECRETS, object);
    const written = readTrivySecret(response);
    this.#stores.trivySecrets.setResponse(written);
    if (written.fingerprint !== fingerprint) {
      throw new Refused(
        'TrivySecretFailed',
        `the API server stored Secret ${written.name} with content that differs from what the controller sent: a policy or webhook changes it`,
      );
    }
    log.info({ secret: keyOf(written), source: desired.identity.source }, 'trivy secret written');
  }

  /**
   * Sends one read, because stores hold only projections, and one write at the version that was decided on.
   *
   * @returns how often its writes were reverted lately; undefined: the scan did not have to be written
   */
  async #editScan({ scan, edit }: Edit, log: Logger): Promise<number | undefined> {
    let reversions = 0;
    try {
      const { resourceVersion } = scan;
      const raw = await this.#client.get<RawScheduledScan>(SCHEDULED_SCANS, scan, { resourceVersion });
      const present = readScheduledScan(raw);
      if (present.resourceVersion !== resourceVersion || waitBeforeWrite(present.schedule, Date.now()) > 0) {
        throw new OutOfDate(
          `ScheduledScan ${keyOf(scan)} has changed since it was observed, or its run is due`,
        );
      }
      const result = editScheduledScan(raw, edit);
      if (result.result === 'Unchanged') return undefined;
      if (result.result !== 'Changed') throw refusedMount(result);
      const written = readScheduledScan(await this.#client.replace(SCHEDULED_SCANS, result.scan));
      this.#stores.scheduledScans.setResponse(written);
      reversions = this.#writtenScans.note(present, edit, Date.now());
      if (!isDone(written, edit)) {
        throw new Refused(
          'ScanUpdateFailed',
          'the API server stored the ScheduledScan with content that differs from what the controller sent: a policy or webhook changes it',
        );
      }
    } catch (error) {
      throw asRefusal(asOutOfDate(error, ['Conflict', 'AlreadyExists', 'NotFound']), 'ScanUpdateFailed');
    }
    log.info(
      { scheduledScan: keyOf(scan), edit: edit.edit, before: scan.bound?.binding, ...migratedTo(edit) },
      'scheduled scan written',
    );
    return reversions;
  }
}

function migratedTo(edit: ScanEdit): { readonly image?: string } {
  return edit.edit === 'Bind' && edit.image !== undefined ? { image: formatReference(edit.image) } : {};
}

/**
 * Converts a refusal to a {@link Refused} with this reason. Returns errors that a retry may fix, and errors without a
 * response, unchanged.
 */
function asRefusal(error: unknown, reason: Refused['reason']): unknown {
  if (!(error instanceof KubeError) || error.status < 400 || RETRYABLE.has(error.status)) return error;
  // The text of a response about a Secret might quote its data, so it must appear nowhere, not even in the log.
  const cause = reason === 'TrivySecretFailed' ? undefined : error;
  return new Refused(reason, `the API server refused the write: ${error.reason} (${error.status})`, cause);
}

/** HTTP status codes after which a retry may help: not found, request timeout, conflict, too many requests. */
const RETRYABLE: ReadonlySet<number> = new Set([404, 408, 409, 429]);

/**
 * The error for a status that could not be written because the CRD in the cluster is older than the controller (Helm never
 * upgrades a CRD); undefined: the write failed for another reason.
 */
function crdIsOlder(error: unknown): KubeError | undefined {
  if (!(error instanceof KubeError)) return undefined;
  const [, undeclared] = /(\S+): field not declared in schema/.exec(error.message) ?? [];
  const fields = hasReason(error, 'Invalid') ? error.causes.map(({ field }) => field) : [];
  if (undeclared === undefined && fields.length === 0) return undefined;
  const message =
    `the CRD in the cluster does not accept ${undeclared ?? fields.join(', ')} as this controller writes it; upgrade the CRD ` +
    'with the chart of this version (helm show crds <chart> | kubectl apply --server-side --force-conflicts --filename -)';
  return new KubeError(message, { status: error.status, reason: error.reason });
}
