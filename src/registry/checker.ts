import { createHmac, randomBytes } from 'node:crypto';
import type { KnownAnswer, KnownLogin, Question } from '../answer/index.ts';
import { isLocal, type RegistryAnswer } from '../answer/index.ts';
import { FairLimiter, SharedWork } from '../concurrency/index.ts';
import type { Credential } from '../credential/index.ts';
import { formatReference, repositoryName } from '../image/index.ts';
import {
  checkOf,
  endOf,
  exchangeOf,
  type PlatformCredential,
  type SourceCredential,
} from '../platform/index.ts';
import { askRegistry } from './check.ts';
import { forbiddenBy } from './host.ts';
import {
  checkProxySettings,
  INTERNAL_ERROR,
  Lookups,
  type RegistryRequestRecord,
  type Resolver,
  type Surroundings,
  trust,
} from './http/index.ts';
import { INTERNAL_LOGIN_ERROR, Logins, type WantedLogin } from './login/index.ts';
import { Memory } from './memory.ts';
import { Recent } from './recent.ts';
import type { RegistrySettings } from './settings.ts';

export interface CheckerOptions {
  readonly settings: RegistrySettings;
  /** For metrics: called for each HTTP request. */
  readonly onRequest?: (record: RegistryRequestRecord) => void;
  /**
   * Called with an unexpected error. Only the check in which it occurred ends, with `InternalError`. The message of the
   * error may contain anything, even a secret.
   */
  readonly onError?: (error: unknown) => void;
  /** Stands for the system's in tests. */
  readonly resolver?: Resolver;
}

/**
 * A registry that is not contacted until a time, or not with one credential, and the answer that callers get until
 * then.
 */
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
 * answers are per credential and repository, except those to exact questions. Credentials are kept nowhere: the memory
 * knows them by a keyed hash whose key ends with the process. A registry's tokens are not kept either: an answer lives
 * longer than they do.
 *
 * Namespaces share answers that say something about the registry, but no question under way: it may have to wait for
 * look-ups of its namespace. So as many as `concurrencyPerRegistry` namespaces may ask the same at the same time. Each
 * namespace has a share of the questions under way and of the memory, so that the backlog of one delays no other, and
 * does not push out its answers.
 */
export class RegistryChecker {
  readonly #around: Surroundings;
  readonly #stop = new AbortController();
  readonly #hashKey = randomBytes(32);
  /** A credential does not change; a hash is 20 times as slow as this. */
  readonly #fingerprints = new WeakMap<SourceCredential, string>();
  readonly #answers: Memory<KnownAnswer>;
  /** Unexpected errors that came up before there was a key to remember an answer by. By credential, or by question. */
  readonly #broken = new WeakMap<object, Age>();
  readonly #limiter: FairLimiter;
  readonly #checks: SharedWork<KnownAnswer>;
  readonly #loginChecks: SharedWork<KnownLogin>;
  /** By host, or by host and credential: see `#restKey`. */
  readonly #rests = new Recent<Rest>(REMEMBERED_RESTS);
  readonly #logins: Logins;

