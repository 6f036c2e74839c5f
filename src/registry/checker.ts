import type { Check, KnownAnswer, KnownLogin } from '../answer/index.ts';
import { FairLimiter, SharedWork } from '../concurrency/index.ts';
import type { Credential } from '../credential/index.ts';
import { formatReference, repositoryName } from '../image/index.ts';
import { checkOf, exchangeOf, expirationOf, type PlatformCredential } from '../platform/index.ts';
import { checkRegistry } from './check.ts';
import { type Age, type DatedAnswer, dated, isFresh, withHistory } from './dated-answer.ts';
import { Fingerprints } from './fingerprints.ts';
import { forbiddenBy } from './host.ts';
import {
  type CheckContext,
  checkProxySettings,
  INTERNAL_ERROR,
  Lookups,
  type RegistryRequestRecord,
  type Resolver,
  trust,
} from './http/index.ts';
import { INTERNAL_LOGIN_ERROR, Logins, type WantedLogin } from './login/index.ts';
import { Memory } from './memory.ts';
import { Pauses } from './pauses.ts';
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
  /** Replaces the resolver of the system in tests. */
  readonly resolver?: Resolver;
}

/**
 * Checks with registries whether a credential may pull an image, and remembers the answers.
 *
 * Designed for a level-triggered reconciler. `answer` immediately returns the known answer, so that a pure function can use
 * it. The reconciler calls `check` for what is missing, and requeues its key when `check` resolves. An answer applies
 * to a credential and a repository, unless the check is exact: then it applies to one tag or digest. The checker stores no
 * credentials: the memory identifies them by a keyed hash whose key exists only in this process. The checker does not store
 * the tokens of registries either, because an answer is valid for longer than a token.
 *
 * Namespaces share answers that say something about the registry, but no running check, because a check may have to wait
 * for the look-ups of its namespace. So up to `concurrencyPerRegistry` namespaces may run the same check at the same time.
 * Each namespace has a share of the running checks and of the memory, so that the backlog of one namespace does not delay
 * another, and does not evict its answers.
 */
export class RegistryChecker {
  readonly #context: CheckContext;
  readonly #stop = new AbortController();
  readonly #fingerprints = new Fingerprints();
  readonly #answers: Memory<KnownAnswer>;
  /** Unexpected errors that occurred before the key of the answer was known. By credential, or by check. */
  readonly #broken = new WeakMap<object, Age>();
  readonly #limiter: FairLimiter;
  readonly #checks: SharedWork<KnownAnswer>;
  readonly #loginChecks: SharedWork<KnownLogin>;
  readonly #pauses = new Pauses(this.#fingerprints);
  readonly #logins: Logins;

