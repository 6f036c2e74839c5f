import { type ImageReference, repositoryName } from '../image/index.ts';
import { splitKey } from '../kube/index.ts';
import { deliveryOf, NOT_OFFERED, type PlatformCredential } from '../platform/index.ts';
import type { KnownAnswer, KnownLogin, Question } from '../registry/index.ts';
import { newestRun, type ScanRun, type ScheduledScan } from '../scan/index.ts';
import type { Binding, ValidBinding } from './binding.ts';
import { waitEnd } from './inquiry.ts';
import { homeOf, isInCycle } from './move.ts';
import type { NamedSecret } from './pull-secret.ts';
import {
  type Choice,
  type Credentials,
  choose,
  credentialsOf,
  delivered,
  type Evidence,
  isAble,
  type Puller,
  precedentOf,
  type Resolution,
  versionOf,
} from './resolve.ts';
import { indexKey, pullSecretIn, repositoryIndex, type Stores } from './stores.ts';
import {
  type DesiredTrivySecret,
  desiredTrivySecret,
  identityOf,
  type Making,
  sameIdentity,
  type TrivySecret,
  type TrivySecretIdentity,
  trivySecretName,
} from './trivy-secret.ts';
import { nameOf } from './verified-finding.ts';

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
  /** Of a scan that names another repository than the binding: whether its manifest is in the binding's; undefined: not known. */
  readonly home: KnownAnswer | undefined;
  /** Name of the pull secret that it uses; undefined: none, or not known. */
  readonly source: string | undefined;
  /** How the newest Scan of one that is not bound stands; undefined: there is none, or the scan is bound. */
  readonly lastRun: ScanRun['state'] | undefined;
}

/** All that `decide` looks at. */
export interface Observed {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly scanTypes: RegExp;
  /** How long an accepted answer holds, in milliseconds. */
  readonly checkIntervalMs: number;
  readonly namespace: string;
  readonly name: string;
  /** undefined: it was deleted. */
  readonly binding: Binding | undefined;
  /** Whether it and others replace each other in a circle; then no scan is moved by them. */
  readonly inCycle: boolean;
  readonly credentials: Credentials;
  /** What status and the registry say of them. */
  readonly evidence: Evidence;
  readonly choice: Choice;
  /** The Secret that hands the credential to Trivy that is selected, or that bound scans go on using; and its place. */
  readonly trivySecret: { readonly desired: DesiredTrivySecret; readonly place: Place } | undefined;
  /** Why what was chosen cannot be handed to Trivy for this registry; undefined: it can. */
  readonly undeliverable: string | undefined;
  /** Scans of its repository, and those that carry its name. */
  readonly scans: readonly ObservedScan[];
  /** Names of the bindings that have no credential to hand out, or no place for it, among rivals for a scan. */
  readonly unable: ReadonlySet<string>;
}

/** What is known of a question; undefined: nothing. Asks nobody. */
export type Answers = (question: Question) => KnownAnswer | undefined;

/** What is known of the login that a cloud gives for a host; undefined: nothing. Asks nobody. */
type KnownLogins = (credential: PlatformCredential, host: string) => KnownLogin | undefined;

/** Where `observe` looks. */
export interface Sources {
  readonly stores: Stores;
  readonly scanTypes: RegExp;
  readonly answers: Answers;
  readonly logins: KnownLogins;
  /** How long an accepted answer holds, in milliseconds. */
  readonly checkIntervalMs: number;
}

const UNDELIVERED: Delivered = { trivySecret: undefined, undeliverable: undefined };

const NOTHING: Chosen = {
  credentials: { secrets: [], candidates: [] },
  evidence: {
    verification: 'Never',
    inUse: undefined,
    told: undefined,
    waitedOut: false,
    answers: new Map(),
  },
  choice: { resolution: { result: 'NoneNeeded', verdict: { verdict: 'Disabled' } }, restsOn: [] },
};