  /** @throws Error where the certificates or the proxies of the settings cannot be used. */
  constructor({
    settings,
    onRequest = () => undefined,
    onError = () => undefined,
    resolver,
  }: CheckerOptions) {
    checkProxySettings(settings.proxy);
    const secureContext = trust(settings.certificateAuthorities);
    const lookups = new Lookups(settings, resolver);
    this.#around = { settings, secureContext, stop: this.#stop.signal, onRequest, onError, lookups };
    this.#answers = new Memory(settings.rememberedAnswers);
    const { concurrency: places, concurrencyPerRegistry: placesPerTarget } = settings;
    this.#limiter = new FairLimiter({
      places,
      share: Math.ceil(places / 4),
      placesPerTarget,
      sharePerTarget: Math.ceil(placesPerTarget / 2),
    });
    this.#checks = new SharedWork(this.#limiter);
    this.#loginChecks = new SharedWork(this.#limiter);
    this.#logins = new Logins(this.#around, (credential, host) => `${host} ${this.#fingerprint(credential)}`);
  }

  /**
   * What is known, perhaps no longer fresh (`askAgainAt`); undefined where nothing is. Asks nobody, and never throws.
   *
   * @param namespace - who wants to know it
   */
  answer(question: Question, namespace: string): KnownAnswer | undefined {
    const broken = this.#broken.get(question.credential ?? question);
    if (isFresh(broken)) return withHistory({ answer: INTERNAL_ERROR, ...broken }, question, undefined);
    try {
      return immediateAnswer(question) ?? this.#answers.get(this.#key(question), namespace);
    } catch (error) {
      return this.#internalError(question, error);
    }
  }

  /**
   * Asks the registry, unless what is known is fresh, the question is under way for this namespace, the registry is to be
   * left alone, or the credential says itself that it has ended, or that nobody but Trivy can use it.
   * Never rejects: an unexpected error becomes an answer, too.
   *
   * @param namespace - the namespace whose share of the concurrency this check uses
   */
  async ask(question: Question, namespace: string): Promise<KnownAnswer> {
    const known = this.answer(question, namespace);
    if (isFresh(known)) return known;
    try {
      return await this.#ask(question, namespace);
    } catch (error) {
      return this.#internalError(question, error);
    }
  }

  /**
   * Takes over what somebody else has kept of an answer to this very credential, such as a binding's status from
   * before a restart. Known answers are not changed. A time in the future counts as now.
   *
   * @param namespace - the namespace whose share of the memory it uses
   */
  recall(
    question: Question,
    { answer, askedAt }: Pick<KnownAnswer, 'answer' | 'askedAt'>,
    namespace: string,
  ): void {
    if (!Number.isFinite(askedAt) || this.answer(question, namespace) !== undefined) return;
    const dated = this.#dated(answer, Math.min(askedAt, Date.now()));
    this.#answers.keep(this.#key(question), withHistory(dated, question, undefined), namespace);
  }

  /**
   * What is known of a login that the cloud gives for a host, perhaps no longer fresh; undefined: nothing. Asks nobody, and
   * never throws.
   *
   * @param namespace - who wants to know it
   */
  login(credential: PlatformCredential, host: string, namespace: string): KnownLogin | undefined {
    const by = forbiddenBy(host, this.#around.settings);
    if (by !== undefined)
      return { answer: { result: 'NotAllowed', by }, askedAt: 0, askAgainAt: Number.POSITIVE_INFINITY };
    const broken = this.#broken.get(credential);
    if (isFresh(broken)) return { answer: INTERNAL_LOGIN_ERROR, ...broken };
    try {
      return this.#logins.known(credential, host, namespace);
    } catch (error) {
      return this.#internalLoginError(credential, error);
    }
  }

  /**
   * Requests a login for this host from the cloud, unless the known login is fresh or the settings forbid the registry.
   * Never rejects, because an unexpected error becomes an answer, too.
   *
   * @param namespace - as in `ask`
   * @returns undefined if no cloud issues logins for this credential
   */
  async obtainLogin(
    credential: PlatformCredential,
    host: string,
    namespace: string,
  ): Promise<KnownLogin | undefined> {
    const known = this.login(credential, host, namespace);
    if (isFresh(known)) return known;
    try {
      const exchange = exchangeOf(credential, host);
      if (exchange === undefined) return undefined;
      const key = `${namespace} ${host} ${this.#fingerprint(credential)}`;
      const obtain = () => this.#logins.obtain({ credential, host, exchange }, namespace);
      return await this.#loginChecks.run({ group: namespace, target: host }, key, obtain);
    } catch (error) {
      return this.#internalLoginError(credential, error);
    }
  }

  /** Cuts off what is under way; every `ask` then resolves, at once, with `Stopped`. */
  close(): void {
    this.#stop.abort();
  }

  async #ask(question: Question, namespace: string): Promise<KnownAnswer> {
    const key = this.#key(question);
    const { host } = question.image;
    const by = forbiddenBy(host, this.#around.settings);
    const dated =
      by === undefined ? this.#resting(question) : this.#dated({ result: 'NotAllowed', by }, Date.now());
    if (dated !== undefined) return this.#keep(question, dated, namespace);
    return this.#checks.run({ group: namespace, target: host }, `${namespace} ${key}`, async () => {
      // Another namespace may have asked the same, while this one waited for a place.
      const known = this.#answers.get(key, namespace);
      if (isFresh(known)) return known;
      const found = this.#resting(question) ?? (await this.#askUnbroken(question, namespace));
      return this.#keep(question, found, namespace);
    });
  }

  #keep(question: Question, found: Dated, namespace: string): KnownAnswer {
    const key = this.#key(question);
    return this.#answers.keep(
      key,
      withHistory(found, question, this.#answers.get(key, namespace)),
      namespace,
    );
  }

  /** The answer while the registry is not contacted, or not with this credential. */
  #resting({ image, credential }: Question): Dated | undefined {
    const keys = [image.host, this.#restKey(image.host, credential)];
    const rest = keys
      .map((key) => this.#rests.get(key))
      .find((each) => each !== undefined && each.until > Date.now());
    return rest && resting(rest);
  }

  #restKey(host: string, credential: SourceCredential | undefined): string {
    return `${host} ${credential === undefined ? '' : this.#fingerprint(credential)}`;
  }

  async #askUnbroken(question: Question, namespace: string): Promise<Dated> {
    try {
      return await this.#askOnTheWay(question, namespace);
    } catch (error) {
      this.#around.onError(error);
      return this.#dated(INTERNAL_ERROR, Date.now());
    }
  }

  async #askOnTheWay(question: Question, namespace: string): Promise<Dated> {
    const { image, credential } = question;
    const check = credential === undefined ? undefined : checkOf(credential, image.host);
    if (credential?.kind === 'platform' && check?.way === 'Exchange') {
      const { exchange } = check;
      return this.#askWithLogin(question, { credential, host: image.host, exchange }, namespace);
    }
    const login = check?.way === 'Login' ? check.credential : undefined;
    return this.#askRegistry(question, login, namespace);
  }

  async #askWithLogin(question: Question, wanted: WantedLogin, namespace: string): Promise<Dated> {
    const { answer, askedAt, askAgainAt } = await this.#logins.obtain(wanted, namespace);
    // Nothing that a cloud says is a reason to leave the registry alone.
    if (answer.result !== 'Login') return { answer, askedAt, askAgainAt };
    const dated = await this.#askRegistry(question, answer.credential, namespace);
    if (dated.answer.result === 'Denied') this.#logins.forget(wanted.credential, wanted.host);
    return dated;
  }

  async #askRegistry(question: Question, login: Credential | undefined, namespace: string): Promise<Dated> {
    const { image, credential, exact } = question;
    const askedAt = Date.now();
    const answer = await askRegistry({ ...question, credential: login }, this.#around, namespace);
    const dated = this.#dated(answer, askedAt, exact);
    if (answer.result === 'RateLimited') {
      const begun = { answer, askedAt, until: answer.until };
      const key = answer.at === 'ping' ? image.host : this.#restKey(image.host, credential);
      this.#rests.set(key, begun, namespace);
      return resting(begun);
    }
    if (isOutOfReach(answer))
      this.#rests.set(image.host, { answer, askedAt, until: dated.askAgainAt }, namespace);
    else if (!isLocal(answer) && this.#rests.get(image.host)?.answer.result === 'Unreachable')
      this.#rests.delete(image.host);
    return dated;
  }

  #internalError(question: Question, error: unknown): KnownAnswer {
    const age = this.#break(question.credential ?? question, error);
    return withHistory({ answer: INTERNAL_ERROR, ...age }, question, undefined);
  }

  #internalLoginError(credential: PlatformCredential, error: unknown): KnownLogin {
    return { answer: INTERNAL_LOGIN_ERROR, ...this.#break(credential, error) };
  }

  #break(owner: object, error: unknown): Age {
    this.#around.onError(error);
    const { askedAt, askAgainAt } = this.#dated(INTERNAL_ERROR, Date.now());
    this.#broken.set(owner, { askedAt, askAgainAt });
    return { askedAt, askAgainAt };
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
type Age = Omit<Dated, 'answer'>;

function isFresh<Known extends Pick<Age, 'askAgainAt'>>(known: Known | undefined): known is Known {
  return known !== undefined && known.askAgainAt > Date.now();
}

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
  return unasked && !isLocal(answer);
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
