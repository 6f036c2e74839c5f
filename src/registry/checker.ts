import { createHmac, randomBytes } from 'node:crypto';
import type { Credential } from '../credential/index.ts';
import { formatReference, repositoryName } from '../image/index.ts';
import {
  checkOf,
  type Exchange,
  endOf,
  exchangeOf,
  type PlatformCredential,
  type SourceCredential,
} from '../platform/index.ts';
import type { RegistryAnswer } from './answer.ts';
import { type RequestRecord, type Surroundings, trust } from './connection.ts';
import { forbiddenBy } from './host.ts';
import { type KnownLogin, Logins } from './logins.ts';
import { checkProxySettings } from './proxy.ts';
import { askRegistry, type Question } from './question.ts';
import { Recent } from './recent.ts';
import { Semaphore } from './semaphore.ts';
import type { RegistrySettings } from './settings.ts';

/** An answer, and how long it holds. Times are in milliseconds since 1970. */
export interface KnownAnswer {
  readonly answer: RegistryAnswer;
  readonly askedAt: number;
  /** From then on `ask` asks the registry again. */
  readonly askAgainAt: number;
  /**
   * When the registry last accepted the credential (Pullable, Allowed), if nothing since says otherwise: a refusal
   * ends it; an answer that proves nothing does not.
   */
  readonly acceptedAt: number | undefined;
  /** The tag or digest that was asked about; undefined: none was named. */
  readonly version: string | undefined;
}

export interface CheckerOptions {
  readonly settings: RegistrySettings;
  /** For metrics: called for each HTTP request. */
  readonly onRequest?: (record: RequestRecord) => void;
}

/** A registry that is left alone until a time, and what everybody who asks about it hears meanwhile. */
interface Rest {
  readonly answer: RegistryAnswer;
  readonly askedAt: number;
  readonly until: number;
}

/** Times to live are shortened by up to this part at random, so that what was asked together does not come back together. */
const JITTER = 0.1;
const REMEMBERED_RESTS = 1_000;

/**
 * Asks registries whether a credential may pull an image, and remembers what they said.
 *
 * Made for a level-triggered reconciler: `answer` says at once what is known, so that a pure function can decide on it;
 * `ask` is called for what that finds wanting, and the key of whoever asked is enqueued again when it resolves. All
 * answers are per credential and repository, but for those to exact questions. Credentials are kept nowhere: the memory knows them by a keyed hash whose key
 * ends with the process. Nor are a registry's tokens: an answer lives longer than they do.
 */
export class RegistryChecker {
  readonly #around: Surroundings;
  readonly #stop = new AbortController();
  readonly #hashKey = randomBytes(32);
  /** A credential does not change; a hash is 20 times as slow as this. */
  readonly #fingerprints = new WeakMap<SourceCredential, string>();
  readonly #answers: Recent<KnownAnswer>;
  readonly #flights = new Map<string, Promise<KnownAnswer>>();
  readonly #all: Semaphore;
  /** Of registries that are being asked. */
  readonly #places = new Map<string, Semaphore>();
  readonly #rests = new Recent<Rest>(REMEMBERED_RESTS);
  readonly #logins: Logins;

  /** @throws Error where the certificates or the proxies of the settings cannot be used. */
  constructor({ settings, onRequest = () => undefined }: CheckerOptions) {
    checkProxySettings(settings.proxy);
    const secureContext = trust(settings.certificateAuthorities);
    this.#around = { settings, secureContext, stop: this.#stop.signal, onRequest };
    this.#answers = new Recent(settings.rememberedAnswers);
    this.#all = new Semaphore(settings.concurrency);
    this.#logins = new Logins(this.#around, (credential, host) => `${host} ${this.#fingerprint(credential)}`);
  }

  /** What is known, perhaps no longer fresh (`askAgainAt`); undefined where nothing is. Asks nobody. */
  answer(question: Question): KnownAnswer | undefined {
    return immediateAnswer(question) ?? this.#answers.get(this.#key(question));
  }