  /** @throws Error if the certificates or the proxies of the settings cannot be used */
  constructor({
    settings,
    onRequest = () => undefined,
    onError = () => undefined,
    resolver,
  }: CheckerOptions) {
    checkProxySettings(settings.proxy);
    const secureContext = trust(settings.certificateAuthorities);
    const lookups = new Lookups(settings, resolver);
    this.#context = { settings, secureContext, stop: this.#stop.signal, onRequest, onError, lookups };
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
    this.#logins = new Logins(
      this.#context,
      (credential, host) => `${host} ${this.#fingerprints.of(credential)}`,
    );
  }

  /**
   * The known answer, perhaps no longer fresh (`freshUntil`); undefined: there is none. Sends no request, and never throws.
   *
   * @param namespace - the namespace that uses the answer
   */
  answer(check: Check, namespace: string): KnownAnswer | undefined {
    const broken = this.#broken.get(check.credential ?? check);
    if (isFresh(broken)) return withHistory({ answer: INTERNAL_ERROR, ...broken }, check, undefined);
    try {
      return immediateAnswer(check, Date.now()) ?? this.#answers.get(this.#key(check), namespace);
    } catch (error) {
      return this.#internalError(check, error);
    }
  }

  /**
   * Checks with the registry, except in these cases:
   *
   * - The known answer is fresh, or the same check is running for this namespace.
   * - The registry must not be contacted.
   * - The credential has expired, or only Trivy can use the credential.
   *
   * Never rejects, because an unexpected error becomes an answer, too.
   *
   * @param namespace - the namespace whose share of the concurrency this check uses
   */
  async check(check: Check, namespace: string): Promise<KnownAnswer> {
    const known = this.answer(check, namespace);
    if (isFresh(known)) return known;
    try {
      return await this.#check(check, namespace);
    } catch (error) {
      return this.#internalError(check, error);
    }
  }

  /**
   * Restores an answer for this credential that was stored elsewhere, for example in the status of a binding before a
   * restart. Does not change known answers. A time in the future counts as now.
   *
   * @param namespace - the namespace whose share of the memory it uses
   */
  restore(
    check: Check,
    { answer, requestedAt }: Pick<KnownAnswer, 'answer' | 'requestedAt'>,
    namespace: string,
  ): void {
    if (!Number.isFinite(requestedAt) || this.answer(check, namespace) !== undefined) return;
    const found = dated(answer, Math.min(requestedAt, Date.now()), this.#context.settings);
    this.#answers.keep(this.#key(check), withHistory(found, check, undefined), namespace);
  }

  /**
   * The known login that the cloud issued for a host, perhaps no longer fresh; undefined: there is none. Sends no request,
   * and never throws.
   *
   * @param namespace - the namespace that uses the login
   */
  login(credential: PlatformCredential, host: string, namespace: string): KnownLogin | undefined {
    const by = forbiddenBy(host, this.#context.settings);
    if (by !== undefined)
      return { answer: { result: 'NotAllowed', by }, requestedAt: 0, freshUntil: Number.POSITIVE_INFINITY };
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
   * @param namespace - as in `check`
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
      const key = `${namespace} ${host} ${this.#fingerprints.of(credential)}`;
      const obtain = () => this.#logins.obtain({ credential, host, exchange }, namespace);
      return await this.#loginChecks.run({ group: namespace, target: host }, key, obtain);
    } catch (error) {
      return this.#internalLoginError(credential, error);
    }
  }

  /** Ends all running checks. Every `check` then resolves at once with `Stopped`. */
  close(): void {
    this.#stop.abort();
  }

  async #check(check: Check, namespace: string): Promise<KnownAnswer> {
    const key = this.#key(check);
    const { host } = check.image;
    const by = forbiddenBy(host, this.#context.settings);
    const immediate =
      by === undefined
        ? this.#pauses.answer(check)
        : dated({ result: 'NotAllowed', by }, Date.now(), this.#context.settings);
    if (immediate !== undefined) return this.#keep(check, immediate, namespace);
    return this.#checks.run({ group: namespace, target: host }, `${namespace} ${key}`, async () => {
      // Another namespace may have made the same check while this one waited for a place.
      const known = this.#answers.get(key, namespace);
      if (isFresh(known)) return known;
      const found = this.#pauses.answer(check) ?? (await this.#checkSafely(check, namespace));
      return this.#keep(check, found, namespace);
    });
  }

  #keep(check: Check, found: DatedAnswer, namespace: string): KnownAnswer {
    const key = this.#key(check);
    return this.#answers.keep(key, withHistory(found, check, this.#answers.get(key, namespace)), namespace);
  }

  async #checkSafely(check: Check, namespace: string): Promise<DatedAnswer> {
    try {
      return await this.#checkByPlatform(check, namespace);
    } catch (error) {
      this.#context.onError(error);
      return dated(INTERNAL_ERROR, Date.now(), this.#context.settings);
    }
  }

  async #checkByPlatform(check: Check, namespace: string): Promise<DatedAnswer> {
    const { image, credential } = check;
    const way = credential === undefined ? undefined : checkOf(credential, image.host);
    if (credential?.kind === 'platform' && way?.way === 'Exchange') {
      const { exchange } = way;
      return this.#checkWithLogin(check, { credential, host: image.host, exchange }, namespace);
    }
    const login = way?.way === 'Login' ? way.credential : undefined;
    return this.#checkRegistry(check, login, namespace);
  }

  async #checkWithLogin(check: Check, wanted: WantedLogin, namespace: string): Promise<DatedAnswer> {
    const { answer, requestedAt, freshUntil } = await this.#logins.obtain(wanted, namespace);
    // The answer of a cloud is no reason to pause requests to the registry.
    if (answer.result !== 'Login') return { answer, requestedAt, freshUntil };
    const found = await this.#checkRegistry(check, answer.credential, namespace);
    if (found.answer.result === 'Denied') this.#logins.forget(wanted.credential, wanted.host);
    return found;
  }

  async #checkRegistry(check: Check, login: Credential | undefined, namespace: string): Promise<DatedAnswer> {
    const requestedAt = Date.now();
    const answer = await checkRegistry({ ...check, credential: login }, this.#context, namespace);
    return this.#pauses.note(
      check,
      dated(answer, requestedAt, this.#context.settings, check.exact),
      namespace,
    );
  }

  #internalError(check: Check, error: unknown): KnownAnswer {
    const age = this.#break(check.credential ?? check, error);
    return withHistory({ answer: INTERNAL_ERROR, ...age }, check, undefined);
  }

  #internalLoginError(credential: PlatformCredential, error: unknown): KnownLogin {
    return { answer: INTERNAL_LOGIN_ERROR, ...this.#break(credential, error) };
  }

  #break(owner: object, error: unknown): Age {
    this.#context.onError(error);
    const { requestedAt, freshUntil } = dated(INTERNAL_ERROR, Date.now(), this.#context.settings);
    this.#broken.set(owner, { requestedAt, freshUntil });
    return { requestedAt, freshUntil };
  }

  /** Contains the tag or digest only for an exact check, because the right to pull applies to a repository. */
  #key({ image, credential, exact = false }: Check): string {
    const what = exact ? formatReference(image) : repositoryName(image);
    return `${what} ${exact} ${this.#fingerprints.of(credential)}`;
  }
}

/**
 * The answer if no request is needed: the credential has expired, or only Trivy can use it.
 *
 * @param now - milliseconds since the epoch
 */
export function immediateAnswer({ image, credential }: Check, now: number): KnownAnswer | undefined {
  if (credential === undefined) return undefined;
  const version = image.digest ?? image.tag;
  const lasting = { freshUntil: Number.POSITIVE_INFINITY, acceptedAt: undefined, version };
  const expiredAt = expirationOf(credential);
  if (expiredAt !== undefined && expiredAt <= now)
    return { ...lasting, answer: { result: 'Expired', expiredAt }, requestedAt: expiredAt };
  if (checkOf(credential, image.host).way !== 'NotCheckable') return undefined;
  return { ...lasting, answer: { result: 'NotCheckable' }, requestedAt: 0 };
}
