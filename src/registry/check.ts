import type { Check, RegistryAnswer } from '../answer/index.ts';
import type { Credential } from '../credential/index.ts';
import type { ImageReference } from '../image/index.ts';
import { includesHost, isDenied, registryOrigins } from './host.ts';
import {
  type CheckContext,
  Connections,
  INTERNAL_ERROR,
  type Reply,
  retryAt,
  Settled,
  unreachable,
} from './http/index.ts';
import {
  type BearerChallenge,
  basicAuthorization,
  bearerAuthorization,
  type Challenge,
  parseChallenges,
  readTokenReply,
  tokenRequest,
} from './login/index.ts';
import { ACCEPT, needsGet, readManifestReply } from './manifest.ts';
import type { RegistrySettings } from './settings.ts';

/** A check with a credential that can be sent to a registry. */
export type LoginCheck = Omit<Check, 'credential'> & { readonly credential: Credential | undefined };

const MAX_REDIRECTS = 3;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/**
 * Statuses with which a registry may answer a ping without a challenge. If such a registry requires a login, it sends the
 * challenge later, in its response to the request for the manifest.
 */
const OPEN_PING: ReadonlySet<number> = new Set([200, 404, 405, ...REDIRECTS]);

/**
 * Checks a credential with a registry: ping, token, manifest. Never rejects, because an unexpected error becomes
 * `InternalError`.
 *
 * @param namespace - the namespace whose share of the DNS look-ups it uses
 */
export async function checkRegistry(
  check: LoginCheck,
  context: CheckContext,
  namespace: string,
): Promise<RegistryAnswer> {
  try {
    using connections = new Connections(context, namespace);
    return await new Conversation(check, context.settings, connections).answer();
  } catch (error) {
    if (error instanceof Settled) return error.answer;
    context.onError(error);
    return INTERNAL_ERROR;
  }
}

class Conversation {
  readonly #check: LoginCheck;
  readonly #settings: RegistrySettings;
  readonly #connections: Connections;

  constructor(check: LoginCheck, settings: RegistrySettings, connections: Connections) {
    this.#check = check;
    this.#settings = settings;
    this.#connections = connections;
  }

