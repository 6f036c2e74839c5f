/**
 * A token server for the test registry, because distribution's own is an unmaintained sample. It implements
 * distribution.github.io/distribution/spec/auth/token and …/oauth, over TLS on loopback.
 */
import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import { text } from 'node:stream/consumers';
import type { Certificate } from '../certificate.ts';

/** A user and the user's permissions. The registry uses the actions `pull` and `push`. */
export interface TokenUser {
  readonly username: string;
  readonly password: string;
  /** An alternative to the password: an OAuth2 refresh token (Docker's identity token). */
  readonly refreshToken?: string;
  /** Repositories that the user may pull from and push to. */
  readonly repositories: readonly string[];
}

/** A request for a token, and the status of its response. */
export interface TokenRequestSeen {
  readonly method: string;
  readonly username: string | undefined;
  readonly scope: string | undefined;
  readonly status: number;
}

/** The settings of the token server in the registry's configuration. */
export interface TokenAuthority {
  readonly realm: string;
  readonly service: string;
  readonly issuer: string;
  readonly jwks: object;
}

const SERVICE = 'test-registry';
const ISSUER = 'test-token-server';
const KEY_ID = 'test-key';

/** A running token server. */
export class TokenServer implements AsyncDisposable {
  readonly authority: TokenAuthority;
  /** All requests, in order. */
  readonly seen: TokenRequestSeen[] = [];
  /** Repositories that allow anonymous pulls. */
  readonly publicRepositories: ReadonlySet<string>;
  /** Tests may change the users while the server runs. */
  users: readonly TokenUser[];
  readonly #server: Server;
  readonly #key: KeyObject;

  private constructor(
    server: Server,
    port: number,
    users: readonly TokenUser[],
    publicRepositories: readonly string[],
  ) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid: KEY_ID, alg: 'ES256', use: 'sig' };
    this.#server = server;
    this.#key = privateKey;
    this.users = users;
    this.publicRepositories = new Set(publicRepositories);
    // Use a host name: crane refuses a realm with a private IP address unless it is the registry's own host and port.
    const realm = `https://localhost:${port}/token`;
    this.authority = { realm, service: SERVICE, issuer: ISSUER, jwks: { keys: [jwk] } };
    server.on('request', (request: IncomingMessage, response) => {
      void this.#answer(request).then(({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(body));
      });
    });
  }

  /** Starts a token server on a free port of 127.0.0.1. Its realm uses `localhost`, which the certificate must name. */
  static async start(options: {
    readonly certificate: Certificate;
    readonly users: readonly TokenUser[];
    readonly publicRepositories?: readonly string[];
  }): Promise<TokenServer> {
    const server = createServer({ key: options.certificate.key, cert: options.certificate.certificate });
    const { promise: listening, resolve, reject } = Promise.withResolvers<void>();
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
    await listening;
    const address = server.address();
    if (address === null || typeof address === 'string')
      throw new Error('expected the server to have an address with a port, found none');
    return new TokenServer(server, address.port, options.users, options.publicRepositories ?? []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
  }

  async #answer(request: IncomingMessage): Promise<{ readonly status: number; readonly body: object }> {
    const { method = '' } = request;
    const parameters =
      method === 'POST'
        ? new URLSearchParams(await text(request))
        : new URL(request.url ?? '', this.authority.realm).searchParams;
    const credential = method === 'POST' ? parameters.get('refresh_token') : basicCredentials(request);
    const user = credential === null ? undefined : this.users.find((each) => accepts(each, credential));
    const scope = parameters.get('scope') ?? undefined;
    const status = credential !== null && user === undefined ? 401 : 200;
    this.seen.push({ method, username: user?.username, scope, status });
    if (status !== 200) return { status, body: { errors: [{ code: 'UNAUTHORIZED' }] } };
    const token = this.#token(this.#access(parameters.getAll('scope'), user));
    // The two specifications use different names for the token.
    return { status, body: method === 'POST' ? { access_token: token } : { token, expires_in: 300 } };
  }

  /**
   * The granted part of the scope. If the server does not grant everything, the specification requires a token with fewer
   * permissions, not an error.
   */
  #access(scopes: readonly string[], user: TokenUser | undefined): readonly object[] {
    return scopes
      .flatMap((scope) => scope.split(' '))
      .flatMap((scope) => {
        const [type, name = '', actions = ''] = scope.split(':');
        const granted = actions
          .split(',')
          .filter((action) => this.#allows(name, user) && (user !== undefined || action === 'pull'));
        return granted.length === 0 ? [] : [{ type, name, actions: granted }];
      });
  }

  #allows(repository: string, user: TokenUser | undefined): boolean {
    return this.publicRepositories.has(repository) || user?.repositories.includes(repository) === true;
  }

  #token(access: readonly object[]): string {
    const now = Math.floor(Date.now() / 1_000);
    const claims = { iss: ISSUER, sub: '', aud: SERVICE, nbf: now - 10, iat: now, exp: now + 300, access };
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const head = encode({ alg: 'ES256', typ: 'JWT', kid: KEY_ID });
    const signed = `${head}.${encode({ ...claims, jti: randomUUID() })}`;
    const signature = sign('sha256', Buffer.from(signed), { key: this.#key, dsaEncoding: 'ieee-p1363' });
    return `${signed}.${signature.toString('base64url')}`;
  }
}

function basicCredentials(request: IncomingMessage): string | null {
  const encoded = /^Basic (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  return encoded === undefined ? null : Buffer.from(encoded, 'base64').toString();
}

function accepts({ username, password, refreshToken }: TokenUser, credential: string): boolean {
  return credential === `${username}:${password}` || credential === refreshToken;
}
