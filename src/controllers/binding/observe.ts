import { keyOf, type Stored, splitKey } from '../../object/index.ts';
import { awaitedScan, newestRun, type ScheduledScan } from '../../scan/index.ts';
import {
  type NamedSecret,
  namedSecret,
  notAnnotated,
  type SecretOwner,
  sameIdentity,
  type TrivySecretIdentity,
  temporarySecretName,
  trivySecretName,
} from '../../secret/index.ts';
import {
  indexKey,
  pullSecretIn,
  type Stores,
  scansFitting,
  scansMentioning,
  unboundScansOf,
} from '../../state/index.ts';
import type { BindingSettings, Known, Observed, TrivySecretPlace } from './observed.ts';

/** The sources of facts for {@link observe}. */
export interface Sources extends Pick<Known, 'answer' | 'login'> {
  readonly stores: Stores;
  readonly settings: BindingSettings;
}

/**
 * Collects the facts about the binding of a key from the stores. Applies no policy.
 *
 * @param now - milliseconds since the epoch
 */
export function observe(key: string, sources: Sources, now: number): Observed {
  const { stores } = sources;
  const observed = observeBinding(key, sources, now);
  const { binding } = observed;
  return {
    ...observed,
    scans: [...scansOf(key, stores)],
    mentioning: binding?.validity === 'Valid' ? [...scansMentioning(binding, stores)] : [],
    newScan: undefined,
    unboundScans: binding?.validity === 'Valid' ? unboundScansOf(binding, stores) : [],
    temporarySecrets: stores.trivySecrets.byIndex('temporary', key),
    temporaryWrites: stores.temporaryRefusals.get(key),
  };
}

/** Like {@link observe}, without ScheduledScans, Scans and temporary Secrets. */
export function observeBinding(
  key: string,
  sources: Sources,
  now: number,
): Omit<
  Observed,
  'scans' | 'newScan' | 'mentioning' | 'unboundScans' | 'temporarySecrets' | 'temporaryWrites'
> {
  const { stores, settings, answer, login } = sources;
  const { namespace, name } = splitKey(key);
  const binding = stores.bindings.get(key);
  const secrets = binding?.validity === 'Valid' ? binding.imagePullSecrets : [];
  return {
    now,
    settings,
    namespace,
    name,
    binding,
    secrets: secrets.map((secret) => observeSecret(keyOf({ namespace, name: secret }), stores)),
    known: {
      answer,
      login,
      trivySecretPlace: (identity) => observePlace(namespace, identity, stores),
      temporarySecretPlace: (owner) => observeTemporaryPlace(namespace, owner, stores),
      canHold: canHoldIn(namespace, stores),
      source: (scan) => sourceUsed(scan, stores),
      lastRun: (scan) => lastRunOf(scan, stores),
      awaitedScan: (scan) => awaitedScanOf(scan, stores, settings),
      rivals: stores.rivals,
      selection: (rival) => stores.selections.get(rival),
    },
  };
}

function scansOf(key: string, stores: Stores): ReadonlySet<ScheduledScan> {
  const binding = stores.bindings.get(key);
  const fitting = binding?.validity === 'Valid' ? scansFitting(binding, stores) : [];
  return new Set([...fitting, ...stores.scheduledScans.byIndex('binding', key)]);
}

function sourceUsed({ namespace, bound }: ScheduledScan, stores: Stores): string | undefined {
  if (bound?.delivery === undefined) return undefined;
  if (bound.delivery.mounts === 'PullSecret') return bound.delivery.secretName;
  return stores.trivySecrets.get(indexKey({ namespace }, bound.delivery.secretName))?.identity?.source;
}

function lastRunOf(scan: ScheduledScan, stores: Stores): ReturnType<Known['lastRun']> {
  if (scan.bound !== undefined) return undefined;
  return newestRun(stores.runs.byIndex('scheduledScan', indexKey(scan, scan.name)))?.state;
}

function awaitedScanOf(
  scan: ScheduledScan,
  { runs }: Stores,
  { runWaitMs }: BindingSettings,
): ReturnType<Known['awaitedScan']> {
  if (runWaitMs === undefined || scan.bound === undefined || scan.request === undefined) return undefined;
  return awaitedScan(scan, runs.byIndex('scheduledScan', indexKey(scan, scan.name)), runWaitMs);
}

function observeSecret(key: string, stores: Stores): NamedSecret {
  const { name } = splitKey(key);
  const pullSecret = pullSecretIn(stores, key);
  if (pullSecret !== undefined) return observeSource(pullSecret, stores);
  if (stores.trivySecrets.get(key) !== undefined) return { state: 'WrongType', name };
  const other = stores.otherSecrets.get(key);
  if (other === undefined) return { state: 'Missing', name };
  return other.isCredentialSecret ? observeSource(other, stores) : notAnnotated(name);
}

/** The content of a Secret as last read by name. The previous version applies until the new one has been read. */
function observeSource({ namespace, name, uid }: Stored, { sourceSecrets }: Stores): NamedSecret {
  const source = sourceSecrets.get(indexKey({ namespace }, name));
  if (source?.uid !== uid) return { state: 'Unread', name };
  return namedSecret(source);
}

function observePlace(namespace: string, identity: TrivySecretIdentity, stores: Stores): TrivySecretPlace {
  const key = keyOf({ namespace, name: trivySecretName(identity) });
  const secret = stores.trivySecrets.get(key);
  if (secret !== undefined) {
    // If the annotations with the identity are gone, a user has changed the Secret. The controller restores it.
    const isOther = secret.identity !== undefined && !sameIdentity(secret.identity, identity);
    return isOther ? { state: 'Taken' } : { state: 'Ours', secret };
  }
  const other = stores.otherSecrets.get(key);
  // A user has removed the controller's label, but not its annotations.
  if (other?.formerTrivySecret !== undefined && sameIdentity(other.formerTrivySecret.identity, identity)) {
    return { state: 'Ours', secret: other.formerTrivySecret };
  }
  return freeOrTaken(key, stores);
}

/** A Secret of this name with another owner, or without the label, is not the Secret of the Scan. */
function observeTemporaryPlace(namespace: string, owner: SecretOwner, stores: Stores): TrivySecretPlace {
  const key = keyOf({ namespace, name: temporarySecretName(owner) });
  const secret = stores.trivySecrets.get(key);
  if (secret === undefined) return freeOrTaken(key, stores);
  return secret.temporary?.scan.uid === owner.uid ? { state: 'Ours', secret } : { state: 'Taken' };
}

function freeOrTaken(key: string, stores: Stores): TrivySecretPlace {
  const isFree = stores.otherSecrets.get(key) === undefined && pullSecretIn(stores, key) === undefined;
  return { state: isFree ? 'Free' : 'Taken' };
}

/** Scans that existed before an upgrade of the CRD may still be known as they were. */
function canHoldIn(namespace: string, { runs }: Stores): boolean {
  return !runs.isIndexed('cannotHold', namespace) || runs.isIndexed('canHold', namespace);
}