  /**
   * Asks the registry, unless what is known is fresh, the question is under way, the registry is to be left alone, or the
   * credential says itself that it has ended, or that nobody but Trivy can use it.
   * Never rejects.
   */
  ask(question: Question): Promise<KnownAnswer> {
    const immediate = immediateAnswer(question);
    if (immediate !== undefined) return Promise.resolve(immediate);
    const key = this.#key(question);
    const known = this.#answers.get(key);
    if (known !== undefined && known.askAgainAt > Date.now()) return Promise.resolve(known);
    const underWay = this.#flights.get(key);
    if (underWay !== undefined) return underWay;
    const flight: Promise<KnownAnswer> = this.#askInTurn(question).then((found) => {
      const kept = withHistory(found, question, this.#answers.get(key));
      // One that was forgotten meanwhile is not kept: whoever forgot it wants another.
      if (this.#flights.get(key) === flight) {
        this.#flights.delete(key);
        this.#answers.set(key, kept);
      }
      return kept;
    });
    this.#flights.set(key, flight);
    return flight;
  }

  /**
   * Takes over what somebody else has kept of an answer to this very credential, such as a binding's status from
   * before a restart. What is known already is not touched.
   */
  recall(question: Question, answer: RegistryAnswer, askedAt: number): void {
    const key = this.#key(question);
    if (this.#answers.get(key) !== undefined) return;
    this.#answers.set(key, withHistory(this.#dated(answer, askedAt), question, undefined));
  }

  /** Makes the next `ask` ask the registry, also where it was out of reach a moment ago; a `Retry-After` still holds. */
  forget(question: Question): void {
    const key = this.#key(question);
    this.#answers.delete(key);
    this.#flights.delete(key);
    const { host } = question.image;
    if (this.#rests.get(host)?.answer.result !== 'RateLimited') this.#rests.delete(host);
  }

  /** What is known of a login that the cloud gives for a host, perhaps no longer fresh; undefined: nothing. Asks nobody. */
  login(credential: PlatformCredential, host: string): KnownLogin | undefined {
    const by = forbiddenBy(host, this.#around.settings);
    if (by === undefined) return this.#logins.known(credential, host);
    return { answer: { result: 'NotAllowed', by }, askedAt: 0, askAgainAt: Number.POSITIVE_INFINITY };
  }

  /** Asks the cloud for a login for this host, unless what is known is fresh, or the settings forbid the registry. Never rejects. */
  async obtainLogin(credential: PlatformCredential, host: string): Promise<KnownLogin | undefined> {
    const exchange = exchangeOf(credential, host);
    if (exchange === undefined) return undefined;
    const known = this.login(credential, host);
    if (known?.answer.result === 'NotAllowed') return known;
    return this.#inTurn(host, () => this.#logins.obtain(credential, host, exchange));
  }

  /** Cuts off what is under way; every `ask` then resolves, at once, with `Stopped`. */
  close(): void {
    this.#stop.abort();
  }

  async #askInTurn(question: Question): Promise<Dated> {
    const { host } = question.image;
    const by = forbiddenBy(host, this.#around.settings);
    if (by !== undefined) return this.#dated({ result: 'NotAllowed', by }, Date.now());
    return this.#inTurn(host, () => this.#askUnlessResting(question));
  }

  async #inTurn<T>(host: string, work: () => Promise<T>): Promise<T> {
    const places = this.#places.get(host) ?? new Semaphore(this.#around.settings.concurrencyPerRegistry);
    this.#places.set(host, places);
    try {
      return await places.run(() => this.#all.run(work));
    } finally {
      if (places.idle) this.#places.delete(host);
    }
  }

  async #askUnlessResting(question: Question): Promise<Dated> {
    const { image, credential } = question;
    const rest = this.#rests.get(image.host);
    if (rest !== undefined && rest.until > Date.now()) return resting(rest);
    const check = credential === undefined ? undefined : checkOf(credential, image.host);
    if (credential?.kind === 'platform' && check?.way === 'Exchange')
      return this.#askWithLogin(question, credential, check.exchange);
    const login = check?.way === 'Login' ? check.credential : undefined;
    return this.#askRegistry(question, login);
  }

  async #askWithLogin(
    question: Question,
    credential: PlatformCredential,
    exchange: Exchange,
  ): Promise<Dated> {
    const { host } = question.image;
    const { answer, askedAt, askAgainAt } = await this.#logins.obtain(credential, host, exchange);
    // Nothing that a cloud says is a reason to leave the registry alone.
    if (answer.result !== 'Login') return { answer, askedAt, askAgainAt };
    const dated = await this.#askRegistry(question, answer.credential);
    if (dated.answer.result === 'Denied') this.#logins.forget(credential, host);
    return dated;
  }

  async #askRegistry(question: Question, credential: Credential | undefined): Promise<Dated> {
    const { host } = question.image;
    const askedAt = Date.now();
    const answer = await askRegistry({ ...question, credential }, this.#around);
    const dated = this.#dated(answer, askedAt, question.exact);
    if (answer.result === 'RateLimited') {
      const begun = { answer, askedAt, until: answer.until };
      this.#rests.set(host, begun);
      return resting(begun);
    }
    if (isOutOfReach(answer)) this.#rests.set(host, { answer, askedAt, until: dated.askAgainAt });
    else this.#rests.delete(host);
    return dated;
  }

  #dated(answer: RegistryAnswer, askedAt: number, exact = false): Dated {
    const timeToLive = this.#timeToLive(answer, exact);
    return { answer, askedAt, askAgainAt: askedAt + timeToLive * (1 - JITTER * Math.random()) };
  }

  #timeToLive(answer: RegistryAnswer, exact: boolean): number {
    const { acceptedTtl, refusedTtl, unreachableTtl } = this.#around.settings;
    switch (answer.result) {
      case 'Pullable':
        return acceptedTtl;
      // What is not there may be pushed soon.
      case 'Allowed':
        return exact ? unreachableTtl : acceptedTtl;
      case 'Denied':
      case 'Expired':
      case 'Inconclusive':
      case 'NotAllowed':
      case 'NotCheckable':
        return refusedTtl;
      case 'Unreachable':
      case 'RateLimited':
        return unreachableTtl;
    }
  }

  /** Without the tag or digest, unless that is the question: whether a credential may pull is a matter of the repository. */
  #key({ image, credential, exact = false }: Question): string {
    const what = exact ? formatReference(image) : repositoryName(image);
    return `${what} ${exact} ${credential === undefined ? '' : this.#fingerprint(credential)}`;
  }

  #fingerprint(credential: SourceCredential): string {
    const known = this.#fingerprints.get(credential);
    if (known !== undefined) return known;
    const hash = createHmac('sha256', this.#hashKey).update(JSON.stringify(revealed(credential)));
    const fingerprint = hash.digest('base64');
    this.#fingerprints.set(credential, fingerprint);
    return fingerprint;
  }
}

