import type { Check } from '../../../../src/answer/check.ts';
import type { KnownLogin } from '../../../../src/answer/login-answer.ts';
import type { KnownAnswer, RegistryAnswer } from '../../../../src/answer/registry-answer.ts';
import {
  BINDING_ANNOTATION,
  type ImageCredentialBindingSpec,
  type ImageCredentialBindingStatus,
} from '../../../../src/api/index.ts';
import { type RawBinding, readBinding } from '../../../../src/binding/binding.ts';
import type { Applied } from '../../../../src/controllers/binding/apply.ts';
import { type Decision, decide } from '../../../../src/controllers/binding/decide.ts';
import { decideNewScan, type NewScanDecision } from '../../../../src/controllers/binding/new-scan.ts';
import { observe } from '../../../../src/controllers/binding/observe.ts';
import type { BindingSettings } from '../../../../src/controllers/binding/observed.ts';
import { resolve as resolveFacts, selectionOf } from '../../../../src/controllers/binding/resolve.ts';
import { report } from '../../../../src/controllers/binding/status/report.ts';
import { restorableAnswers } from '../../../../src/controllers/binding/verification/restore.ts';
import { formatReference, repositoryName } from '../../../../src/image/reference.ts';
import type { Store } from '../../../../src/kube/cache/store.ts';
import { type Stored, storedMeta } from '../../../../src/object/object.ts';
import type { PlatformCredential } from '../../../../src/platform/platform-credential.ts';
import { REGISTRIES_ANNOTATION } from '../../../../src/platform/registries-annotation.ts';
import { scanTypesOf } from '../../../../src/policy/precedence.ts';
import type { RawScan } from '../../../../src/scan/raw-scan.ts';
import { RESTORE_ANNOTATION } from '../../../../src/scan/restore.ts';
import type { Run } from '../../../../src/scan/run.ts';
import type { ScanDecision } from '../../../../src/scan/scan-decision.ts';
import {
  editScheduledScan,
  type RawScheduledScan,
  readScheduledScan,
} from '../../../../src/scan/scheduled-scan.ts';
import { readCredentialSecret } from '../../../../src/secret/credential-secret.ts';
import type { DesiredTrivySecret } from '../../../../src/secret/desired-trivy-secret.ts';
import { readPullSecret } from '../../../../src/secret/pull-secret.ts';
import type { RawSecret } from '../../../../src/secret/raw-secret.ts';
import { readTrivySecret, replacement } from '../../../../src/secret/trivy-secret.ts';
import { createStores } from '../../../../src/state/stores.ts';

const SCAN_TYPES = scanTypesOf(['trivy-image*', 'trivy-sbom-image*']);
export const NOW = Date.UTC(2026, 5, 1, 12);
/** The result of `apply` if every write succeeds. */
function allWritten(decision: Decision): Applied {
  const edits = decision.scans.filter(({ plan }) => plan === 'Edit');
  return {
    written: new Set(edits.map(({ scan }) => scan.name)),
    reversions: new Map(),
    failed: new Map(),
    secretRefused: undefined,
    repeated: false,
  };
}

interface BindingParts {
  readonly spec?: Partial<ImageCredentialBindingSpec>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly createdAt?: string;
  /** undefined: derived from the name. A recreated binding needs another one. */
  readonly uid?: string;
}

interface ScanParts {
  readonly managedFields?: RawScheduledScan['metadata']['managedFields'];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly image?: string;
  readonly parameters?: readonly string[];
  readonly scanType?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly schedule?: Partial<RawScheduledScan['spec']>;
  readonly lastScheduleTime?: string;
}

