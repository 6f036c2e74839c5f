import type { Check, KnownAnswer, KnownLogin } from '../../answer/index.ts';
import type { Binding, ValidBinding } from '../../binding/index.ts';
import { type ImageReference, repositoryName } from '../../image/index.ts';
import { keyOf, type Stored, splitKey } from '../../object/index.ts';
import { deliveryOf, NOT_OFFERED, type PlatformCredential } from '../../platform/index.ts';
import type { RivalsUnder } from '../../policy/index.ts';
import {
  type Choice,
  type Credentials,
  choose,
  credentialsOf,
  delivered,
  type Evidence,
  homeOf,
  isAble,
  type Puller,
  precedentOf,
  type Resolution,
  versionOf,
} from '../../policy/index.ts';
import { newestRun, type ScanRun, type ScheduledScan } from '../../scan/index.ts';
import type { NamedSecret } from '../../secret/index.ts';
import {
  type DesiredTrivySecret,
  desiredTrivySecret,
  identityOf,
  type Making,
  sameIdentity,
  type TrivySecret,
  type TrivySecretIdentity,
  trivySecretName,
} from '../../secret/index.ts';
import type { Selection } from '../../state/index.ts';
import { indexKey, pullSecretIn, type Stores, scansServed } from '../../state/index.ts';
import { type Limit, rivalsIn, serverOf, withinLimits } from './contention.ts';
import { nameOf } from './status/index.ts';
import { waitEnd } from './verification/index.ts';

/** What stands under the name of a Trivy secret. */
type Place =
  | { readonly state: 'Free' }
  | { readonly state: 'Ours'; readonly secret: TrivySecret }
  /** Not ours, or ours for another credential. */
  | { readonly state: 'Taken' };

/** A scan and its possible bindings. */
export interface ObservedScan {
  readonly scan: ScheduledScan;
  /** The name of the effective binding, the first in the order of precedence; undefined: no binding fits. */
  readonly server: string | undefined;
  /**
   * Whether the effective binding has a credential and a Secret to deliver it; undefined: it has not been reconciled
   * yet.
   */
  readonly serverIsAble: boolean | undefined;
  /** Whether the binding to which the scan is bound now also fits. */
  readonly holderMayServe: boolean;
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
  /** The limit that keeps the binding from doing all that its spec says; undefined: none. */
  readonly limit: Limit | undefined;
  /** Keys of the bindings that this one waits for, because one of its scans depends on their selections. */
  readonly waitsFor: ReadonlySet<string>;
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
  /** The scans that the controller failed to observe, each with its error. */
  readonly brokenScans: readonly BrokenScan[];
}

/** A scan that cannot be bound because of an error in this program. Other scans are not affected. */
interface BrokenScan {
  readonly scan: ScheduledScan;
  readonly error: unknown;
}

/** What is known of a check; undefined: nothing. Asks nobody. */
type Answers = (check: Check) => KnownAnswer | undefined;

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
  credentials: { secrets: [], candidates: [], more: 0 },
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
  const { binding, limit } = stored === undefined ? NO_BINDING : withinLimits(stored, stores);
  const valid = binding?.validity === 'Valid' ? binding : undefined;
  const chosen = valid === undefined ? NOTHING : observeChoice(valid, sources, now);
  const delivery = valid === undefined ? UNDELIVERED : observeDelivery(valid, chosen, sources, now);
  const itself = { name, valid, choice: chosen.choice, isAble: canBind(chosen.choice, delivery) };
  const { scans, brokenScans } = observeScans(key, itself, sources);
  return {
    ...{ now, scanTypes, checkIntervalMs, namespace, name, binding, limit },
    ...chosen,
    ...delivery,
    ...{ scans, brokenScans },
    waitsFor: new Set(
      scans.filter(waitsForServer).map(({ server = '' }) => keyOf({ namespace, name: server })),
    ),
  };
}

const NO_BINDING = { binding: undefined, limit: undefined };

/** The parts of the observed binding on which its scans depend. */
interface Itself {
  readonly name: string;
  readonly valid: ValidBinding | undefined;
  readonly choice: Choice;
  readonly isAble: boolean;
}

/** An error with one scan does not prevent others from being bound. */
function observeScans(
  key: string,
  itself: Itself,
  sources: Sources,
): Pick<Observed, 'scans' | 'brokenScans'> {
  const { stores } = sources;
  const rivals = rivalsIn(splitKey(key).namespace, stores);
  const scans: ObservedScan[] = [];
  const brokenScans: BrokenScan[] = [];
  for (const scan of scansOf(key, itself.valid, stores)) {
    try {
      scans.push(observeScan(scan, itself, rivals, sources));
    } catch (error) {
      brokenScans.push({ scan, error });
    }
  }
  return { scans, brokenScans };
}

