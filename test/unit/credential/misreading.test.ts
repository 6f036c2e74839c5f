import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Candidate, lookup } from '../../../src/credential/keyring.ts';
import { type Misreading, misreadingOf } from '../../../src/credential/misreading.ts';
import type { PullSecretContent } from '../../../src/credential/pull-secret.ts';
import { parseImageReference } from '../../../src/image/reference.ts';
import { base64, parseDockercfg, parseText } from './secrets.ts';

const LOGIN = { auth: base64('user:pass') };
const OTHER = { auth: base64('other:pass') };

type Cause = Misreading['cause'];

interface Case {
  readonly auths?: object;
  /** Fields beside `auths`, or the whole text. */
  readonly more?: object;
  readonly text?: string;
  readonly image?: string;
  /** undefined: Trivy sends the chosen credential. */
  readonly cause?: Cause;
  readonly message?: RegExp;
}

const CASES: Readonly<Record<string, Case>> = {
  'the host': { auths: { 'reg.io': LOGIN } },
  'the host with a port': { auths: { 'reg.io:5000': LOGIN }, image: 'reg.io:5000/shop/app' },
  'the repository': { auths: { 'reg.io/shop/app': LOGIN } },
  'the repository, beside another login for the host': {
    auths: { 'reg.io/shop/app': LOGIN, 'reg.io': OTHER },
  },
  'a part of the path, as the only entry of the host': { auths: { 'reg.io/shop': LOGIN, 'other.io': OTHER } },
  'a URL of the host': { auths: { 'https://reg.io/v1/': LOGIN } },
  'a URL with a port': { auths: { 'http://reg.io:5000/v2/': LOGIN }, image: 'reg.io:5000/shop/app' },
  'two entries of the host with the same login': { auths: { 'reg.io/shop': LOGIN, 'https://reg.io': LOGIN } },
  'two entries with the same login, one of which the kubelet does not find': {
    auths: { 'reg.io/shop': LOGIN, 'reg.io?x': OTHER, 'HTTPS://reg.io:/': LOGIN },
  },
  'the host, beside an empty entry for the repository': { auths: { 'reg.io/shop/app': {}, 'reg.io': LOGIN } },
  'fields for user name and password': { auths: { 'reg.io': { username: 'user', password: 'pass' } } },
  'an identity token': { auths: { 'reg.io': { identitytoken: 'token' } } },
  'a registry token': { auths: { 'reg.io': { registrytoken: 'token' } } },
  'an auth with line breaks': { auths: { 'reg.io': { auth: `${LOGIN.auth}\r\n` } } },
  'Docker Hub': { auths: { 'https://index.docker.io/v1/': LOGIN }, image: 'nginx' },
  'a credential helper for another registry': {
    auths: { 'reg.io': LOGIN },
    more: { credHelpers: { 'other.io': 'x' } },
  },
  'an empty credsStore': { auths: { 'reg.io': LOGIN }, more: { credsStore: '' } },
  'a credsStore, but an empty helper for both keys': {
    auths: { 'reg.io': LOGIN },
    more: { credsStore: 'x', credHelpers: { 'reg.io': '', 'reg.io/shop/app': '' } },
  },
  'a helper that a later null removes': {
    text: `{"auths":{"reg.io":${JSON.stringify(LOGIN)}},"credHelpers":{"reg.io":"x"},"CREDHELPERS":null}`,
  },
  'other fields of a Docker configuration': {
    auths: { 'reg.io': LOGIN },
    more: {
      HttpHeaders: { 'User-Agent': 'Docker' },
      currentContext: 'x',
      cliPluginsExtraDirs: ['/x', null],
      plugins: null,
    },
  },
  'fields that Docker does not know': { auths: { 'reg.io': { ...LOGIN, email: 5 } }, more: { own: [5] } },

  'another login for the repository': {
    auths: { 'reg.io/shop': LOGIN, 'reg.io': OTHER },
    cause: 'OtherEntry',
    message: /Trivy would use the entry "reg\.io", which does not hold/,
  },
  'two entries of the host with different logins': {
    auths: { 'reg.io/shop': LOGIN, 'reg.io/other': OTHER },
    cause: 'OtherEntry',
    message: /would use "reg\.io\/shop", "reg\.io\/other" or another entry/,
  },
  'an empty entry for the host': { auths: { 'reg.io/shop': LOGIN, 'reg.io': {} }, cause: 'NotFound' },
  'an entry for the host without a password': {
    auths: { 'reg.io/shop': LOGIN, 'reg.io': { username: 'user' } },
    cause: 'OtherEntry',
  },
  'a wildcard': {
    auths: { '*.io': LOGIN },
    cause: 'NotFound',
    message: /"reg\.io\/shop\/app" and "reg\.io"/,
  },
  'Docker Hub by its name': { auths: { 'docker.io': LOGIN }, image: 'nginx', cause: 'NotFound' },
  'Docker Hub by its index': {
    auths: { 'index.docker.io': LOGIN },
    image: 'nginx',
    cause: 'NotFound',
    message: /"index\.docker\.io\/library\/nginx" and "https:\/\/index\.docker\.io\/v1\/"/,
  },
  'an entry with a login and an identity token': {
    auths: { 'reg.io': { ...LOGIN, identitytoken: 'token' } },
    cause: 'Token',
  },
  'an entry with a login and a registry token': {
    auths: { 'reg.io': { ...LOGIN, registrytoken: 'token' } },
    cause: 'Token',
  },
  'auth without padding': {
    auths: { 'reg.io': { auth: 'dTpwYQ' } },
    cause: 'File',
    message: /entry "reg\.io": expected base64 with padding/,
  },
  'auth without padding in an entry of another registry': {
    auths: { 'reg.io': LOGIN, 'other.io': { auth: 'dTpwYQ' } },
    cause: 'File',
    message: /entry "other\.io"/,
  },
  'auth without a user name in an entry of another registry': {
    auths: { 'reg.io': LOGIN, 'other.io': { auth: base64(':pass') } },
    cause: 'File',
    message: /found no user name or no colon/,
  },
  'a field of another type in another entry': {
    auths: { 'reg.io': LOGIN, 'other.io': { identitytoken: 5 } },
    cause: 'File',
    message: /a value in the field "auths" has another type/,
  },
  'a list with something else than strings': {
    auths: { 'reg.io': LOGIN },
    more: { pruneFilters: [5] },
    cause: 'File',
  },
  'a proxy that is not an object': {
    auths: { 'reg.io': LOGIN },
    more: { proxies: { a: 'x' } },
    cause: 'File',
  },
  'a byte order mark': {
    text: `\ufeff${JSON.stringify({ auths: { 'reg.io': LOGIN } })}`,
    cause: 'File',
    message: /byte order mark/,
  },
  'a credsStore': { auths: { 'reg.io': LOGIN }, more: { credsStore: 'x' }, cause: 'Helper' },
  'a credential helper for the host': {
    auths: { 'reg.io': LOGIN },
    more: { credHelpers: { 'reg.io': 'x' } },
    cause: 'Helper',
    message: /would run a credential helper for "reg\.io"/,
  },
  'an unusual URL with the host': {
    auths: { 'reg.io/shop': LOGIN, 'https://reg.io/?q': OTHER },
    cause: 'KeyForm',
  },
};