/** Stores with the objects of one namespace, which methods fill instead of reflectors. */
export class Namespace {
  readonly stores = createStores();
  /** Answers of the registry by `repository user:password`, as in {@link Namespace.answer}. */
  readonly #answers = new Map<string, KnownAnswer>();
  readonly #logins = new Map<string, KnownLogin>();
  /** The settings of the controller. A test may change them. */
  readonly settings: { -readonly [Name in keyof BindingSettings]: BindingSettings[Name] } = {
    scanTypes: SCAN_TYPES,
    checkIntervalMs: 12 * 3_600_000,
    firstAnswerTimeoutMs: 30_000,
    runWaitMs: 15 * 60_000,
    boundAtCreation: 'None',
    admission: false,
    delivery: 'Shared',
    writesSecrets: true,
  };
  readonly #sources = {
    stores: this.stores,
    settings: this.settings,
    login: (_: PlatformCredential, host: string) => this.#logins.get(host),
    answer: (check: Check) => this.#answers.get(keyOfCheck(check)),
  };
  readonly #scans = new Map<string, RawScheduledScan>();
  #version = 0;

  binding(name: string, parts: BindingParts = {}): void {
    const previous = this.stores.bindings.get(`ns/${name}`);
    const object = {
      metadata: {
        ...this.#meta(name),
        ...(parts.uid === undefined ? {} : { uid: parts.uid }),
        generation: (previous?.generation ?? 0) + 1,
        creationTimestamp: parts.createdAt ?? '2026-01-01T00:00:00Z',
        labels: parts.labels ?? {},
      },
      spec: {
        image: 'reg.example/app',
        imagePullSecrets: [{ name: 'pull' }],
        verification: 'Never',
        ...parts.spec,
      },
      status: previous?.status,
    };
    this.stores.bindings.set(readBinding(object as RawBinding));
  }

  scan(name: string, parts: ScanParts = {}): void {
    this.#setScan({
      metadata: {
        ...this.#meta(name),
        creationTimestamp: '2026-01-01T00:00:00Z',
        labels: parts.labels ?? {},
        ...(parts.annotations === undefined ? {} : { annotations: parts.annotations }),
        ...(parts.managedFields === undefined ? {} : { managedFields: parts.managedFields }),
      },
      spec: {
        suspend: true,
        ...parts.schedule,
        scanSpec: {
          scanType: parts.scanType ?? 'trivy-image',
          parameters: parts.parameters ?? [parts.image ?? 'reg.example/app:1.0'],
        },
      },
      status: parts.lastScheduleTime === undefined ? {} : { lastScheduleTime: parts.lastScheduleTime },
    });
  }

  pullSecret(name: string, auths: unknown = { 'reg.example': { auth: btoa('user:pass') } }): void {
    const text = typeof auths === 'string' ? auths : JSON.stringify({ auths });
    const object = {
      metadata: this.#meta(name),
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': Buffer.from(text).toString('base64') },
    };
    this.#setPullSecret(this.stores.pullSecrets, object);
  }

  /** A pull secret of the older type. */
  dockercfgSecret(name: string): void {
    const text = JSON.stringify({ 'reg.example': { auth: btoa('user:pass') } });
    const data = { '.dockercfg': Buffer.from(text).toString('base64') };
    const object = { metadata: this.#meta(name), type: 'kubernetes.io/dockercfg', data };
    this.#setPullSecret(this.stores.dockercfgSecrets, object);
  }

  /** Adds the content of the Secret, as the controller does after reading it. */
  #setPullSecret(store: Store<Stored>, object: RawSecret): void {
    store.set(storedMeta(object));
    this.stores.sourceSecrets.set(readPullSecret(object));
  }

  otherSecret(name: string): void {
    this.stores.otherSecrets.set({
      ...this.#meta(name),
      isCredentialSecret: false,
      formerTrivySecret: undefined,
    });
  }

  /** A credential Secret, as after the controller has read its content. */
  credentialSecret(name: string, texts: Readonly<Record<string, string>>, hosts = 'reg.example'): void {
    const meta = { ...this.#meta(name), annotations: { [REGISTRIES_ANNOTATION]: hosts } };
    const data = Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, btoa(text)]));
    const type = 'username' in texts ? 'kubernetes.io/basic-auth' : 'Opaque';
    this.stores.otherSecrets.set({ ...meta, isCredentialSecret: true, formerTrivySecret: undefined });
    this.stores.sourceSecrets.set(readCredentialSecret({ metadata: meta, type, data }));
  }

  /** Sets the answer of the cloud to a login request for this host. */
  login(host: string, known: KnownLogin): void {
    this.#logins.set(host, known);
  }

  /** Removes the annotation with the binding's name from a scan. */
  removeBindingAnnotation(name: string): void {
    const raw = this.#scans.get(name);
    if (raw === undefined) throw new Error(`there is no scan ${name}`);
    const { [BINDING_ANNOTATION]: _, ...annotations } = raw.metadata.annotations ?? {};
    this.#setScan({ ...raw, metadata: { ...raw.metadata, annotations } });
  }

  /**
   * Sets the answer of the registry for a repository.
   *
   * @param auth - `user:password` of the credential; empty: anonymous
   */
  answer(
    auth: string,
    answer: Partial<KnownAnswer> & Pick<KnownAnswer, 'answer'>,
    repository = 'reg.example/app',
  ): void {
    const accepted = answer.answer.result === 'Pullable' || answer.answer.result === 'Allowed';
    this.#answers.set(`${repository} ${auth}`, {
      requestedAt: NOW,
      freshUntil: NOW + 3_600_000,
      acceptedAt: accepted ? NOW : undefined,
      version: '1.0',
      ...answer,
    });
  }

  /** Sets the answer of the registry for exactly this manifest. */
  manifest(image: string, answer: RegistryAnswer, auth = 'user:pass'): void {
    const acceptedAt = answer.result === 'Pullable' ? NOW : undefined;
    const times = { requestedAt: NOW, freshUntil: NOW + 3_600_000, acceptedAt };
    this.#answers.set(`${image} ${auth}`, { answer, ...times, version: undefined });
  }

  /** Simulates a restart: drops all answers except those that can be restored from the status of the binding. */
  restart(name: string, now = NOW): void {
    this.#answers.clear();
    const resolved = this.resolve(name, now);
    if (resolved.binding?.validity !== 'Valid') throw new Error(`there is no binding ${name}`);
    for (const { check, answer, requestedAt } of restorableAnswers(resolved.binding, resolved)) {
      const isAccepted = answer.result === 'Pullable' || answer.result === 'Allowed';
      this.#answers.set(keyOfCheck(check), {
        ...{ answer, requestedAt, freshUntil: requestedAt + 3_600_000 },
        acceptedAt: isAccepted ? requestedAt : undefined,
        version: check.image.tag,
      });
    }
  }

  /** The credentials of the open checks, as `user:password`; empty: anonymous. */
  openChecks(name: string, now = NOW): readonly string[] {
    return this.decide(name, now).requests.checks.map(({ check }) => loginOf(check));
  }

  remove(kind: 'bindings' | 'pullSecrets' | 'scheduledScans' | 'trivySecrets', name: string): void {
    const item = this.stores[kind].get(`ns/${name}`);
    if (item !== undefined) this.stores[kind].delete(item);
  }

  /** Changes a scan as another client would. */
  tamper(name: string, scanSpec: Partial<RawScheduledScan['spec']['scanSpec']>): void {
    const raw = this.#scans.get(name);
    if (raw === undefined) throw new Error(`there is no scan ${name}`);
    this.#setScan({ ...raw, spec: { ...raw.spec, scanSpec: { ...raw.spec.scanSpec, ...scanSpec } } });
  }

  /** Forges a migration in the restore annotation of a bound scan. */
  forgeMigration(name: string, migrated: { readonly from: string; readonly number: number }): void {
    const raw = this.#scans.get(name);
    const note = raw?.metadata.annotations?.[RESTORE_ANNOTATION];
    if (raw === undefined || note === undefined) throw new Error(`the scan ${name} is not bound`);
    const forged = JSON.stringify({ ...JSON.parse(note), migrated });
    const annotations = { ...raw.metadata.annotations, [RESTORE_ANNOTATION]: forged };
    this.#setScan({ ...raw, metadata: { ...raw.metadata, annotations } });
  }

  /** Makes a run of a scan due, as a trigger does. */
  makeDue(name: string): void {
    const raw = this.#scans.get(name);
    if (raw === undefined) throw new Error(`there is no scan ${name}`);
    const lastScheduleTime = new Date(NOW - 3_600_000).toISOString();
    this.#setScan({
      ...raw,
      spec: { ...raw.spec, suspend: false, interval: '1h' },
      status: { lastScheduleTime },
    });
  }

  setStatus(name: string, status: ImageCredentialBindingStatus): void {
    const binding = this.stores.bindings.get(`ns/${name}`);
    const { uid: _, ...meta } = this.#meta(name);
    if (binding !== undefined) this.stores.bindings.set({ ...binding, ...meta, status });
  }

  /** Adds a Trivy Secret to its store, as read from the cluster. */
  trivySecret(object: RawSecret): void {
    const { name } = object.metadata;
    this.stores.trivySecrets.set(
      readTrivySecret({ ...object, metadata: { ...object.metadata, ...this.#meta(name) } }),
    );
  }

  resolve(name: string, now = NOW) {
    // The selection of a binding is known once the binding has been reconciled.
    for (const binding of this.stores.bindings.values()) {
      const resolved = resolveFacts(observe(`ns/${binding.name}`, this.#sources, now));
      this.stores.selections.set(binding, selectionOf(resolved));
    }
    return this.resolveAlone(name, now);
  }

  /** The observation of one reconcile, with the existing selections of other bindings. */
  resolveAlone(name: string, now = NOW) {
    return resolveFacts(observe(`ns/${name}`, this.#sources, now));
  }

  /**
   * Does the first step of the reconciler: records the selection of a binding, and what the binding waits for.
   *
   * @returns whether it waits
   */
  begin(name: string): boolean {
    const { selections } = this.stores;
    const resolved = this.resolveAlone(name);
    if (resolved.binding === undefined) selections.forget(`ns/${name}`);
    else selections.set(resolved.binding, selectionOf(resolved));
    for (const awaited of resolved.waitsFor) selections.wait(`ns/${name}`, awaited);
    return resolved.waitsFor.size > 0;
  }

  /** The decision of one binding. */
  decide(name: string, now = NOW) {
    return decide(this.resolve(name, now));
  }

  /**
   * The decision about a new Scan.
   *
   * @param parts - `knows`: `Status`: what any replica knows; `Registry`: what the leader knows
   */
  decideNewScan(raw: RawScan, { knows = 'Status' }: { knows?: 'Status' | 'Registry' } = {}): ScanDecision {
    return this.decideWhole(raw, knows).decision;
  }

  /** Like {@link Namespace.decideNewScan}, with the Secret and the checks that it needs. */
  decideWhole(raw: RawScan, knows: 'Status' | 'Registry'): NewScanDecision {
    const { stores, settings, answer, login } = this.#sources;
    const registry = knows === 'Registry' ? { registry: { answer, login } } : {};
    return decideNewScan(raw, { stores, settings, ...registry }, NOW);
  }

  /** The report of one binding. Without `applied`, every write succeeds. */
  report(name: string, applied?: Partial<Applied>, now = NOW) {
    const resolved = this.resolve(name, now);
    if (resolved.binding === undefined) throw new Error(`there is no binding ${name}`);
    const decision = decide(resolved);
    return report(resolved.binding, resolved, decision, { ...allWritten(decision), ...applied });
  }

  /** Applies the decision of one binding to the stores, including its status. */
  settle(name: string, now = NOW): ImageCredentialBindingStatus | undefined {
    const { secretWrite, scans } = this.decide(name, now);
    const exists = this.stores.bindings.get(`ns/${name}`) !== undefined;
    const written = exists ? this.report(name, undefined, now).status : undefined;
    if (secretWrite.write === 'Create') this.trivySecret(secretWrite.desired.content.object);
    if (secretWrite.write === 'Replace') {
      const { desired, present } = secretWrite;
      this.trivySecret(replacement(desired.content.object, present, now));
    }
    for (const plan of scans) {
      const raw = this.#scans.get(plan.scan.name);
      if (plan.plan !== 'Edit' || raw === undefined) continue;
      const result = editScheduledScan(raw, plan.edit);
      if (result.result === 'Changed') this.#setScan(result.scan);
    }
    if (written !== undefined) this.setStatus(name, written);
    return written;
  }

  /** Applies the decision of one binding, and then crashes before the status write. */
  settleWithoutStatus(name: string): void {
    const status = this.stores.bindings.get(`ns/${name}`)?.status;
    this.settle(name);
    this.setStatus(name, status ?? {});
  }

  /** Adds a Scan that a ScheduledScan has created. */
  run(scheduledScan: string, state: Run['state']): void {
    const made = { secretName: undefined, request: undefined, createdAt: NOW };
    this.stores.runs.set({
      ...this.#meta(`${scheduledScan}-1`),
      ...{ ...made, scheduledScan, state, isScanned: state !== 'Running' },
    });
  }

  rawScan(name: string): RawScheduledScan | undefined {
    return this.#scans.get(name);
  }

  #setScan(raw: RawScheduledScan): void {
    const { name } = raw.metadata;
    const scan = { ...raw, metadata: { ...raw.metadata, ...this.#meta(name) } };
    this.#scans.set(name, scan);
    this.stores.scheduledScans.set(readScheduledScan(scan));
  }

  #meta(name: string) {
    this.#version += 1;
    return { namespace: 'ns', name, uid: `uid-${name}`, resourceVersion: String(this.#version) };
  }
}

function keyOfCheck(check: Check): string {
  const name = check.exact === true ? formatReference(check.image) : repositoryName(check.image);
  return `${name} ${loginOf(check)}`;
}

function loginOf({ credential }: Check): string {
  if (credential?.kind === 'platform') return credential.description;
  return credential?.kind === 'basic'
    ? `${credential.username.reveal()}:${credential.password.reveal()}`
    : '';
}

/** Status and reason of a condition, such as `False NoMatch`; undefined: the condition is absent. */
export function condition(status: ImageCredentialBindingStatus, type: string): string | undefined {
  const found = status.conditions?.find((one) => one.type === type);
  return found === undefined ? undefined : `${found.status} ${found.reason}`;
}

/** The plan for each scan by its name, such as `Edit Bind`. */
export function plans(decision: ReturnType<typeof decide>): Record<string, string> {
  return Object.fromEntries(
    decision.scans.map((plan) => [
      plan.scan.name,
      plan.plan === 'Edit' ? `Edit ${plan.edit.edit}` : plan.plan,
    ]),
  );
}

/** The Secret to write. */
export function objectOf({ content }: DesiredTrivySecret): RawSecret {
  if (content.state !== 'Known') throw new Error(`expected a content that is known, found ${content.state}`);
  return content.object;
}
