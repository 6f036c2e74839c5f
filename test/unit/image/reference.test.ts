import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  formatFamiliar,
  formatReference,
  ImageReferenceError,
  parseImageReference,
  repositoryName,
} from '../../../src/image/reference.ts';
import { SHA256, SHA384, SHA512 } from './digests.ts';

interface Case {
  readonly text: string;
  readonly host: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

const REFERENCES: readonly Case[] = [
  { text: 'nginx', host: 'docker.io', repository: 'library/nginx' },
  { text: 'nginx:1.27', host: 'docker.io', repository: 'library/nginx', tag: '1.27' },
  { text: 'acme/shop', host: 'docker.io', repository: 'acme/shop' },
  { text: 'docker.io/nginx', host: 'docker.io', repository: 'library/nginx' },
  { text: 'index.docker.io/nginx', host: 'docker.io', repository: 'library/nginx' },
  { text: 'index.docker.io/acme/shop:1', host: 'docker.io', repository: 'acme/shop', tag: '1' },
  { text: 'registry-1.docker.io/library/nginx', host: 'registry-1.docker.io', repository: 'library/nginx' },
  { text: 'example.com/app', host: 'example.com', repository: 'app' },
  { text: 'example.com:5000/app:5000', host: 'example.com:5000', repository: 'app', tag: '5000' },
  { text: 'registry:5000/app', host: 'registry:5000', repository: 'app' },
  { text: 'localhost/app', host: 'localhost', repository: 'app' },
  { text: 'localhost:5000/a/b/c', host: 'localhost:5000', repository: 'a/b/c' },
  { text: '192.168.1.1:5000/app', host: '192.168.1.1:5000', repository: 'app' },
  { text: '[2001:db8::1]/app', host: '[2001:db8::1]', repository: 'app' },
  { text: '[2001:DB8::1]:5000/app:1', host: '[2001:DB8::1]:5000', repository: 'app', tag: '1' },
  { text: 'xn--n3h.com/app', host: 'xn--n3h.com', repository: 'app' },
  { text: 'my_host.example/app', host: 'my_host.example', repository: 'app' },
  { text: 'ACME/shop', host: 'ACME', repository: 'shop' },
  { text: 'Docker.io/nginx', host: 'Docker.io', repository: 'nginx' },
  { text: 'Registry.Example.com/app:V1', host: 'Registry.Example.com', repository: 'app', tag: 'V1' },
  { text: 'example.com', host: 'docker.io', repository: 'library/example.com' },
  { text: 'example.com:5000', host: 'docker.io', repository: 'library/example.com', tag: '5000' },
  { text: 'a__b/c--d.e_f', host: 'docker.io', repository: 'a__b/c--d.e_f' },
  { text: `app@${SHA256}`, host: 'docker.io', repository: 'library/app', digest: SHA256 },
  { text: `r.io/app@${SHA384}`, host: 'r.io', repository: 'app', digest: SHA384 },
  { text: `r.io/app:1@${SHA512}`, host: 'r.io', repository: 'app', tag: '1', digest: SHA512 },
  { text: SHA256, host: 'docker.io', repository: 'library/sha256', tag: 'a'.repeat(64) },
  { text: `r.io/${'a'.repeat(64)}`, host: 'r.io', repository: 'a'.repeat(64) },
  { text: `r.io/${'a'.repeat(255)}`, host: 'r.io', repository: 'a'.repeat(255) },
  { text: `my_host.io/${'a'.repeat(244)}`, host: 'my_host.io', repository: 'a'.repeat(244) },
  { text: 'a'.repeat(247), host: 'docker.io', repository: `library/${'a'.repeat(247)}` },
  { text: `app:${'t'.repeat(128)}`, host: 'docker.io', repository: 'library/app', tag: 't'.repeat(128) },
];

/** Normalization: cases from distribution's reference package (normalize_test.go), and a few more. */
const FAMILIAR: readonly (readonly [familiar: string, canonical: string, ...others: readonly string[]])[] = [
  ['fooo/bar', 'docker.io/fooo/bar', 'index.docker.io/fooo/bar'],
  [
    'ubuntu',
    'docker.io/library/ubuntu',
    'library/ubuntu',
    'index.docker.io/library/ubuntu',
    'docker.io/ubuntu',
  ],
  ['ubuntu-12.04-base', 'docker.io/library/ubuntu-12.04-base', 'index.docker.io/ubuntu-12.04-base'],
  ['library/foo/bar', 'docker.io/library/foo/bar'],
  ['other/library', 'docker.io/other/library'],
  ['localhost/fooo/bar', 'localhost/fooo/bar'],
  ['LOCALDOMAIN/fooo', 'LOCALDOMAIN/fooo'],
  ['127.0.0.1:8000/privatebase', '127.0.0.1:8000/privatebase'],
  ['example.com:8000/private/moonbase', 'example.com:8000/private/moonbase'],
  ['[fc00:1:2:3:4:5:6:7]:5000/library/debian', '[fc00:1:2:3:4:5:6:7]:5000/library/debian'],
  ['registry-1.docker.io/library/nginx', 'registry-1.docker.io/library/nginx'],
  ['nginx:1.27', 'docker.io/library/nginx:1.27'],
  [`nginx:1@${SHA256}`, `docker.io/library/nginx:1@${SHA256}`],
];

/** References whose short form would mean another image or be invalid. */
const WITHOUT_SHORT_FORM: readonly string[] = [
  'docker.io/localhost/app',
  'docker.io/a.b/app',
  `docker.io/library/${'a'.repeat(64)}`,
];

const NO_REFERENCES: readonly { readonly text: string; readonly found: RegExp }[] = [
  { text: '', found: /found "".*Name an image/ },
  { text: ' nginx', found: /found " nginx"/ },
  { text: 'nginx\n', found: /found "nginx\\n"/ },
  { text: 'https://example.com/app', found: /Remove the scheme before the host/ },
  { text: 'a'.repeat(64), found: /are an image ID/ },
  { text: 'Nginx', found: /found "Nginx".*lower case/ },
  { text: 'example.com/Shop', found: /found "Shop" in "example.com\/Shop"\. Write it in lower case/ },
  { text: 'example.com/', found: /found "" in "example.com\/"/ },
  { text: '/app', found: /found "\/app"/ },
  { text: 'a//b', found: /found "a\/\/b"/ },
  { text: 'a/b/', found: /found "a\/b\/"/ },
  { text: 'a___b', found: /found "a___b"/ },
  { text: 'a.-b', found: /found "a\.-b"/ },
  { text: '-host.com/app', found: /found "-host\.com"/ },
  { text: 'my_host:5000/app', found: /found "my_host:5000"/ },
  { text: 'host:port/app', found: /found "host:port"/ },
  { text: '[2001:db8::1]', found: /found "\[2001"/ },
  { text: '[fe80::1%eth0]:5000/app', found: /found "\[fe80::1%eth0\]:5000"/ },
  { text: 'fc00::1:5000/app', found: /found "fc00::1:5000"/ },
  { text: 'user:password@example.com/app', found: /a digest/ },
  { text: 'app:', found: /a tag .* found ""/ },
  { text: 'app:-x', found: /a tag .* found "-x"/ },
  { text: `app:${'t'.repeat(129)}`, found: /a tag .*\(129 characters\)/ },
  { text: 'app@', found: /a digest.* found ""/ },
  { text: `app@${SHA256.slice(0, -1)}`, found: /a digest/ },
  { text: `app@${SHA256.toUpperCase()}`, found: /a digest/ },
  { text: `app@md5:${'a'.repeat(32)}`, found: /a digest/ },
  { text: `app@${SHA256}@${SHA256}`, found: /a digest/ },
  { text: `@${SHA256}`, found: /a repository .* found ""/ },
  { text: `r.io/${'a'.repeat(256)}`, found: /at most 255 characters, found .*\(256 characters\)/ },
  { text: 'a'.repeat(248), found: /at most 255 characters/ },
  { text: `my_host.io/${'a'.repeat(245)}`, found: /at most 255 characters/ },
  { text: `${'a.'.repeat(200)}io/app`, found: /a host of at most 259 characters/ },
  { text: 'n\u0456nx', found: /found "n\\u0456nx"/ },
  { text: 'app\u009b31m', found: /found "app\\u009b31m"/ },
];

describe('parseImageReference', () => {
  for (const { text, ...parts } of REFERENCES) {
    it(`reads ${text.slice(0, 60)}`, () => {
      assert.deepEqual(parseImageReference(text), { tag: undefined, digest: undefined, ...parts });
    });
  }

  for (const { text, found } of NO_REFERENCES) {
    it(`refuses ${JSON.stringify(text.slice(0, 60))}`, () => {
      assert.throws(() => parseImageReference(text), { name: 'ImageReferenceError', message: found });
    });
  }

  it('throws only its own error, with a short message, whatever the text', () => {
    const anything = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: grammarish, maxLength: 40 }));
    fc.assert(
      fc.property(anything, (text) => {
        const error = errorOf(() => parseImageReference(text));
        assert.ok(error === undefined || error instanceof ImageReferenceError);
        assert.ok((error?.message.length ?? 0) < 1600);
      }),
      { numRuns: 2000 },
    );
  });

  const HOSTILE: readonly string[] = [
    'a',
    '-',
    '_',
    '.',
    '/',
    ':',
    '@',
    '[',
    'a-',
    'a.',
    'a_',
    'a/',
    '[:',
    'A',
    '\u0000',
  ];
  for (const piece of HOSTILE) {
    it(`refuses a million repetitions of ${JSON.stringify(piece)} quickly and with a short message`, () => {
      const many = piece.repeat(1_000_000);
      for (const text of [many, `a.b/${many}`, `${many}/a`, `a:${many}`, `a@${many}`, `${many}!`]) {
        const start = performance.now();
        const error = errorOf(() => parseImageReference(text));
        assert.ok(performance.now() - start < 10_000);
        assert.ok(error instanceof ImageReferenceError);
        assert.ok(error.message.length < 1600);
      }
    });
  }
});