/** Gathers what there is to know about the binding of this key; reads stores and remembered answers, nothing else. */
export function observe(key: string, sources: Sources, now: number): Observed {
  const { stores, scanTypes, checkIntervalMs } = sources;
  const { namespace, name } = splitKey(key);
  const stored = stores.bindings.get(key);
  const binding = stored === undefined ? undefined : withoutCycle(stored, stores);
  const valid = binding?.validity === 'Valid' ? binding : undefined;
  const chosen = valid === undefined ? NOTHING : observeChoice(valid, sources, now);
  const scans = observeScans(key, stored, stores).map(
    (one): ObservedScan => ({
      ...one,
      home: valid === undefined ? undefined : observeHome(valid, one.scan, chosen.choice, sources),
      source: observeSource(one.scan, stores),
      lastRun: observeLastRun(one.scan, stores),
    }),
  );
  return {
    now,
    scanTypes,
    checkIntervalMs,
    namespace,
    name,
    binding,
    inCycle: binding !== stored,
    ...chosen,
    ...(valid === undefined ? UNDELIVERED : observeDelivery(valid, chosen, sources, now)),
    scans,
    unable: observeUnable(scans, sources, now),
  };
}

/** The binding, without what it replaces where that leads around in a circle. */
function withoutCycle(binding: Binding, stores: Stores): Binding {
  if (binding.validity !== 'Valid' || binding.replaces.length === 0) return binding;
  const bindingsOf = (repository: string) =>
    stores.bindings.byIndex('repository', indexKey(binding, repository));
  return isInCycle(binding, bindingsOf) ? { ...binding, replaces: [] } : binding;
}

function observeHome(
  binding: ValidBinding,
  { image }: ScheduledScan,
  { resolution }: Choice,
  { answers }: Sources,
): KnownAnswer | undefined {
  if (image === undefined || repositoryName(image) === repositoryName(binding.image)) return undefined;
  return answers(homeQuestion(binding, image, resolution));
}

function observeSource({ namespace, bound }: ScheduledScan, stores: Stores): string | undefined {
  if (bound?.delivery === undefined) return undefined;
  return stores.trivySecrets.get(indexKey({ namespace }, bound.delivery.secretName))?.identity?.source;
}

function observeLastRun(scan: ScheduledScan, stores: Stores): ObservedScan['lastRun'] {
  if (scan.bound !== undefined) return undefined;
  return newestRun(stores.runs.byIndex('scheduledScan', indexKey(scan, scan.name)))?.state;
}

/** Whether this very manifest is in the binding's home, asked with what scans would use there. */
export function homeQuestion(binding: ValidBinding, image: ImageReference, resolution: Resolution): Question {
  return { image: homeOf(binding, image), credential: delivered(resolution)?.credential, exact: true };
}

type Chosen = Pick<Observed, 'credentials' | 'evidence' | 'choice'>;

/** What a binding comes to choose, with what is known now. */
export function observeChoice(
  binding: ValidBinding,
  { stores, answers }: Pick<Sources, 'stores' | 'answers'>,
  now: number,
): Chosen {
  const credentials = observeCredentials(binding, stores);
  const { verification } = binding;
  const evidence: Evidence = {
    verification,
    ...precedentOf(binding, credentials),
    waitedOut: verification === 'Preferred' && waitEnd(binding, now) <= now,
    answers: observeAnswers(binding, credentials, answers),
  };
  return { credentials, evidence, choice: choose(credentials, evidence) };
}

function observeAnswers(
  { image, verification }: ValidBinding,
  { candidates }: Credentials,
  answers: Answers,
): Evidence['answers'] {
  const known = new Map<Puller, KnownAnswer>();
  if (verification === 'Never') return known;
  for (const puller of [...candidates, undefined]) {
    const answer = answers({ image, credential: puller?.credential });
    if (answer !== undefined) known.set(puller, answer);
  }
  return known;
}

/** What the secrets of a binding hold for it. */
function observeCredentials(binding: ValidBinding, stores: Stores): Credentials {
  const secrets = binding.imagePullSecrets.map((name) => observeSecret(indexKey(binding, name), stores));
  return credentialsOf(binding, secrets);
}

function observeSecret(key: string, stores: Stores): NamedSecret {
  const { name } = splitKey(key);
  const secret = pullSecretIn(stores, key);
  if (secret === undefined) {
    const isOurs = stores.trivySecrets.get(key) !== undefined;
    return isOurs ? { state: 'WrongType', name } : observeOther(key, stores);
  }
  const { content, uid, resourceVersion } = secret;
  if (content.result === 'Malformed') return { state: 'Malformed', name, message: content.message };
  const { entries, keyring, problems } = content;
  return { state: 'Found', name, uid, resourceVersion, entries, keyring, problems };
}

