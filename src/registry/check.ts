import type { Check, RegistryAnswer } from '../answer/index.ts';
import type { Credential } from '../credential/index.ts';
import type { ImageReference } from '../image/index.ts';
import { isDenied, names, registryOrigins } from './host.ts';
import {
  Connections,
  INTERNAL_ERROR,
  type Reply,
  retryAt,
  Settled,
  type Surroundings,
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
/** Answers to the ping that ask for nothing; what is asked for then stands in the answer to the next request. */
const OPEN_PING: ReadonlySet<number> = new Set([200, 404, 405, ...REDIRECTS]);

/**
 * Checks a credential with a registry: ping, token, manifest. Never rejects, because an unexpected error becomes
 * `InternalError`.
 *
 * @param namespace - the namespace whose share of the DNS look-ups it uses
 */
export async function checkRegistry(
  check: LoginCheck,
  around: Surroundings,
  namespace: string,
): Promise<RegistryAnswer> {
  try {
    using connections = new Connections(around, namespace);
    return await new Conversation(check, around.settings, connections).answer();
  } catch (error) {
    if (error instanceof Settled) return error.answer;
    around.onError(error);
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
    let authorization = await this.#authorization(challenges);
    let reply = await this.#manifest('HEAD', manifest, authorization);
    const asked = reply.status === 401 ? challengesIn(reply) : undefined;
    // What the manifest asks for beyond the ping: registries that let anybody pull some images, or know the scope better.
    if (asked !== undefined && asked.length > 0 && this.#demand(asked) !== this.#demand(challenges)) {
      authorization = await this.#authorization(asked);
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

  /** The value of `Authorization`; undefined where the challenges have no use for the credential, or there is none. */
  async #authorization(challenges: readonly Challenge[]): Promise<string | undefined> {
    const { credential } = this.#check;
    if (challenges.length === 0) return undefined;
    if (credential?.kind === 'registryToken') return bearerAuthorization(credential.token);
    const bearers = challenges.filter((challenge) => challenge.scheme === 'Bearer');
    const bearer = bearers.find(({ realm }) => this.#mayShow(realm));
    if (bearer !== undefined) return this.#token(bearer, credential);
    const basic = challenges.some(({ scheme }) => scheme === 'Basic');
    if (basic) return credential?.kind === 'basic' ? basicAuthorization(credential) : undefined;
    throw unreachable('RealmForbidden', 'token');
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

  /** What the registry asks for, if that is to pull and no more; it may know the repository by another name. */
  #scope({ scope }: BearerChallenge): string {
    return scope !== undefined && PULL_SCOPE.test(scope)
      ? scope
      : `repository:${this.#check.image.repository}:pull`;
  }

  /** What challenges come to; two that come to the same get the same answer. */
  #demand(challenges: readonly Challenge[]): string {
    return JSON.stringify(
      challenges.map((each) => (each.scheme === 'Basic' ? each : { ...each, scope: this.#scope(each) })),
    );
  }

  /** Follows redirects, a few and without the credential: registries in front of others, such as registry.k8s.io. */
  async #manifest(method: 'HEAD' | 'GET', url: URL, authorization: string | undefined): Promise<Reply> {
    const shown = authorization === undefined ? {} : { authorization };
    const reads = (status: number) => method === 'GET' && status === 404;
    let reply = await this.#connections.send({
      kind: 'manifest',
      party: 'registry',
      method,
      url,
      headers: { accept: ACCEPT, ...shown },
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
      // Nothing was shown there, so a refusal there says nothing about the credential.
      if (reply.status === 401 || reply.status === 403) {
        throw unreachable('RedirectRefused', 'manifest', reply.status);
      }
    }
    this.#throwIfBusy(reply, 'manifest');
    return reply;
  }

  #redirectTarget(reply: Reply, from: URL, redirects: number): URL {
    const target = URL.parse(reply.headers['location']?.[0] ?? '', from.href);
    if (redirects < MAX_REDIRECTS && target !== null && this.#mayShow(target)) return target;
    throw unreachable('RedirectRefused', 'manifest', reply.status);
  }

  /**
   * Requires TLS or a host that is configured as insecure, and a host that is not on the deny list. Rejects a URL with
   * a user name, because the registry must not choose the user.
   */
  #mayShow(url: URL): boolean {
    const named = url.username !== '' || url.password !== '';
    const plain = url.protocol === 'http:' && names(this.#settings.insecure, url.host);
    return !named && (url.protocol === 'https:' || plain) && !isDenied(url, this.#settings);
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

/** Where Docker goes on with plain HTTP: something is there, or nothing at all, but no TLS. */
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