  async answer(): Promise<RegistryAnswer> {
    const { origin, challenges } = await this.#ping();
    const manifest = manifestUrl(origin, this.#check.image);
    let authorization = await this.#authorization(challenges, origin);
    let reply = await this.#manifest('HEAD', manifest, authorization);
    const second = reply.status === 401 ? challengesIn(reply) : undefined;
    // The challenge may differ from that of the ping: some images are public, or the scope is more specific.
    if (second !== undefined && second.length > 0 && this.#demand(second) !== this.#demand(challenges)) {
      authorization = await this.#authorization(second, origin);
      reply = await this.#manifest('HEAD', manifest, authorization);
    }
    if (needsGet(reply.status)) reply = await this.#manifest('GET', manifest, authorization);
    return readManifestReply(reply);
  }

  async #ping(): Promise<{ readonly origin: URL; readonly challenges: readonly Challenge[] }> {
    const origins = registryOrigins(this.#check.image.host, this.#settings);
    let failure = unreachable('HostInvalid', 'ping');
    for (const origin of origins) {
      try {
        return { origin, challenges: await this.#pingAt(origin) };
      } catch (error) {
        if (!(error instanceof Settled) || !isNoTls(error.answer)) throw error;
        failure = error;
      }
    }
    throw failure;
  }

  async #pingAt(origin: URL): Promise<readonly Challenge[]> {
    const url = new URL('/v2/', origin);
    const reply = await this.#connections.send({
      kind: 'ping',
      party: 'registry',
      method: 'GET',
      url,
      headers: {},
    });
    const { status } = reply;
    this.#throwIfBusy(reply, 'ping');
    if (OPEN_PING.has(status)) return [];
    if (status !== 401 && status !== 403) throw unreachable('UnexpectedStatus', 'ping', status);
    const challenges = challengesIn(reply);
    if (challenges !== undefined && challenges.length > 0) return challenges;
    if (status === 403) throw new Settled({ result: 'Denied', httpCode: status, at: 'ping' });
    throw unreachable('BadChallenge', 'ping', status);
  }

  /**
   * The value of `Authorization`; undefined: there is no credential, or the challenge does not accept it. As in Trivy, the
   * first challenge counts (`pickFromMultipleChallenges` in go-containerregistry, pkg/v1/remote/transport/ping.go).
   */
  async #authorization(challenges: readonly Challenge[], origin: URL): Promise<string | undefined> {
    const { credential } = this.#check;
    const [challenge] = challenges;
    if (challenge === undefined) return undefined;
    if (credential?.kind === 'registryToken') return bearerAuthorization(credential.token);
    if (challenge.scheme === 'Basic')
      return credential?.kind === 'basic' ? basicAuthorization(credential) : undefined;
    this.#checkRealm(challenge.realm, origin);
    return this.#token(challenge, credential);
  }

  /** As in Trivy, the token server of a registry with TLS must use TLS, too (`validateRealmURL` of the same package). */
  #checkRealm(realm: URL, origin: URL): void {
    if (realm.protocol === 'http:' && (origin.protocol === 'https:' || !this.#isInsecure(realm)))
      throw unreachable('RealmInsecure', 'token');
    if (!this.#mayContact(realm)) throw unreachable('RealmForbidden', 'token');
  }

  async #token(
    challenge: BearerChallenge,
    credential: Parameters<typeof tokenRequest>[2],
  ): Promise<string | undefined> {
    const request = tokenRequest(challenge, this.#scope(challenge), credential);
    const reply = await this.#connections.send({
      ...request,
      kind: 'token',
      party: 'other',
      reads: (status) => status === 200,
    });
    this.#throwIfBusy(reply, 'token');
    const read = readTokenReply(reply, request);
    if ('result' in read) throw new Settled(read);
    const authorization = bearerAuthorization(read);
    if (authorization === undefined) throw unreachable('BadToken', 'token');
    return authorization;
  }

  /** The scope of the challenge, if it grants only pull. The registry may use another name for the repository. */
  #scope({ scope }: BearerChallenge): string {
    return scope !== undefined && PULL_SCOPE.test(scope)
      ? scope
      : `repository:${this.#check.image.repository}:pull`;
  }

  /** Identifies what challenges require. Equal demands get the same answer. */
  #demand(challenges: readonly Challenge[]): string {
    return JSON.stringify(
      challenges.map((each) => (each.scheme === 'Basic' ? each : { ...each, scope: this.#scope(each) })),
    );
  }

  /** Follows a few redirects, without the credential. Registries such as registry.k8s.io redirect to other registries. */
  async #manifest(method: 'HEAD' | 'GET', url: URL, authorization: string | undefined): Promise<Reply> {
    const withLogin = authorization === undefined ? {} : { authorization };
    const reads = (status: number) => method === 'GET' && status === 404;
    let reply = await this.#connections.send({
      kind: 'manifest',
      party: 'registry',
      method,
      url,
      headers: { accept: ACCEPT, ...withLogin },
      reads,
    });
    let target = url;
    for (let redirects = 0; REDIRECTS.has(reply.status); redirects += 1) {
      target = this.#redirectTarget(reply, target, redirects);
      const headers = { accept: ACCEPT };
      reply = await this.#connections.send({
        kind: 'manifest',
        party: 'other',
        method,
        url: target,
        headers,
        reads,
      });
      // The credential was not sent there, so a refusal says nothing about it.
      if (reply.status === 401 || reply.status === 403) {
        throw unreachable('RedirectRefused', 'manifest', reply.status);
      }
    }
    this.#throwIfBusy(reply, 'manifest');
    return reply;
  }

  #redirectTarget(reply: Reply, from: URL, redirects: number): URL {
    const target = URL.parse(reply.headers['location']?.[0] ?? '', from.href);
    if (redirects < MAX_REDIRECTS && target !== null && this.#mayContact(target)) return target;
    throw unreachable('RedirectRefused', 'manifest', reply.status);
  }

  /**
   * Whether a realm or redirect target may be contacted. It must use TLS, or its host must be configured as insecure. Its
   * host must not be on the deny list. The URL must not contain a user name, because the registry must not choose the user.
   */
  #mayContact(url: URL): boolean {
    const hasUser = url.username !== '' || url.password !== '';
    const isPlain = url.protocol === 'http:' && this.#isInsecure(url);
    return !hasUser && (url.protocol === 'https:' || isPlain) && !isDenied(url, this.#settings);
  }

  #isInsecure(url: URL): boolean {
    return includesHost(this.#settings.insecure, url.host);
  }

  #throwIfBusy(reply: Reply, at: 'ping' | 'token' | 'manifest'): void {
    const { status, headers } = reply;
    const retryAfter = headers['retry-after']?.[0];
    if (status === 429 || (status === 503 && retryAfter !== undefined)) {
      throw new Settled({
        result: 'RateLimited',
        until: retryAt(retryAfter, Date.now(), this.#settings),
        at,
      });
    }
    if (status >= 500 && status !== 501) throw unreachable('ServerError', at, status);
  }
}

const PULL_SCOPE = /^repository:[\x21-\x7e]+:pull$/;

/** Whether the host does not speak TLS. For an insecure registry, Docker then falls back to plain HTTP. */
function isNoTls(answer: RegistryAnswer): boolean {
  return (
    answer.result === 'Unreachable' &&
    ['TlsFailure', 'ConnectionRefused', 'ConnectionLost'].includes(answer.why)
  );
}

function manifestUrl(origin: URL, { repository, tag, digest }: ImageReference): URL {
  return new URL(`/v2/${repository}/manifests/${digest ?? tag ?? 'latest'}`, origin);
}

function challengesIn(reply: Reply): readonly Challenge[] | undefined {
  return parseChallenges(reply.headers['www-authenticate'] ?? []);
}
