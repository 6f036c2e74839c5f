import type { Check, KnownAnswer } from '../../answer/index.ts';
import type { Binding, ValidBinding } from '../../binding/index.ts';
import { fit, type ImageReference, repositoryName } from '../../image/index.ts';
import { type Credentials, type Limit, Rivals } from '../../policy/index.ts';
import { immediateAnswer } from '../../registry/index.ts';
import {
  editScheduledScan,
  noRun,
  type RawScheduledScan,
  readScheduledScan,
  type ScheduledScan,
} from '../../scan/index.ts';
import type { NamedSecret } from '../../secret/index.ts';
import type { Selection } from '../../state/index.ts';
import { type Applied, refusedMount } from './apply.ts';
import { type Decision, decide, type ScanPlan } from './decide.ts';
import type { Known, Observed } from './observed.ts';
import { type Resolved, resolve, selectionOf } from './resolve.ts';
import { type ConditionContent, previewConditions } from './status/index.ts';

/** The objects of one namespace. */
export interface Snapshot {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Matches the scan types whose ScheduledScans are bound. */
  readonly scanTypes: RegExp;
  readonly bindings: readonly Binding[];
  /** By name; a name that is not in the map is that of a Secret that does not exist. */
  readonly secrets: ReadonlyMap<string, NamedSecret>;
  readonly scans: readonly ScheduledScan[];
  /** By name: the whole ScheduledScans, which tell whether they can mount a Trivy Secret; may be incomplete. */
  readonly rawScans: ReadonlyMap<string, RawScheduledScan>;
}

/** What the controller would report about a binding. */
export interface Preview {
  readonly conditions: readonly ConditionContent[];
  readonly credentials: Credentials;
  readonly limit: Limit | undefined;
}

/** The settings of a controller with the default delivery and the webhook, whose time to wait for a first answer is over. */
const PREVIEW_SETTINGS = {
  checkIntervalMs: 0,
  firstAnswerTimeoutMs: 0,
  runWaitMs: undefined,
  boundAtCreation: 'None',
  admission: true,
  delivery: 'Shared',
  writesSecrets: true,
} as const;

/** Limit on how often the edits of a scan may cause further ones: a migration, an edit for the new image, and a reserve. */
const MOST_ROUNDS = 4;

/**
 * Predicts what the controller reports about bindings, with the controller's own stages, and without a cluster. It assumes:
 *
 * - The bindings have no status, no run is due, and each write succeeds that the objects themselves do not prevent. The
 *   result is what the controller reports after all writes.
 * - No registry and no cloud has answered. A credential that has expired counts as such. The time to wait for a first answer
 *   is over. If no credential can be used, the image is not public.
 * - No other object has the name of the Trivy Secret.
 */