describe('Trivy, with a whole pull secret as its Docker configuration', () => {
  for (const [name, { auths, more, text, image = 'reg.io/shop/app', cause, message = / / }] of Object.entries(
    CASES,
  )) {
    const result = cause === undefined ? 'sends the chosen credential' : `does not (${cause})`;
    it(`${result} if the Secret has ${name}`, () => {
      const content = entriesIn(parseText(text ?? JSON.stringify({ auths, ...more })));
      const { credential } = chosenIn(content, image);
      const misreading = misreadingOf(content.trivyFile, credential, parseImageReference(image));
      assert.equal(misreading?.cause, cause);
      if (misreading !== undefined) assert.match(misreading.message, message);
    });
  }

  it('reads nothing from a Secret of the type dockercfg', () => {
    const content = entriesIn(parseDockercfg(JSON.stringify({ 'reg.io': LOGIN })));
    const { credential } = chosenIn(content, 'reg.io/shop/app');
    const misreading = misreadingOf(content.trivyFile, credential, parseImageReference('reg.io/shop/app'));
    assert.deepEqual(
      [misreading?.cause, misreading?.message.includes('kubernetes.io/dockercfg')],
      ['File', true],
    );
  });

  it('is described without any value or password in a key', () => {
    const auths = { 'reg.io/shop': LOGIN, 'https://u:Canary-9@reg.io': { auth: base64('x:Canary-8') } };
    const content = entriesIn(parseText(JSON.stringify({ auths })));
    const { credential } = chosenIn(content, 'reg.io/shop/app');
    const misreading = misreadingOf(content.trivyFile, credential, parseImageReference('reg.io/shop/app'));
    assert.equal(misreading?.cause, 'KeyForm');
    assert.doesNotMatch(misreading?.message ?? '', /Canary|Q2FuYXJ5/);
  });
});

type Entries = Extract<PullSecretContent, { result: 'Entries' }>;

function entriesIn(content: PullSecretContent): Entries {
  assert.ok(content.result === 'Entries');
  return content;
}

/** The credential that the kubelet would try first. */
function chosenIn({ keyring }: Entries, image: string): Candidate {
  const [first] = lookup([{ name: 'pull', keyring }], parseImageReference(image)).candidates;
  assert.ok(first !== undefined);
  return first;
}
