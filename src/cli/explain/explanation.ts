import type { ValidBinding } from '../../binding/index.ts';
import { type Candidate, type Lookup, lookup } from '../../credential/index.ts';
import { fit, formatReference, type ImageReference, repositoryName } from '../../image/index.ts';
import { deliveryOf, MOUNT_PATH, platformOf, type SourceCredential } from '../../platform/index.ts';
import {
  bindingsForImage,
  fittingBindings,
  migratedImage,
  rivalsAmong,
  scanTypesOf,
} from '../../policy/index.ts';
import { DEFAULT_SCAN_TYPES, type ScheduledScan } from '../../scan/index.ts';
import type { SourceSecret } from '../../secret/index.ts';
import { type Decided, decidedFor } from './decided.ts';
import { hintsFor, hostHint, scanHintsFor } from './hints.ts';
import type { Inventory } from './inventory.ts';

/** What is printed as JSON for an image: the contract of `explain -o json`. */
interface Explanation {
  /** As it was asked for. */
  readonly image: string;
  /** In canonical form. */
  readonly repository: string;
  readonly platform: string;
  /** In the order in which a registry would be shown them. */
  readonly candidates: readonly ExplainedCandidate[];
  /** Name of the binding that serves the image; null: none does. */
  readonly binding: string | null;
  /** What Trivy is handed where the first candidate is chosen. */
  readonly delivery: {
    readonly env: readonly { readonly name: string; readonly value: string }[];
    /** Paths in Trivy's container. */
    readonly files: readonly string[];
  };
}

export interface ExplainedCandidate {
  readonly secret: string;
  readonly registryKey: string;
  /** In full: whoever asks can read the secret. null: the entry has a token alone. */
  readonly username: string | null;
}

/** A ScheduledScan that names the image. */
export interface ExplainedScan {
  readonly name: string;
  /** Name of the binding that should serve it; undefined: none does. */
  readonly servedBy: string | undefined;
  /** Name of the binding that it carries; undefined: it is not bound. */
  readonly boundTo: string | undefined;
  /** Why it is not bound, as the status of the binding says it; undefined: it does not say. */
  readonly failing: string | undefined;
}

/** An {@link Explanation}, and what is told beside it to a person. */
export interface Explained {
  readonly explanation: Explanation;
  /** `Fits`: there is a candidate. `NoneNeeded`: the binding says that the image needs none. */
  readonly outcome: 'Fits' | 'NoneNeeded' | 'NoMatch';
  /** The image that scans of this one are moved to, in canonical form, for the binding has this one in `replaces`. */
  readonly movedTo: string | undefined;
  /** What the controller has decided; undefined: nothing is known of any. */
  readonly decided: Decided | undefined;
  readonly scans: readonly ExplainedScan[];
  /** Sentences about what cannot be used, is not there, or may have been meant. */
  readonly problems: readonly string[];
}

/** What can be said of an image without asking its registry. `text` is the image as it was asked for. */
export function explain(text: string, image: ImageReference, inventory: Inventory): Explained {
  const [binding] = bindingsForImage(image, rivalsAmong(inventory.bindings));
  const secrets = secretsFor(binding, inventory);
  const keyrings = secrets.flatMap(keyringIn);
  const noneNeeded = binding?.imagePullSecrets.length === 0;
  const found = noneNeeded ? NOTHING : lookup<SourceCredential>(keyrings, image);
  const { candidates } = found;
  const delivery = handedOver(candidates[0], image);
  const decided = decidedFor(binding, inventory.named === 'ByBinding');
  const scans = scansOf(image, inventory, decided);
  const hints = binding === undefined ? [...hostHint(text, image), ...hintsFor(text, image, inventory)] : [];
  const movedTo = binding === undefined ? undefined : moveTarget(binding, image);
  const mayLackScans = binding !== undefined && movedTo === undefined && scans.length === 0;
  const scanHints = mayLackScans ? scanHintsFor(image, unservedOf(inventory), inventory.allScans) : [];
  const all = [
    ...hints,
    ...scanHints,
    ...missing(binding, inventory),
    ...secrets.flatMap(problemsOf),
    ...delivery.problems,
    ...untried(found),
  ];
  return {
    explanation: {
      image: text,
      repository: repositoryName(image),
      platform: platformOf(image.host).name,
      candidates: candidates.map(({ secret, registryKey, credential }) => ({
        secret,
        registryKey,
        username: usernameOf(credential),
      })),
      binding: binding?.name ?? null,
      delivery: delivery.handed,
    },
    outcome: noneNeeded ? 'NoneNeeded' : candidates.length > 0 ? 'Fits' : 'NoMatch',
    movedTo,
    decided,
    scans,
    problems: noneNeeded ? scanHints : all,
  };
}

