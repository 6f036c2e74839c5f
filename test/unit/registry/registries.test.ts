import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { RegistryAnswer } from '../../../src/answer/registry-answer.ts';
import type { Credential } from '../../../src/credential/credential.ts';
import { SecretValue } from '../../../src/credential/secret-value.ts';
import { RegistryChecker } from '../../../src/registry/checker.ts';
import { DEFAULT_REGISTRY_SETTINGS } from '../../../src/registry/settings.ts';

/**
 * Answers of registries that cannot run here, according to their documentation or their users. A stand-in sends them.
 * Tests with real registries are in test/e2e.
 */
interface Replies {
  readonly ping?: Answer;
  readonly token?: Answer;
  /** Answer to a request without `Authorization`. undefined: the same as `head`. */
  readonly anonymousHead?: Answer;
  readonly head?: Answer;
  readonly get?: Answer;
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
}

const MANIFEST_TYPE = 'application/vnd.oci.image.index.v1+json';
const DIGEST = `sha256:${'a'.repeat(64)}`;
const errors = (...codes: readonly string[]) => JSON.stringify({ errors: codes.map((code) => ({ code })) });
const bearer: Answer = {
  status: 401,
  headers: { 'www-authenticate': 'Bearer realm="http://SELF/token",service="s"' },
};
const basic: Answer = { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } };
const token: Answer = { status: 200, body: '{"token":"t"}' };
const found: Answer = {
  status: 200,
  headers: { 'content-type': MANIFEST_TYPE, 'docker-content-digest': DIGEST },
};
const missing = (...codes: readonly string[]) => ({
  head: { status: 404 },
  get: { status: 404, body: errors(...codes) },
});
const pullable = { result: 'Pullable', digest: DIGEST };
const denied = (httpCode: number, at: string) => ({ result: 'Denied', httpCode, at });
const inconclusive = (why: string) => ({ result: 'Inconclusive', why });
const failed = (why: string, at: string, httpCode: number) => ({ result: 'Unreachable', why, at, httpCode });

const anonymous = undefined;
const user: Credential = {
  kind: 'basic',
  username: new SecretValue('user'),
  password: new SecretValue('password'),
};
const identity: Credential = {
  kind: 'identityToken',
  username: new SecretValue(''),
  token: new SecretValue('refresh&token'),
};

