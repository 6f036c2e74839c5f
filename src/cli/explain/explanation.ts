import type { ValidBinding } from '../../binding/index.ts';
import { type Candidate, type Lookup, lookup } from '../../credential/index.ts';
import { fit, formatReference, type ImageReference, repositoryName } from '../../image/index.ts';
import { MOUNT_PATH, planDelivery, platformOf, type SourceCredential } from '../../platform/index.ts';
import { bindingsForImage, migratedImage, rivalsAmong } from '../../policy/index.ts';
import type { SourceSecret } from '../../secret/index.ts';
import { type Decided, decidedFor } from './decided.ts';
import { hintsFor, hostHint } from './hints.ts';
import type { Inventory } from './inventory.ts';
import { type ExplainedScan, scanHintsFor, scansOf, unmatchedOf } from './scans.ts';

/** What is printed as JSON for an image: the contract of `explain -o json`. */
interface Explanation {
  /** As on the command line. */
  readonly image: string;
  /** In canonical form. */
  readonly repository: string;
  readonly platform: string;
  /** In the order in which they would be tried. */
  readonly candidates: readonly ExplainedCandidate[];
  /** Name of the binding with the highest precedence that matches the image; null: none matches. */
  readonly binding: string | null;
  /** What Trivy gets if the first candidate is chosen. */
  readonly delivery: {
    readonly env: readonly { readonly name: string; readonly value: string }[];
    /** Paths in Trivy's container. */
    readonly files: readonly string[];
  };
}

export interface ExplainedCandidate {
  readonly secret: string;
  readonly registryKey: string;
  /** The full user name, because the user can read the Secret anyway; null: the entry contains only a token. */
  readonly username: string | null;
}

/** An {@link Explanation}, and what is printed only as text. */
export interface Explained {
  readonly explanation: Explanation;
  /** `Fits`: there is a candidate. `NoneNeeded`: the binding names no Secret, because the image needs no credential. */
  readonly outcome: 'Fits' | 'NoneNeeded' | 'NoMatch';
  /**
   * The image that scans of this image are migrated to, in canonical form, because the binding lists this image in
   * `replaces`; undefined: they are not migrated.
   */
  readonly migratesTo: string | undefined;
  /** What the controller has decided; undefined: see {@link decidedFor}. */
  readonly decided: Decided | undefined;
  readonly scans: readonly ExplainedScan[];
  /** Sentences about objects that cannot be used or do not exist, and about what the user may have meant. */
  readonly problems: readonly string[];
}

/**
 * Explains an image without contacting its registry.
 *
 * @param text - the image as on the command line
 */
export function explain(text: string, image: ImageReference, inventory: Inventory): Explained {
  const [binding] = bindingsForImage(image, rivalsAmong(inventory.bindings));
  const secrets = secretsFor(binding, inventory);
  const keyrings = secrets.flatMap(keyringIn);
  const noneNeeded = binding?.imagePullSecrets.length === 0;
  const found = noneNeeded ? NOTHING : lookup<SourceCredential>(keyrings, image);
  const { candidates } = found;
  const delivery = deliveryOf(candidates[0], image);
  const decided = decidedFor(binding, inventory.named === 'ByBinding');
  const scans = scansOf(image, inventory, decided);
  const hints = binding === undefined ? [...hostHint(text, image), ...hintsFor(text, image, inventory)] : [];
  const migratesTo = binding === undefined ? undefined : migrationTarget(binding, image);
  const mayLackScans = binding !== undefined && migratesTo === undefined && scans.length === 0;
  const scanHints = mayLackScans ? scanHintsFor(image, unmatchedOf(inventory), inventory.allScans) : [];
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
      delivery: delivery.delivered,
    },
    outcome: noneNeeded ? 'NoneNeeded' : candidates.length > 0 ? 'Fits' : 'NoMatch',
    migratesTo,
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

function migrationTarget(binding: ValidBinding, image: ImageReference): string | undefined {
  return fit(binding.image, image) === undefined ? formatReference(migratedImage(binding, image)) : undefined;
}

/** The Secrets of the binding come first, in its order, because the order decides between entries with equal keys. */
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
  const existing = new Set(secrets.map(({ name }) => name));
  return binding.imagePullSecrets
    .filter((name) => !existing.has(name))
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

interface PlannedDelivery {
  readonly delivered: Explanation['delivery'];
  readonly problems: readonly string[];
}

/** What Trivy gets with a candidate. If a cloud login is needed, its file paths and variables are known without the login. */
function deliveryOf(
  candidate: Candidate<SourceCredential> | undefined,
  { host }: ImageReference,
): PlannedDelivery {
  const nothing = { env: [], files: [] };
  if (candidate === undefined) return { delivered: nothing, problems: [] };
  const delivery = planDelivery(candidate.credential, host);
  if (delivery.result === 'Undeliverable')
    return { delivered: nothing, problems: [`Secret "${candidate.secret}": ${delivery.message}`] };
  const { env, files } =
    delivery.result === 'TrivyAuth' ? delivery.trivyAuth : { ...delivery, files: { 'config.json': true } };
  const paths = Object.keys(files).map((file) => `${MOUNT_PATH}/${file}`);
  return { delivered: { env, files: paths }, problems: [] };
}

function usernameOf(credential: SourceCredential): string | null {
  return 'username' in credential ? credential.username.reveal() : null;
}
