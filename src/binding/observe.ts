import { splitKey } from '../kube/index.ts';
import type { ScheduledScan } from '../scan/index.ts';
import type { Binding, ValidBinding } from './binding.ts';
import type { NamedSecret } from './pull-secret.ts';
import { type Credentials, credentialsOf, type Resolution, resolve } from './resolve.ts';
import { indexKey, pullSecretIn, repositoryIndex, type Stores } from './stores.ts';
import {
  type DesiredTrivySecret,
  desiredTrivySecret,
  sameIdentity,
  type TrivySecret,
} from './trivy-secret.ts';

/** What stands under the name of a Trivy secret. */
type Place =
  | { readonly state: 'Free' }
  | { readonly state: 'Ours'; readonly secret: TrivySecret }
  /** Not ours, or ours for another credential. */
  | { readonly state: 'Taken' };

/** A scan, with the bindings for the repository that it names. */
export interface ObservedScan {
  readonly scan: ScheduledScan;
  readonly bindings: readonly Binding[];
}

/** All that `decide` looks at. */
export interface Observed {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly scanTypes: RegExp;
  readonly namespace: string;
  readonly name: string;
  /** undefined: it was deleted. */
  readonly binding: Binding | undefined;
  readonly credentials: Credentials;
  readonly resolution: Resolution;
  /** The Secret that hands the selected credential to Trivy, and what is in its place now. */
  readonly trivySecret: { readonly desired: DesiredTrivySecret; readonly place: Place } | undefined;
  /** Scans of its repository, and those that carry its name. */
  readonly scans: readonly ObservedScan[];
  /** Names of the bindings among those of the scans that have no credential to hand out, or no place for it. */
  readonly unable: ReadonlySet<string>;
}

const NO_CREDENTIALS: Credentials = { secrets: [], candidates: [] };

/** Gathers what there is to know about the binding of this key; reads stores, and nothing else. */
export function observe(key: string, stores: Stores, scanTypes: RegExp, now: number): Observed {
  const { namespace, name } = splitKey(key);
  const binding = stores.bindings.get(key);
  const credentials = binding?.validity === 'Valid' ? observeCredentials(binding, stores) : NO_CREDENTIALS;
  const resolution = resolve(credentials);
  const scans = observeScans(key, binding, stores);
  return {
    now,
    scanTypes,
    namespace,
    name,
    binding,
    credentials,
    resolution,
    trivySecret: binding?.validity === 'Valid' ? observeTrivySecret(binding, resolution, stores) : undefined,
    scans,
    unable: observeUnable(scans, stores),
  };
}

/** What the secrets of a binding hold for it. */
export function observeCredentials(binding: ValidBinding, stores: Stores): Credentials {
  const secrets = binding.imagePullSecrets.map((name) => observeSecret(indexKey(binding, name), stores));
  return credentialsOf(binding, secrets);
}

function observeSecret(key: string, stores: Stores): NamedSecret {
  const { name } = splitKey(key);
  const secret = pullSecretIn(stores, key);
  if (secret === undefined) {
    const exists = stores.otherSecrets.get(key) !== undefined || stores.trivySecrets.get(key) !== undefined;
    return { state: exists ? 'WrongType' : 'Missing', name };
  }
  const { content, uid } = secret;
  if (content.result === 'Malformed') return { state: 'Malformed', name, message: content.message };
  const { entries, keyring, problems } = content;
  return { state: 'Found', name, uid, entries, keyring, problems };
}

function observeTrivySecret(
  binding: ValidBinding,
  resolution: Resolution,
  stores: Stores,
): Observed['trivySecret'] {
  if (resolution.result !== 'Selected') return undefined;
  const desired = desiredTrivySecret(binding.namespace, resolution.candidate, binding.image.host);
  return { desired, place: observePlace(indexKey(binding, desired.name), desired, stores) };
}

function observePlace(key: string, desired: DesiredTrivySecret, stores: Stores): Place {
  const secret = stores.trivySecrets.get(key);
  if (secret !== undefined) {
    // Without an identity somebody has changed it: that is put right.
    const another = secret.identity !== undefined && !sameIdentity(secret.identity, desired.identity);
    return another ? { state: 'Taken' } : { state: 'Ours', secret };
  }
  const other = stores.otherSecrets.get(key);
  // Somebody took our label off, and left what it was made from.
  if (other?.ours !== undefined && sameIdentity(other.ours.identity, desired.identity)) {
    return { state: 'Ours', secret: other.ours };
  }
  const free = other === undefined && pullSecretIn(stores, key) === undefined;
  return { state: free ? 'Free' : 'Taken' };
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

function observeUnable(scans: readonly ObservedScan[], stores: Stores): ReadonlySet<string> {
  const rivals = new Set(scans.map(({ bindings }) => bindings));
  const unable = [...rivals]
    .flat()
    .filter((binding) => binding.validity === 'Valid' && isUnable(binding, stores));
  return new Set(unable.map(({ name }) => name));
}

function isUnable(binding: ValidBinding, stores: Stores): boolean {
  const resolution = resolve(observeCredentials(binding, stores));
  if (resolution.result === 'Unresolved') return true;
  return observeTrivySecret(binding, resolution, stores)?.place.state === 'Taken';
}