const NOTHING: Lookup<SourceCredential> = { candidates: [], more: 0 };

function untried({ candidates, more }: Lookup<SourceCredential>): readonly string[] {
  if (more === 0) return [];
  return [
    `expected at most ${candidates.length} entries that fit the image, found ${candidates.length + more}: ` +
      `the last ${more} are not tried; remove entries that you do not need`,
  ];
}

function moveTarget(binding: ValidBinding, image: ImageReference): string | undefined {
  return fit(binding.image, image) === undefined ? formatReference(migratedImage(binding, image)) : undefined;
}

/** The binding's secrets come first, in its order: that decides between entries with equal keys. */
function secretsFor(
  binding: ValidBinding | undefined,
  { named, secrets }: Inventory,
): readonly SourceSecret[] {
  const byName = new Map(secrets.map((secret) => [secret.name, secret]));
  const ofBinding = (binding?.imagePullSecrets ?? []).flatMap((name) => byName.get(name) ?? []);
  if (binding !== undefined && named === 'ByBinding') return ofBinding;
  return [...new Set([...ofBinding, ...secrets])];
}

function missing(binding: ValidBinding | undefined, { secrets }: Inventory): readonly string[] {
  if (binding === undefined) return [];
  const there = new Set(secrets.map(({ name }) => name));
  return binding.imagePullSecrets
    .filter((name) => !there.has(name))
    .map(
      (name) =>
        `the binding "${binding.name}" names the Secret "${name}": expected a pull secret of that name, found none; ` +
        'create it, or correct the name',
    );
}

function keyringIn({ name, content }: SourceSecret) {
  return 'keyring' in content ? [{ name, keyring: content.keyring }] : [];
}

function problemsOf({ name, content }: SourceSecret): readonly string[] {
  const problems = 'message' in content ? [content.message] : 'problems' in content ? content.problems : [];
  return problems.map((problem) => `Secret "${name}": ${problem}`);
}

interface HandedOver {
  readonly handed: Explanation['delivery'];
  readonly problems: readonly string[];
}

/** Paths and entries are the same before the cloud has given a login. */
function handedOver(
  candidate: Candidate<SourceCredential> | undefined,
  { host }: ImageReference,
): HandedOver {
  const nothing = { env: [], files: [] };
  if (candidate === undefined) return { handed: nothing, problems: [] };
  const delivery = deliveryOf(candidate.credential, host);
  if (delivery.result === 'Undeliverable')
    return { handed: nothing, problems: [`Secret "${candidate.secret}": ${delivery.message}`] };
  const { env, files } =
    delivery.result === 'Handover' ? delivery.handover : { ...delivery, files: { 'config.json': true } };
  const paths = Object.keys(files).map((file) => `${MOUNT_PATH}/${file}`);
  return { handed: { env, files: paths }, problems: [] };
}

function usernameOf(credential: SourceCredential): string | null {
  return 'username' in credential ? credential.username.reveal() : null;
}

const SCAN_TYPES = scanTypesOf(DEFAULT_SCAN_TYPES);

function unservedOf({ scheduledScans, bindings }: Inventory): readonly ScheduledScan[] {
  const rivals = rivalsAmong(bindings);
  return scheduledScans.filter(
    (scan) => scan.bound === undefined && fittingBindings(scan, rivals, SCAN_TYPES).next().done === true,
  );
}

function scansOf(
  image: ImageReference,
  { scheduledScans, bindings }: Inventory,
  decided: Decided | undefined,
): readonly ExplainedScan[] {
  const repository = repositoryName(image);
  const rivals = rivalsAmong(bindings);
  return scheduledScans
    .filter((scan) => scan.image !== undefined && repositoryName(scan.image) === repository)
    .map((scan) => ({
      name: scan.name,
      servedBy: fittingBindings(scan, rivals, SCAN_TYPES).next().value?.name,
      boundTo: scan.bound?.binding,
      failing: decided?.failing.get(scan.name),
    }));
}