export class Previewer {
  readonly #snapshot: Snapshot;
  /** By name. */
  readonly #bindings: ReadonlyMap<string, Binding>;
  /** By name. */
  readonly #scans: Map<string, ScheduledScan>;
  /** By name: the whole ScheduledScans with the edits of the bindings. */
  readonly #rawScans: Map<string, RawScheduledScan>;
  readonly #rivals = new Rivals();
  /** By name of the binding. */
  readonly #selections = new Map<string, Selection>();
  /** Of the scans with the edits of the bindings. */
  readonly #index: ScanIndex;
  /** By name of the binding: what it decides about {@link #index}, as far as that is known. */
  readonly #decided = new Map<string, Decided>();

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
    // All objects are in one namespace, but those in files may omit its name.
    this.#bindings = new Map(
      snapshot.bindings.map((binding) => [binding.name, { ...binding, namespace: '', status: undefined }]),
    );
    this.#scans = new Map(snapshot.scans.map((scan) => [scan.name, undue(scan)]));
    this.#rawScans = new Map(snapshot.rawScans);
    for (const binding of this.#bindings.values()) this.#rivals.add(binding);
    for (let round = 0; round < MOST_ROUNDS && this.#edit(); round += 1);
    this.#index = indexOf(this.#scans.values());
  }

  /** @param name - the name of a valid binding of the snapshot */
  preview(name: string): Preview | undefined {
    const binding = this.#bindings.get(name);
    if (binding?.validity !== 'Valid') return undefined;
    const { resolved, decision } = this.#decided.get(name) ?? this.#decide(binding, this.#index);
    const facts = { resolved, decision, applied: this.#applied(decision) };
    const { credentials, limit } = resolved;
    return { conditions: previewConditions(binding, facts), credentials, limit };
  }

  #decide(binding: ValidBinding, index: ScanIndex): Decided {
    const resolved = resolve(this.#observe(binding, index));
    return { resolved, decision: decide(resolved) };
  }

  /**
   * Edits the ScheduledScans as the bindings decide, because an edited scan may have another image, and so another role for
   * other bindings. Returns whether it has edited any.
   */
  #edit(): boolean {
    if (this.#rawScans.size === 0) return false;
    const index = indexOf(this.#scans.values());
    let isEdited = false;
    for (const binding of this.#bindings.values())
      if (binding.validity === 'Valid' && this.#editFor(binding, index)) isEdited = true;
    // What was decided before an edit may not hold after it.
    if (isEdited) this.#decided.clear();
    return isEdited;
  }

  #editFor(binding: ValidBinding, index: ScanIndex): boolean {
    const decided = this.#decide(binding, index);
    this.#decided.set(binding.name, decided);
    const edits = decided.decision.scans.filter((plan) => plan.plan === 'Edit');
    return edits.map((plan) => this.#editScan(plan)).includes(true);
  }

  #editScan({ scan: { name }, edit }: Extract<ScanPlan, { plan: 'Edit' }>): boolean {
    const raw = this.#rawScans.get(name);
    const result = raw === undefined ? undefined : editScheduledScan(raw, edit);
    if (result?.result !== 'Changed') return false;
    this.#rawScans.set(name, result.scan);
    this.#scans.set(name, undue(readScheduledScan(result.scan)));
    return true;
  }

  /** @param index - undefined: only the selection is of interest, which depends on no scan */
  #observe(binding: Binding, index?: ScanIndex): Observed {
    const { now, scanTypes, secrets } = this.#snapshot;
    const valid = binding.validity === 'Valid' ? binding : undefined;
    const names = valid?.imagePullSecrets ?? [];
    return {
      now,
      namespace: '',
      name: binding.name,
      binding,
      scans: valid && index ? scansOf(valid, index) : [],
      newScan: undefined,
      unboundScans: [],
      temporarySecrets: [],
      temporaryWrites: undefined,
      mentioning: valid && index ? scansMentioning(valid, index) : [],
      settings: { ...PREVIEW_SETTINGS, scanTypes },
      secrets: names.map((name) => secrets.get(name) ?? { state: 'Missing', name }),
      known: this.#known(binding),
    };
  }

  #known(binding: Binding): Known {
    const { now } = this.#snapshot;
    const namesSecrets = binding.validity === 'Valid' && binding.imagePullSecrets.length > 0;
    return {
      answer: (check) => presumedAnswer(check, namesSecrets, now),
      login: () => undefined,
      trivySecretPlace: () => ({ state: 'Free' }),
      temporarySecretPlace: () => ({ state: 'Free' }),
      canHold: true,
      source: () => undefined,
      lastRun: () => undefined,
      awaitedScan: () => undefined,
      rivals: this.#rivals,
      selection: ({ name }) => this.#selectionOf(name),
    };
  }

  /** What a binding selects does not depend on ScheduledScans, so it depends on no other binding. */
  #selectionOf(name: string): Selection | undefined {
    const binding = this.#bindings.get(name);
    if (binding === undefined) return undefined;
    const selection = this.#selections.get(name) ?? selectionOf(resolve(this.#observe(binding)));
    this.#selections.set(name, selection);
    return selection;
  }

  #applied({ scans }: Decision): Applied {
    const written = new Set<string>();
    const failed = new Map<string, unknown>();
    for (const plan of scans) {
      if (plan.plan !== 'Edit') continue;
      const { name } = plan.scan;
      const raw = this.#rawScans.get(name);
      const edited = raw === undefined ? undefined : editScheduledScan(raw, plan.edit);
      if (edited === undefined || edited.result === 'Changed' || edited.result === 'Unchanged')
        written.add(name);
      else failed.set(name, refusedMount(edited));
    }
    return { written, reversions: new Map(), failed, secretRefused: undefined, repeated: false };
  }
}