/** A Secret that is no pull secret: what is known of it is known when it has been read, by name. */
function observeOther(key: string, stores: Stores): NamedSecret {
  const { name } = splitKey(key);
  const other = stores.otherSecrets.get(key);
  if (other === undefined) return { state: 'Missing', name };
  if (!other.offered) return { state: 'NotOffered', name, message: NOT_OFFERED };
  const secret = stores.offeredSecrets.get(key);
  if (secret === undefined) return { state: 'Unread', name };
  const { content, uid, resourceVersion } = secret;
  switch (content.result) {
    case 'Offered': {
      const entries = content.hosts.map((registryKey) => ({ registryKey }));
      return { state: 'Found', name, uid, resourceVersion, entries, keyring: content.keyring, problems: [] };
    }
    case 'Unknown':
      return { state: 'WrongType', name };
    default:
      return { state: content.result, name, message: content.message };
  }
}

type Delivered = Pick<Observed, 'trivySecret' | 'undeliverable'>;

/** What Trivy is to be handed of what was chosen. */
function observeDelivery(
  binding: ValidBinding,
  { credentials, choice }: Pick<Chosen, 'credentials' | 'choice'>,
  { stores, logins }: Pick<Sources, 'stores' | 'logins'>,
  now: number,
): Delivered {
  const candidate = delivered(choice.resolution);
  if (candidate === undefined) return { trivySecret: undefined, undeliverable: undefined };
  const { host } = binding.image;
  const way = deliveryOf(candidate.credential, host);
  if (way.result === 'Undeliverable')
    return { trivySecret: undefined, undeliverable: `${nameOf(candidate)}: ${way.message}` };
  const identity = identityOf(candidate, host);
  const place = observePlace(indexKey(binding, trivySecretName(identity)), identity, stores);
  const login = {
    host,
    source: versionOf(candidate, credentials) ?? '',
    present: place.state === 'Ours' ? place.secret : undefined,
    known: candidate.credential.kind === 'platform' ? logins(candidate.credential, host) : undefined,
    now,
  };
  const making: Making = way.result === 'Handover' ? way : { ...login, result: 'Login', env: way.env };
  const desired = desiredTrivySecret(binding.namespace, identity, making);
  return { trivySecret: { desired, place }, undeliverable: undefined };
}

function observePlace(key: string, desired: TrivySecretIdentity, stores: Stores): Place {
  const secret = stores.trivySecrets.get(key);
  if (secret !== undefined) {
    // Without an identity somebody has changed it: that is put right.
    const another = secret.identity !== undefined && !sameIdentity(secret.identity, desired);
    return another ? { state: 'Taken' } : { state: 'Ours', secret };
  }
  const other = stores.otherSecrets.get(key);
  // Somebody took our label off, and left what it was made from.
  if (other?.ours !== undefined && sameIdentity(other.ours.identity, desired)) {
    return { state: 'Ours', secret: other.ours };
  }
  const free = other === undefined && pullSecretIn(stores, key) === undefined;
  return { state: free ? 'Free' : 'Taken' };
}

function observeScans(
  key: string,
  binding: Binding | undefined,
  stores: Stores,
): readonly Pick<ObservedScan, 'scan' | 'bindings'>[] {
  const repository = binding === undefined ? [] : repositoryIndex(binding);
  const scans = new Set([
    ...repository.flatMap((index) => stores.scheduledScans.byIndex('repository', index)),
    ...stores.scheduledScans.byIndex('binding', key),
  ]);
  const bindings = new Map<string, readonly Binding[]>();
  return [...scans].map((scan) => {
    const [index = ''] = repositoryIndex(scan);
    const known =
      bindings.get(index) ??
      stores.bindings.byIndex('repository', index).map((one) => withoutCycle(one, stores));
    bindings.set(index, known);
    return { scan, bindings: known };
  });
}

function observeUnable(scans: readonly ObservedScan[], sources: Sources, now: number): ReadonlySet<string> {
  // A binding without a rival answers for its scan, able or not.
  const rivals = new Set(
    scans.filter(({ bindings }) => bindings.length > 1).flatMap(({ bindings }) => bindings),
  );
  const unable = [...rivals].filter(
    (binding) => binding.validity === 'Valid' && isUnable(binding, sources, now),
  );
  return new Set(unable.map(({ name }) => name));
}

function isUnable(binding: ValidBinding, sources: Sources, now: number): boolean {
  const chosen = observeChoice(binding, sources, now);
  if (!isAble(chosen.choice.resolution)) return true;
  const { trivySecret, undeliverable } = observeDelivery(binding, chosen, sources, now);
  return undeliverable !== undefined || trivySecret?.place.state === 'Taken';
}
