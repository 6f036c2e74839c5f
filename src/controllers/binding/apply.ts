import type { Logger } from 'pino';
import { type ImageCredentialBindingStatus, imageCredentialBindings } from '../../api/index.ts';
import { type Binding, type RawBinding, readBinding } from '../../binding/index.ts';
import { formatReference } from '../../image/index.ts';
import { hasReason, type KubeClient, KubeError, OutOfDate, Repetitions } from '../../kube/index.ts';
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

const SCANS_AT_ONCE = 8;

/** A write that was refused. The message is ours: what the API server or a webhook says may quote the object. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly reason: 'VolumeNameTaken' | 'MountPathTaken' | 'ScanUpdateFailed' | 'TrivySecretFailed';

  /** Whether nothing but a change of the scan can help, which brings us back. */
  get final(): boolean {
    return this.reason === 'VolumeNameTaken' || this.reason === 'MountPathTaken';
  }

  constructor(reason: Refused['reason'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}

/** What came of a decision. */
export interface Applied {
  /** Names of the scans that were written. */
  readonly written: ReadonlySet<string>;
  /** By name of the scan: why it was not. Anything but `Refused` is tried again without being told. */
  readonly failed: ReadonlyMap<string, unknown>;
  readonly secretRefused: Refused | undefined;
  /** Whether an object was written that had been written just before. */
  readonly repeated: boolean;
}

function secretKey({ namespace }: Resolved, write: SecretWrite): string | undefined {
  if (write.write === 'None' || write.write === 'Refused') return undefined;
  return `secret ${namespace}/${write.desired.name}`;
}

const TAKEN = {
  VolumeNameTaken: (name: string) => `another volume has the name ${name}`,
  MountPathTaken: (path: string) => `another volume is mounted at ${path}`,
};

type Edit = Extract<ScanPlan, { plan: 'Edit' }>;
type NeededWrite = Exclude<SecretWrite, { write: 'None' | 'Refused' }>;

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
  readonly #repetitions = new Repetitions();

  constructor(options: { client: KubeClient; stores: Stores }) {
    this.#client = options.client;
    this.#stores = options.stores;
  }

  /**
   * One scan that cannot be written does not keep the others from it.
   *
   * @throws OutOfDate, KubeError where the Trivy secret could not be written for another reason than a refusal.
   */
  async apply(resolved: Resolved, decision: Decision, log: Logger): Promise<Applied> {
    const secretRefused = await this.#writeNeededSecret(resolved, decision.secretWrite, log);
    const edits = decision.scans
      .filter((plan) => plan.plan === 'Edit')
      .filter(({ edit }) => secretRefused === undefined || edit.edit === 'Unbind');
    const { written, failed } = await this.#editScans(edits, log);
    const keys = [...written].map((name) => `scan ${resolved.namespace}/${name}`);
    const secret = secretKey(resolved, decision.secretWrite);
    if (secret !== undefined) keys.push(secret);
    return { written, failed, secretRefused, repeated: this.#repetitions.note(keys, resolved.now) };
  }

  async #editScans(edits: readonly Edit[], log: Logger): Promise<Pick<Applied, 'written' | 'failed'>> {
    const written = new Set<string>();
    const failed = new Map<string, unknown>();
    for (let start = 0; start < edits.length; start += SCANS_AT_ONCE) {
      const batch = edits.slice(start, start + SCANS_AT_ONCE);
      const results = await Promise.allSettled(batch.map((edit) => this.#editScan(edit, log)));
      for (const [index, result] of results.entries()) {
        const name = batch[index]?.scan.name ?? '';
        if (result.status === 'rejected') failed.set(name, result.reason);
        else if (result.value) written.add(name);
      }
    }
    return { written, failed };
  }

  /**
   * Writes the status of the binding as it was resolved. Does nothing if the binding was deleted since.
   *
   * @returns whether the status had already been written a short time ago
   */
  async writeStatus(binding: Binding, status: ImageCredentialBindingStatus): Promise<boolean> {
    const { namespace, name, uid } = binding;
    const repeated = this.#repetitions.note([`status ${keyOf(binding)}`], Date.now());
    const object = { metadata: { namespace, name, uid }, status };
    try {
      const answer = await this.#client.applyStatus<RawBinding>(imageCredentialBindings, object);
      this.#stores.bindings.setAnswer(readBinding(answer));
    } catch (error) {
      if (!hasReason(error, 'NotFound', 'Conflict')) throw crdIsOlder(error) ?? error;
    }
    return repeated;
  }

  async #writeNeededSecret(
    resolved: Resolved,
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

  async #writeSecretOnce({ namespace, now }: Resolved, write: NeededWrite, log: Logger): Promise<void> {
    const key = keyOf({ namespace, name: write.desired.name });
    const before = this.#secretWrites.get(key);
    if (before !== undefined) {
      await before.catch(() => undefined);
      if (this.#stores.trivySecrets.get(key)?.fingerprint === write.desired.content.fingerprint) return;
      throw new OutOfDate(`Secret ${key} was written for another binding`);
    }
    const writing = this.#writeSecret(write, now, log).finally(() => this.#secretWrites.delete(key));
    this.#secretWrites.set(key, writing);
    await writing;
  }

  async #writeSecret(secretWrite: NeededWrite, now: number, log: Logger): Promise<void> {
    const { desired } = secretWrite;
    const { object, fingerprint } = desired.content;
    if (secretWrite.write === 'Recreate') await this.#client.delete(SECRETS, secretWrite.present);
    const answer =
      secretWrite.write === 'Replace'
        ? await this.#client.replace(SECRETS, replacement(object, secretWrite.present, now))
        : await this.#client.create(SECRETS, object);
    const written = readTrivySecret(answer);
    this.#stores.trivySecrets.setAnswer(written);
    if (written.fingerprint !== fingerprint) {
      throw new Refused(
        'TrivySecretFailed',
        'the API server stored another Secret than it was sent: a policy or webhook changes it',
      );
    }
    log.info({ secret: keyOf(written), source: desired.identity.source }, 'trivy secret written');
  }

  /**
   * One read, for stores hold no whole objects, and one write at the version that was decided on.
   *
   * @returns whether there was anything to write.
   */
  async #editScan({ scan, edit }: Edit, log: Logger): Promise<boolean> {
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
      if (result.result === 'Unchanged') return false;
      if (result.result !== 'Changed') throw new Refused(result.result, TAKEN[result.result](result.place));
      const written = readScheduledScan(await this.#client.replace(SCHEDULED_SCANS, result.scan));
      this.#stores.scheduledScans.setAnswer(written);
      if (!isDone(written, edit)) {
        throw new Refused(
          'ScanUpdateFailed',
          'the API server stored something else than it was sent: a policy or webhook changes it',
        );
      }
    } catch (error) {
      if (hasReason(error, 'Conflict', 'AlreadyExists', 'NotFound')) throw new OutOfDate(error.message);
      throw asRefusal(error, 'ScanUpdateFailed');
    }
    log.info(
      { scheduledScan: keyOf(scan), edit: edit.edit, before: scan.bound?.binding, ...migratedTo(edit) },
      'scheduled scan written',
    );
    return true;
  }
}

