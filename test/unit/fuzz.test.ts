/**
 * Feeds the parsers valid texts with random damage, and random bytes, for 10 seconds (`npm run test:full`: 60). A parser may
 * throw only its own error. A failure reports the seed and the smallest text that fails.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { keyring, lookup } from '../../src/credential/keyring.ts';
import { loginFaults } from '../../src/credential/login-faults.ts';
import { type PullSecretContent, parsePullSecret } from '../../src/credential/pull-secret.ts';
import { SecretValue } from '../../src/credential/secret-value.ts';
import { sendingProblem } from '../../src/credential/sendable.ts';
import { parseImageId } from '../../src/image/image-id.ts';
import {
  formatFamiliar,
  formatReference,
  ImageReferenceError,
  parseImageReference,
} from '../../src/image/reference.ts';
import { readCredential } from '../../src/platform/credential-reader.ts';
import { faultsIn } from '../../src/platform/login-faults.ts';
import type { PlatformCredential } from '../../src/platform/platform-credential.ts';
import { REGISTRIES_ANNOTATION } from '../../src/platform/registries-annotation.ts';
import { amount } from '../support/amount.ts';

const SECONDS = amount(10, 60);
const DIGEST = `sha256:${'a'.repeat(64)}`;

const IMAGES = [
  'nginx',
  'docker.io/library/nginx:1.27',
  `reg.io:5000/team/app:1@${DIGEST}`,
  `docker-pullable://[2001:db8::1]:5000/a__b/c--d@${DIGEST}`,
  'my_host.io/ACME',
  DIGEST,
].map((text) => Buffer.from(text));

const CONFIGS = [
  '{"auths":{"https://index.docker.io/v1/":{"auth":"dTpw","email":"a@b"}},"credsStore":"x"}',
  '{"AUTHS":{"*.reg.io:5000/team":{"username":"u","password":"p\\ud83d\\ud83d","identitytoken":"t"}},"auths":null}',
  '{"reg.io":{"auth":"dTpw\\r\\n"},"[::1]:5000":{"registrytoken":"t"},"reg.io/te%2561m":null,"a":[[{}],-1e5,true]}',
  '{"auths":{"reg.io":{"auth":"ZFRwdw=="}},"HttpHeaders":{"a":"b"},"reg.io":{"username":"u","password":12345}}',
  '{"auths":{"a.io":{"auth":"dG9rZW46"},"b.io":{"username":":u","password":"\\u0000"},"c.io":{"registrytoken":"a b"}}}',
  'eyJhdXRocyI6eyJyZWcuaW8iOnsiYXV0aCI6ImRUcHcifX19Cg==',
  '"{\\"auths\\":{}}"',
  '\ufeff{"auths":{"a":{},"a":{"auth":"dTpw","Auth":null}},"auths":{"b":{"auth":7}}}',
].map((text) => Buffer.from(text));

type Edit = (bytes: Buffer) => Buffer;

const place = fc.nat({ max: 400 });
const piece = fc.oneof(
  fc.constantFrom(...['{', '}', '[', ']', '"', '\\', ':', ',', '/', '@', '.', '*', '%', '\u0000', 'ü', '=']),
  fc.constantFrom(
    'null',
    '"auths":',
    '{"auth":"dTpw"}',
    '\\ud800',
    'https://',
    '/v1/',
    '%2f',
    '[::1]',
    '1e999',
  ),
  fc.string({ unit: 'binary', maxLength: 4 }),
);
const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.tuple(place, piece).map(([at, text]) => replacing(at, 0, Buffer.from(text))),
  fc.tuple(place, piece).map(([at, text]) => replacing(at, 1, Buffer.from(text))),
  fc.tuple(place, fc.uint8Array({ maxLength: 3 })).map(([at, bytes]) => replacing(at, 1, Buffer.from(bytes))),
  fc.tuple(place, place).map(([at, length]) => replacing(at, length, Buffer.alloc(0))),
  fc
    .tuple(place, place, fc.constantFrom(2, 3, 50))
    .map(([at, length, times]) => repeating(at, length, times)),
);

function replacing(at: number, length: number, by: Buffer): Edit {
  return (bytes) => {
    const from = at % (bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, from), by, bytes.subarray(from + length)]);
  };
}

function repeating(at: number, length: number, times: number): Edit {
  return (bytes) => {
    const from = at % (bytes.length + 1);
    const part = bytes.subarray(from, from + length);
    const parts = Array.from({ length: times }, () => part);
    return Buffer.concat([bytes.subarray(0, from), ...parts, bytes.subarray(from + length)]);
  };
}

function damaged(originals: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const edited = fc
    .tuple(fc.constantFrom(...originals), fc.array(edit, { maxLength: 5 }))
    .map(([original, edits]) => edits.reduce((bytes, each) => each(bytes), original));
  const random = fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes));
  return fc.oneof({ weight: 9, arbitrary: edited }, { weight: 1, arbitrary: random });
}

function fuzz<Input>(inputs: fc.Arbitrary<Input>, check: (input: Input) => void): void {
  let runs = 0;
  fc.assert(
    fc.property(inputs, (input) => {
      runs += 1;
      check(input);
    }),
    { numRuns: Number.MAX_SAFE_INTEGER, interruptAfterTimeLimit: (SECONDS * 1_000) / 3 },
  );
  assert.ok(runs > 0);
}

function parsed<Result>(read: (text: string) => Result, text: string): Result | undefined {
  try {
    return read(text);
  } catch (error) {
    assert.ok(error instanceof ImageReferenceError, `${error}`);
    assert.ok(error.message.length < 1_600);
    return undefined;
  }
}

describe('a random text', () => {
  it('is refused as an image reference, or formatted and parsed back to the same one', () => {
    fuzz(damaged(IMAGES), (bytes) => {
      const text = bytes.toString();
      const image = parsed(parseImageReference, text);
      const id = parsed(parseImageId, text);
      if (image !== undefined) {
        assert.deepEqual(parseImageReference(formatReference(image)), image);
        assert.deepEqual(parseImageReference(formatFamiliar(image)), image);
        assert.ok(id !== undefined);
        const entries = [{ registryKey: text, credential: undefined }];
        assert.deepEqual(lookup([{ name: 'pull', keyring: keyring(entries) }], image).candidates, []);
      }
    });
  });

  it('in a pull secret is malformed, or has entries that can be looked up', () => {
    const types = fc.constantFrom('kubernetes.io/dockerconfigjson', 'kubernetes.io/dockercfg');
    fuzz(fc.tuple(types, damaged(CONFIGS), fc.boolean()), ([type, bytes, encoded]) => {
      const value = encoded ? bytes.toString('base64') : bytes.toString();
      const content = parsePullSecret(type, { [type.replace('kubernetes.io/', '.')]: value });
      if (content.result === 'Malformed') assert.match(content.message, /^expected /);
      else checkEntries(content);
    });
  });
});

const SECRETS = [
  '[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n',
  '{"type":"service_account","private_key":"x","client_email":"a@b","private_key_id":"1"}',
  '{"clientId":"11111111-2222-3333-4444-555555555555","clientSecret":"x","tenantId":"y"}',
  '{"Credentials":{"AccessKeyId":"AKIAIOSFODNN7EXAMPLE"},"auths":{"reg.io":{"auth":"dTpw"}}}',
  'QUtJQUlPU0ZPRE5ON0VYQU1QTEU=\n',
  'user\r\n',
].map((text) => Buffer.from(text));

const KEYS = fc.constantFrom(
  ...[
    'username',
    'password',
    'user',
    'token',
    'credentials',
    'credentials.json',
    'key.json',
    'azure.json',
    'config',
  ],
  ...[
    '.dockerconfigjson',
    '.dockercfg',
    'AWS_ACCESS_KEY_ID',
    'aws-secret-access-key',
    'region',
    'appId',
    'tenant',
  ],
  ...['ClientSecret', 'proxy_endpoint', '__proto__', 'constructor'],
);

describe('a random Secret that is not a pull secret', () => {
  it('is read as a credential, or has a message that says what was expected, found, and what to do', () => {
    const types = fc.constantFrom('Opaque', 'kubernetes.io/basic-auth', 'example.com/other');
    const data = fc.dictionary(
      KEYS,
      damaged(SECRETS).map((bytes) => bytes.toString('base64')),
      { maxKeys: 4 },
    );
    fuzz(fc.tuple(types, data, fc.boolean()), ([type, texts, isAnnotated]) => {
      const annotations = isAnnotated ? { [REGISTRIES_ANNOTATION]: 'reg.io' } : {};
      const found = readCredential({ type, data: texts }, annotations);
      if ('message' in found) assert.match(found.message ?? '', /^expected .*, found .*; .*/s);
      if (found.result === 'Credential') checkCredential(found.credential);
    });
  });
});

function checkCredential(credential: PlatformCredential): void {
  assert.ok(Array.isArray(faultsIn(credential)));
  const { login } = credential;
  assert.equal(login && sendingProblem(login), undefined);
}

const IMAGES_TO_LOOK_UP = ['nginx', 'reg.io/team/app', 'a.reg.io:5000/team', '[::1]:5000/app', 'A/b'].map(
  parseImageReference,
);

function checkEntries({ keyring, problems }: Extract<PullSecretContent, { result: 'Entries' }>): void {
  for (const problem of problems) assert.match(problem, /expected .*, found /);
  for (const image of IMAGES_TO_LOOK_UP) {
    for (const { credential } of lookup([{ name: 'pull', keyring }], image).candidates) {
      assert.equal(sendingProblem(credential), undefined);
      for (const fault of loginFaults(credential)) assert.match(fault, /^the /);
      const { kind, ...values } = credential;
      assert.ok(
        Object.values(values).every((each) => each instanceof SecretValue),
        kind,
      );
    }
  }
}