interface Decided {
  readonly resolved: Resolved;
  readonly decision: Decision;
}

interface ScanIndex {
  readonly byRepository: ReadonlyMap<string | undefined, readonly ScheduledScan[]>;
  /** By repository of an image that the parameters of a scan mention. */
  readonly byMention: ReadonlyMap<string, readonly ScheduledScan[]>;
  /** By name of the binding to which the scan is bound. */
  readonly byBinding: ReadonlyMap<string | undefined, readonly ScheduledScan[]>;
}

function indexOf(scans: Iterable<ScheduledScan>): ScanIndex {
  const all = [...scans];
  const mentions = all.flatMap((scan) =>
    scan.mentions.map((image) => ({ repository: repositoryName(image), scan })),
  );
  const mentioning = Map.groupBy(mentions, ({ repository }) => repository);
  return {
    byRepository: Map.groupBy(all, ({ image }) => (image === undefined ? undefined : repositoryName(image))),
    byMention: new Map(
      [...mentioning].map(([repository, found]) => [repository, found.map(({ scan }) => scan)]),
    ),
    byBinding: Map.groupBy(all, ({ bound }) => bound?.binding),
  };
}

/** The scans that the binding fits by image alone, and those that are bound to it. */
function scansOf(binding: ValidBinding, { byRepository, byBinding }: ScanIndex): readonly ScheduledScan[] {
  const named = repositoriesOf(binding).flatMap((repository) => byRepository.get(repository) ?? []);
  const fitting = named.filter(({ image }) => image !== undefined && matches(binding, image));
  return [...new Set([...fitting, ...(byBinding.get(binding.name) ?? [])])];
}

function scansMentioning(binding: ValidBinding, { byMention }: ScanIndex): readonly ScheduledScan[] {
  const named = repositoriesOf(binding).flatMap((repository) => byMention.get(repository) ?? []);
  return [...new Set(named)].filter(({ mentions }) => mentions.some((image) => matches(binding, image)));
}

function repositoriesOf({ image, replaces }: ValidBinding): readonly string[] {
  return [...new Set([image, ...replaces].map(repositoryName))];
}

function matches({ image, replaces }: ValidBinding, named: ImageReference): boolean {
  return [image, ...replaces].some((pattern) => fit(pattern, named) !== undefined);
}

/** A scan of which no run is due. A schedule that never runs stays, because the conditions report it. */
function undue(scan: ScheduledScan): ScheduledScan {
  const suspended = scan.schedule.suspended || noRun(scan.schedule) === undefined;
  return { ...scan, namespace: '', schedule: { ...scan.schedule, suspended } };
}

/** The answers that need no registry: see {@link Previewer}. A check of a manifest for a migration has none. */
function presumedAnswer(check: Check, namesSecrets: boolean, now: number): KnownAnswer | undefined {
  if (check.credential !== undefined) return immediateAnswer(check, now);
  if (!namesSecrets || check.exact === true) return undefined;
  return {
    answer: { result: 'Denied', httpCode: 401, at: 'manifest' },
    requestedAt: now,
    freshUntil: Number.POSITIVE_INFINITY,
    acceptedAt: undefined,
    version: undefined,
  };
}