const TABLE: readonly (readonly [title: string, Replies, Credential | undefined, object])[] = [
  // docs.docker.com/reference/api/registry/auth: everyone gets a token, but without the scope.
  [
    'Docker Hub, a private repository of another user',
    { ping: bearer, token, head: bearer },
    user,
    denied(401, 'manifest'),
  ],
  ['Docker Hub, a wrong password', { ping: bearer, token: { status: 401 } }, user, denied(401, 'token')],
  [
    'Docker Hub, no such tag',
    { ping: bearer, token, ...missing('MANIFEST_UNKNOWN') },
    user,
    { result: 'Allowed' },
  ],
  [
    'GitHub, a private repository of another user',
    { ping: bearer, token: { status: 403, body: errors('DENIED') } },
    user,
    denied(403, 'token'),
  ],
  [
    'GitHub, HEAD without a digest',
    { ping: bearer, token, head: { ...found, headers: { 'content-type': MANIFEST_TYPE } } },
    user,
    { result: 'Pullable' },
  ],
  ['GitLab, a wrong token', { ping: bearer, token: { status: 403 } }, user, denied(403, 'token')],
  [
    'Google Artifact Registry, a wrong key',
    { ping: bearer, token: { status: 401 } },
    user,
    denied(401, 'token'),
  ],
  [
    'Google Artifact Registry, no permission',
    { ping: bearer, token, head: { status: 403 } },
    user,
    denied(403, 'manifest'),
  ],
  [
    'Google Artifact Registry, no such repository',
    { ping: bearer, token, ...missing('NAME_UNKNOWN') },
    user,
    inconclusive('RepositoryUnknown'),
  ],
  [
    'Azure, with a refresh token',
    { ping: bearer, token: { status: 200, body: '{"access_token":"t"}' }, head: found },
    identity,
    pullable,
  ],
  [
    'Azure, with an expired refresh token',
    { ping: bearer, token: { status: 401 } },
    identity,
    denied(401, 'token'),
  ],
  ['ECR', { ping: basic, head: found }, user, pullable],
  ['ECR, an expired token', { ping: basic, head: { status: 403 } }, user, denied(403, 'manifest')],
  [
    'ECR, no such repository',
    { ping: basic, ...missing('NAME_UNKNOWN') },
    user,
    inconclusive('RepositoryUnknown'),
  ],
  [
    'Harbor, not a member',
    { ping: bearer, token, head: { status: 401, headers: bearer.headers ?? {} } },
    user,
    denied(401, 'manifest'),
  ],
  [
    'Harbor, a hidden repository',
    { ping: bearer, token, ...missing('NOT_FOUND') },
    user,
    inconclusive('NotFound'),
  ],
  [
    'Quay, a hidden repository',
    { ping: bearer, token, ...missing('NAME_UNKNOWN') },
    user,
    inconclusive('RepositoryUnknown'),
  ],
  ['one that refuses a token with 400', { ping: bearer, token: { status: 400 } }, user, denied(400, 'token')],
  [
    'one without the OAuth2 endpoint',
    { ping: bearer, token: { status: 404 } },
    identity,
    denied(404, 'token'),
  ],
  [
    'one without a token endpoint',
    { ping: bearer, token: { status: 404 } },
    user,
    failed('UnexpectedStatus', 'token', 404),
  ],
  // Artifactory and Nexus with anonymous access: the ping has no challenge, but some manifests do.
  ['one with anonymous access', { ping: { status: 200 }, head: found }, user, pullable],
  [
    'one with anonymous access, except here, with basic authentication',
    { ping: { status: 200 }, anonymousHead: basic, head: found },
    user,
    pullable,
  ],
  [
    'one with anonymous access, except here, with tokens',
    { ping: { status: 200 }, anonymousHead: bearer, token, head: found },
    user,
    pullable,
  ],
  [
    'one with anonymous access, except here, without a credential',
    { ping: { status: 200 }, anonymousHead: basic },
    anonymous,
    denied(401, 'manifest'),
  ],
  ['one with a challenge, except for this manifest', { ping: basic, head: found }, anonymous, pullable],
  ['one without /v2/', { ping: { status: 404 }, head: found }, anonymous, pullable],
  [
    'one that rejects HEAD',
    { ping: { status: 200 }, head: { status: 405 }, get: found },
    anonymous,
    pullable,
  ],
  [
    'one that does not implement HEAD',
    { ping: { status: 200 }, head: { status: 501 }, get: found },
    anonymous,
    pullable,
  ],
  [
    'one that finds manifests only with GET',
    { ping: { status: 200 }, head: { status: 404 }, get: found },
    anonymous,
    pullable,
  ],
  [
    'one with contradictory errors',
    { ping: { status: 200 }, ...missing('MANIFEST_UNKNOWN', 'NAME_UNKNOWN') },
    anonymous,
    inconclusive('RepositoryUnknown'),
  ],
  [
    'one that hides a refusal',
    { ping: { status: 200 }, ...missing('MANIFEST_UNKNOWN', 'DENIED') },
    anonymous,
    inconclusive('NotFound'),
  ],
  [
    'one whose 404 is an HTML page',
    { ping: { status: 200 }, head: { status: 404 }, get: { status: 404, body: '<html>MANIFEST_UNKNOWN' } },
    anonymous,
    inconclusive('NotFound'),
  ],
  [
    'one whose 404 is odd JSON',
    {
      ping: { status: 200 },
      head: { status: 404 },
      get: { status: 404, body: '{"errors":[null,{"code":7},"x"]}' },
    },
    anonymous,
    inconclusive('NotFound'),
  ],
  ['one that refuses the ping', { ping: { status: 403 } }, user, denied(403, 'ping')],
  ['one that answers 403 with a challenge', { ping: { ...basic, status: 403 }, head: found }, user, pullable],
  ['one that fails at the ping', { ping: { status: 500 } }, user, failed('ServerError', 'ping', 500)],
  [
    'one that fails at the manifest',
    { ping: basic, head: { status: 503 } },
    user,
    failed('ServerError', 'manifest', 503),
  ],
  [
    'one that fails at the token',
    { ping: bearer, token: { status: 502 } },
    user,
    failed('ServerError', 'token', 502),
  ],
  [
    'a server that is not a registry',
    { ping: { status: 410 } },
    user,
    failed('UnexpectedStatus', 'ping', 410),
  ],
  [
    'one with manifests of schema version 1',
    {
      ping: basic,
      head: {
        status: 200,
        headers: {
          'content-type': 'application/vnd.docker.distribution.manifest.v1+prettyjws; charset=utf-8',
        },
      },
    },
    user,
    { result: 'Pullable' },
  ],
];

