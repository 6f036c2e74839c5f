import { type Candidate, keyring, lookup } from '../credential/index.ts';
import { splitKey } from '../kube/index.ts';
import type { ScheduledScan } from '../scan/index.ts';
import type { Binding, ValidBinding } from './binding.ts';
import type { NamedSecret } from './pull-secret.ts';
import type { ScanTypePatterns } from './serve.ts';
import { indexKey, repositoryIndex, type Stores } from './stores.ts';
import { type DesiredTrivySecret, desiredTrivySecret, type TrivySecret } from './trivy-secret.ts';

/** What stands under the name of a Trivy secret. */
type Place =
  | { readonly state: 'Free' }
  | { readonly state: 'Ours'; readonly secret: TrivySecret }
  | { readonly state: 'Foreign' };

/** A credential that fits the image, the Secret that would hand it to Trivy, and what is in that place now. */
export interface Option {
  readonly candidate: Candidate;
  readonly desired: DesiredTrivySecret;
  readonly place: Place;
}

/** A scan, with the bindings for the repository that it names. */
export interface ObservedScan {
  readonly scan: ScheduledScan;
  readonly bindings: readonly Binding[];
}

/** All that `decide` looks at. */
export interface Observed {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly namespace: string;
  readonly name: string;
  /** undefined: it was deleted. */
  readonly binding: Binding | undefined;
  /** Scans of its repository, and those that carry its name. */
  readonly scans: readonly ObservedScan[];
  /** The secrets that it names, in its order. */
  readonly secrets: readonly NamedSecret[];
  /** The credentials that fit, in the order in which they would be tried. */
  readonly options: readonly Option[];
  readonly scanTypes: ScanTypePatterns;
}

/** Gathers what there is to know about the binding of this key; reads stores, and nothing else. */
export function observe(key: string, stores: Stores, scanTypes: ScanTypePatterns, now: number): Observed {
  const { namespace, name } = splitKey(key);
  const binding = stores.bindings.get(key);
  const scans = observeScans(key, binding, stores);
  if (binding?.validity !== 'Valid') {
    return { now, namespace, name, binding, scans, secrets: [], options: [], scanTypes };
  }
  const secrets = binding.imagePullSecrets.map((secret) => observeSecret(indexKey(binding, secret), stores));
  return {
    now,
    namespace,
    name,
    binding,
    scans,
    secrets,
    options: observeOptions(binding, secrets, stores),
    scanTypes,
  };
}

/** The credentials that a binding's secrets hold for its image; without what is in the place of each. */
export function candidatesOf(binding: ValidBinding, secrets: readonly NamedSecret[]): readonly Candidate[] {
  const found = secrets.filter((secret) => secret.state === 'Found');
  return lookup(keyring(found), binding.image);
}

/** The secret of this key as a binding that names it finds it. */
export function observeSecret(key: string, stores: Stores): NamedSecret {
  const { name } = splitKey(key);
  const secret = stores.pullSecrets.get(key);
  if (secret === undefined) {
    const exists = stores.otherSecrets.get(key) !== undefined || stores.trivySecrets.get(key) !== undefined;
    return { state: exists ? 'WrongType' : 'Missing', name };
  }
  const { content, uid } = secret;
  if (content.result === 'Malformed') return { state: 'Malformed', name, message: content.message };
  return { state: 'Found', name, uid, entries: content.entries, problems: content.problems };
}

function observeOptions(
  binding: ValidBinding,
  secrets: readonly NamedSecret[],
  stores: Stores,
): readonly Option[] {
  return candidatesOf(binding, secrets).map((candidate) => {
    const desired = desiredTrivySecret(binding.namespace, candidate, binding.image.host);
    return { candidate, desired, place: observePlace(indexKey(binding, desired.name), stores) };
  });
}

function observePlace(key: string, stores: Stores): Place {
  const secret = stores.trivySecrets.get(key);
  if (secret !== undefined) return { state: 'Ours', secret };
  const foreign = stores.otherSecrets.get(key) ?? stores.pullSecrets.get(key);
  return { state: foreign === undefined ? 'Free' : 'Foreign' };
}

function observeScans(key: string, binding: Binding | undefined, stores: Stores): readonly ObservedScan[] {
  const repository = binding === undefined ? [] : repositoryIndex(binding);
  const scans = new Set([
    ...repository.flatMap((index) => stores.scheduledScans.byIndex('repository', index)),
    ...stores.scheduledScans.byIndex('binding', key),
  ]);
  const bindings = new Map<string, readonly Binding[]>();
  return [...scans].map((scan) => {
    const [index = ''] = repositoryIndex(scan);
    const known = bindings.get(index) ?? stores.bindings.byIndex('repository', index);
    bindings.set(index, known);
    return { scan, bindings: known };
  });
}