function observeScan(
  scan: ScheduledScan,
  { name, valid, choice, isAble }: Itself,
  rivals: RivalsUnder,
  sources: Sources,
): ObservedScan {
  const { stores, scanTypes } = sources;
  const { server, holderMayServe } = serverOf(scan, rivals, scanTypes);
  const ofServer = server === undefined ? undefined : stores.selections.get(server)?.isAble;
  return {
    scan,
    server: server?.name,
    serverIsAble: server?.name === name ? isAble : ofServer,
    holderMayServe,
    home: valid === undefined ? undefined : observeHome(valid, scan, choice, sources),
    source: sourceUsed(scan, stores),
    lastRun: observeLastRun(scan, stores),
  };
}

/** The selection of a binding that its rivals see, computed from the observation. */
export function selectionOf(observed: Observed): Selection {
  const { binding, choice, trivySecret } = observed;
  const isEnforced = binding?.validity === 'Valid' && binding.mode === 'Enforce';
  return {
    isAble: isEnforced && canBind(choice, observed),
    migrates: observed.limit !== 'ReplacesCycle' && observed.limit !== 'ReplacesTooLong',
    trivySecret: isEnforced ? trivySecret?.desired.name : undefined,
    hasFailed: false,
  };
}

function canBind({ resolution }: Choice, { trivySecret, undeliverable }: Delivered): boolean {
  return isAble(resolution) && undeliverable === undefined && trivySecret?.place.state !== 'Taken';
}

function waitsForServer({ server, serverIsAble }: ObservedScan): boolean {
  return server !== undefined && serverIsAble === undefined;
}

function observeHome(
  binding: ValidBinding,
  { image }: ScheduledScan,
  { resolution }: Choice,
  { answers }: Sources,
): KnownAnswer | undefined {
  if (image === undefined || repositoryName(image) === repositoryName(binding.image)) return undefined;
  return answers(homeCheck(binding, image, resolution));
}

function sourceUsed({ namespace, bound }: ScheduledScan, stores: Stores): string | undefined {
  if (bound?.delivery === undefined) return undefined;
  return stores.trivySecrets.get(indexKey({ namespace }, bound.delivery.secretName))?.identity?.source;
}

function observeLastRun(scan: ScheduledScan, stores: Stores): ObservedScan['lastRun'] {
  if (scan.bound !== undefined) return undefined;
  return newestRun(stores.runs.byIndex('scheduledScan', indexKey(scan, scan.name)))?.state;
}

/** Whether this very manifest is in the binding's home, asked with what scans would use there. */
export function homeCheck(binding: ValidBinding, image: ImageReference, resolution: Resolution): Check {
  return { image: homeOf(binding, image), credential: delivered(resolution)?.credential, exact: true };
}

type Chosen = Pick<Observed, 'credentials' | 'evidence' | 'choice'>;

/** What a binding comes to choose, with what is known now. */
function observeChoice(
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
  const pullSecret = pullSecretIn(stores, key);
  if (pullSecret !== undefined) return observeSource(pullSecret, stores);
  if (stores.trivySecrets.get(key) !== undefined) return { state: 'WrongType', name };
  const other = stores.otherSecrets.get(key);
  if (other === undefined) return { state: 'Missing', name };
  return other.offered ? observeSource(other, stores) : { state: 'NotOffered', name, message: NOT_OFFERED };
}

/** The content of a Secret as last read by name. The previous version counts until the new one has been read. */
function observeSource({ namespace, name, uid }: Stored, { sourceSecrets }: Stores): NamedSecret {
  const source = sourceSecrets.get(indexKey({ namespace }, name));
  if (source?.uid !== uid) return { state: 'Unread', name };
  const { content, resourceVersion } = source;
  switch (content.result) {
    case 'Entries': {
      const { entries, keyring, problems } = content;
      return { state: 'Found', name, uid, resourceVersion, entries, keyring, problems };
    }
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

function scansOf(key: string, binding: ValidBinding | undefined, stores: Stores): ReadonlySet<ScheduledScan> {
  const bound = stores.scheduledScans.byIndex('binding', key);
  return new Set([...(binding === undefined ? [] : scansServed(binding, stores)), ...bound]);
}