type Dated = Omit<KnownAnswer, 'acceptedAt' | 'version'>;

function resting({ answer, askedAt, until }: Rest): Dated {
  return { answer, askedAt, askAgainAt: until + (until - askedAt) * JITTER * Math.random() };
}

function withHistory(
  found: Dated,
  { image: { tag, digest } }: Question,
  before: KnownAnswer | undefined,
): KnownAnswer {
  const version = digest ?? tag;
  switch (found.answer.result) {
    case 'Pullable':
    case 'Allowed':
      return { ...found, version, acceptedAt: found.askedAt };
    case 'Denied':
      return { ...found, version, acceptedAt: undefined };
    default:
      return { ...found, version, acceptedAt: before?.acceptedAt };
  }
}

/** Whether the registry could not be spoken to at all, whatever the question. */
function isOutOfReach(answer: RegistryAnswer): boolean {
  const unasked = answer.result === 'Unreachable' && answer.at === 'ping' && answer.httpCode === undefined;
  return unasked && answer.why !== 'Stopped';
}

function revealed(credential: SourceCredential): readonly string[] {
  switch (credential.kind) {
    case 'platform':
      return ['platform', credential.identity.reveal()];
    case 'basic':
      return ['basic', credential.username.reveal(), credential.password.reveal()];
    case 'identityToken':
      return ['identityToken', credential.token.reveal()];
    case 'registryToken':
      return ['registryToken', credential.token.reveal()];
  }
}

/** What needs no question: a credential that has ended, for it does not change, and one that nobody but Trivy can use. */
function immediateAnswer({ image, credential }: Question): KnownAnswer | undefined {
  if (credential === undefined) return undefined;
  const version = image.digest ?? image.tag;
  const lasting = { askAgainAt: Number.POSITIVE_INFINITY, acceptedAt: undefined, version };
  const ended = endOf(credential);
  if (ended !== undefined && ended <= Date.now())
    return { ...lasting, answer: { result: 'Expired', ended }, askedAt: ended };
  if (checkOf(credential, image.host).way !== 'NotCheckable') return undefined;
  return { ...lasting, answer: { result: 'NotCheckable' }, askedAt: 0 };
}