describe('formatReference', () => {
  it('writes the canonical name with its tag and digest', () => {
    assert.equal(formatReference(parseImageReference('nginx')), 'docker.io/library/nginx');
    assert.equal(formatReference(parseImageReference(`r.io/a:1@${SHA256}`)), `r.io/a:1@${SHA256}`);
  });

  it('is parsed back to the same reference', () => {
    fc.assert(
      fc.property(references, (text) => {
        const parsed = parseImageReference(text);
        assert.deepEqual(parseImageReference(formatReference(parsed)), parsed);
        assert.ok(formatReference(parsed).startsWith(repositoryName(parsed)));
      }),
      { numRuns: 2000 },
    );
  });

  it('is parsed back to the same reference for any valid text', () => {
    fc.assert(
      fc.property(fc.string({ unit: grammarish, maxLength: 16 }), (text) => {
        fc.pre(errorOf(() => parseImageReference(text)) === undefined);
        const parsed = parseImageReference(text);
        assert.deepEqual(parseImageReference(formatReference(parsed)), parsed);
      }),
    );
  });
});

describe('formatFamiliar', () => {
  for (const [familiar, canonical, ...others] of FAMILIAR) {
    it(`shortens ${canonical.slice(0, 60)} to ${familiar.slice(0, 40)}`, () => {
      for (const text of [familiar, canonical, ...others]) {
        assert.equal(formatFamiliar(parseImageReference(text)), familiar);
        assert.equal(formatReference(parseImageReference(text)), canonical);
      }
    });
  }

  for (const canonical of WITHOUT_SHORT_FORM) {
    it(`does not shorten ${canonical.slice(0, 60)}, whose short form would be ambiguous`, () => {
      assert.equal(formatFamiliar(parseImageReference(canonical)), canonical);
    });
  }

  it('is parsed back to the same reference', () => {
    fc.assert(
      fc.property(references, (text) => {
        const parsed = parseImageReference(text);
        assert.deepEqual(parseImageReference(formatFamiliar(parsed)), parsed);
      }),
      { numRuns: 2000 },
    );
  });
});

const grammarish = fc.constantFrom(...'abzAZ09.:/@_-[]');

const component = fc.stringMatching(/^[a-z0-9]{1,4}((\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}$/);
const hosts = fc.oneof(
  fc.constantFrom('', 'localhost', 'docker.io', 'index.docker.io', 'ACME', '[::1]', '[2001:db8::1]:5000'),
  fc.stringMatching(/^[A-Za-z0-9]{1,5}(-[A-Za-z0-9]{1,3})?(\.[A-Za-z0-9]{1,5}){1,3}(:[0-9]{1,5})?$/),
);
const references = fc
  .tuple(
    hosts,
    fc.array(component, { minLength: 1, maxLength: 4 }),
    fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/)),
    fc.constantFrom('', `@${SHA256}`, `@${SHA384}`, `@${SHA512}`),
  )
  .map(([host, path, tag, digest]) => {
    const name = host === '' ? path.join('/') : `${host}/${path.join('/')}`;
    return `${name}${tag === null ? '' : `:${tag}`}${digest}`;
  });

function errorOf(action: () => unknown): Error | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    assert.ok(error instanceof Error);
    return error;
  }
}