function migratedTo(edit: ScanEdit): { readonly image?: string } {
  return edit.edit === 'Bind' && edit.image !== undefined ? { image: formatReference(edit.image) } : {};
}

/**
 * Converts a refusal to an error for its reason. Returns errors that a retry may fix, and errors without an answer,
 * unchanged.
 */
function asRefusal(error: unknown, reason: Refused['reason']): unknown {
  if (!(error instanceof KubeError) || error.status < 400 || PASSING.has(error.status)) return error;
  // The text of an answer to a Secret might quote its data: it goes nowhere, not even into the log.
  const cause = reason === 'TrivySecretFailed' ? undefined : error;
  return new Refused(reason, `the API server refused the write: ${error.reason} (${error.status})`, cause);
}

/** Retrying may help: not found, conflict, time-out, too many requests. */
const PASSING: ReadonlySet<number> = new Set([404, 408, 409, 429]);

/** What a status could not be written for: Helm, for one, never upgrades a CRD. undefined: for something else. */
function crdIsOlder(error: unknown): KubeError | undefined {
  if (!(error instanceof KubeError)) return undefined;
  const [, undeclared] = /(\S+): field not declared in schema/.exec(error.message) ?? [];
  const fields = hasReason(error, 'Invalid') ? error.causes.map(({ field }) => field) : [];
  if (undeclared === undefined && fields.length === 0) return undefined;
  const message =
    `the CRD in the cluster does not know ${undeclared ?? fields.join(', ')} as this controller writes it: upgrade the CRD ` +
    '(kubectl apply --server-side --force-conflicts --filename crds/)';
  return new KubeError(message, { status: error.status, reason: error.reason });
}