describe('a registry', () => {
  let replies: Replies = {};
  let seen: string[] = [];
  let host: string;
  const server = createServer((request, response) => void answer(request, response));
  before(async () => {
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    // A TCP server has an address with a port.
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { authorization } = request.headers;
    seen.push([request.method, request.url, authorization, body].filter(Boolean).join(' '));
    const reply = replyTo(request) ?? { status: 500 };
    const headers = JSON.parse(JSON.stringify(reply.headers ?? {}).replaceAll('SELF', host));
    response.writeHead(reply.status, headers).end(request.method === 'HEAD' ? undefined : reply.body);
  }

  function replyTo({ url, method, headers }: IncomingMessage): Answer | undefined {
    if (url === '/v2/') return replies.ping;
    if (url?.startsWith('/token') === true) return replies.token;
    if (method === 'GET') return replies.get;
    return headers.authorization === undefined ? (replies.anonymousHead ?? replies.head) : replies.head;
  }

  async function ask(script: Replies, credential: Credential | undefined): Promise<RegistryAnswer> {
    replies = script;
    seen = [];
    const settings = { ...DEFAULT_REGISTRY_SETTINGS, localAddresses: ['127.0.0.1'], insecure: [host] };
    const image = { host, repository: 'team/app', tag: '1' };
    return (await new RegistryChecker({ settings }).check({ image, credential }, 'shop')).answer;
  }

  for (const [title, script, credential, expected] of TABLE) {
    it(`gets the right answer for ${title}`, async () =>
      assert.deepEqual(await ask(script, credential), expected));
  }

  it('is checked in the order of the specification, and only the token server gets the credential', async () => {
    const scope = 'repository%3Ateam%2Fapp%3Apull';
    await ask({ ping: bearer, token, ...missing('MANIFEST_UNKNOWN') }, user);
    assert.deepEqual(seen, [
      'GET /v2/',
      `GET /token?service=s&scope=${scope} Basic ${Buffer.from('user:password').toString('base64')}`,
      'HEAD /v2/team/app/manifests/1 Bearer t',
      'GET /v2/team/app/manifests/1 Bearer t',
    ]);
    await ask({ ping: bearer, token, head: found }, identity);
    assert.deepEqual(seen, [
      'GET /v2/',
      `POST /token grant_type=refresh_token&refresh_token=refresh%26token&client_id=image-credential-binding&service=s&scope=${scope}`,
      'HEAD /v2/team/app/manifests/1 Bearer t',
    ]);
    await ask({ ping: bearer, token, head: found }, anonymous);
    assert.deepEqual(seen[1], `GET /token?service=s&scope=${scope}`);
  });

  it('gets a request for the scope in its challenge only if that scope is limited to pull', async () => {
    const withScope = (scope: string): Answer => ({
      status: 401,
      headers: { 'www-authenticate': `Bearer realm="http://SELF/token?a=b#c",scope="${scope}"` },
    });
    for (const [scope, expected] of [
      ['repository:renamed/app:pull', 'repository:renamed/app:pull'],
      ['repository:renamed/app:pull,push', 'repository:team/app:pull'],
      ['registry:catalog:*', 'repository:team/app:pull'],
    ] as const) {
      await ask({ ping: { status: 200 }, anonymousHead: withScope(scope), token, head: found }, user);
      assert.ok(seen[2]?.startsWith(`GET /token?a=b&scope=${encodeURIComponent(expected)} `), seen[2]);
    }
  });

  const BASIC = 'Basic realm="r"';
  const BEARER = 'Bearer realm="http://SELF/token",service="s"';
  for (const [title, challenges, credential, sends] of [
    [
      'a Basic challenge before a Bearer challenge',
      [BASIC, BEARER],
      user,
      'HEAD /v2/team/app/manifests/1 Basic ',
    ],
    ['a Bearer challenge before a Basic challenge', [BEARER, BASIC], user, 'GET /token?'],
    ['a Basic challenge, for an identity token', [BASIC, BEARER], identity, 'HEAD /v2/team/app/manifests/1'],
  ] as const) {
    it(`gets from the check what it gets from Trivy with ${title}`, async () => {
      const ping = { status: 401, headers: { 'www-authenticate': challenges } };
      await ask({ ping, token, head: found }, credential);
      assert.ok(seen[1]?.startsWith(sends), seen[1]);
      if (credential === identity) assert.equal(seen[1], sends, 'without a credential');
    });
  }

  it('gets no credential if its token server has a URL with plain HTTP, and is not listed as insecure', async () => {
    const realm = (url: string): Answer => ({
      status: 401,
      headers: { 'www-authenticate': [`Bearer realm="${url}"`, BASIC] },
    });
    for (const [url, why] of [
      ['http://token.example/token', 'RealmInsecure'],
      ['http://user@token.example/token', 'RealmInsecure'],
      ['https://user@token.example/token', 'RealmForbidden'],
    ] as const) {
      const answer = await ask({ ping: realm(url), token, head: found }, user);
      assert.deepEqual(answer, { result: 'Unreachable', why, at: 'token' });
      assert.deepEqual(seen, ['GET /v2/']);
    }
  });

  it('gets a second request for a manifest only if its challenge differs from that of the ping', async () => {
    await ask({ ping: bearer, token, head: bearer }, user);
    assert.equal(seen.length, 3);
    await ask({ ping: basic, head: bearer, token }, user);
    assert.equal(seen.length, 4);
  });
});
