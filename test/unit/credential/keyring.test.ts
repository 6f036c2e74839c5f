import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type KeyringEntry,
  keyring,
  lookup,
  MOST_CANDIDATES,
  type NamedKeyring,
} from '../../../src/credential/keyring.ts';
import { SecretValue } from '../../../src/credential/secret-value.ts';
import { parseImageReference } from '../../../src/image/reference.ts';
import { operationsOf } from '../../support/operations.ts';

/** The keys of one secret, and those that are found for an image, in order; 'all': just as they are written. */
type Row = readonly [image: string, keys: readonly string[], expected: readonly string[] | 'all'];

const CASES: Readonly<Record<string, readonly Row[]>> = {
  'a key fits every repository of its host': [
    ['reg.io/app', ['reg.io'], ['reg.io']],
    ['reg.io/a/b/c:1', ['reg.io'], ['reg.io']],
    ['localhost/app', ['localhost'], ['localhost']],
    ['1.2.3.4:80/app', ['1.2.3.4:80'], ['1.2.3.4:80']],
  ],
  'a scheme, an API version and a last slash do not count': [
    ['reg.io/app', ['https://reg.io', 'http://reg.io/v1/', 'reg.io/v2/', 'reg.io/'], 'all'],
    ['reg.io/team/app', ['https://reg.io/v2/team'], 'all'],
  ],
  'an API version without its last slash is a path': [
    ['reg.io/app', ['https://reg.io/v1'], []],
    ['reg.io/v1/app', ['https://reg.io/v1'], 'all'],
  ],
  'a port counts, also the default one': [
    ['reg.io/app', ['reg.io:443'], []],
    ['reg.io:443/app', ['reg.io'], []],
    ['reg.io:5000/app', ['reg.io:5000'], 'all'],
    ['reg.io:5000/app', ['reg.io:5001'], []],
    ['reg.io/app', ['reg.io:'], 'all'],
  ],
  'letter case counts': [
    ['reg.io/app', ['Reg.io'], []],
    ['Reg.io/app', ['Reg.io'], 'all'],
  ],
  'an IPv6 address fits itself, if both have a port': [
    ['[::1]:5000/app', ['[::1]:5000'], 'all'],
    ['[::1]:5000/app', ['*:5000', '*1:5000'], 'all'],
    ['[::1]/app', ['*'], 'all'],
    ['[::1]:5000/app', ['[::1]', '[::2]:5000', '*'], []],
    ['[::1]/app', ['[::1]:5000', '[::1]', '[::1]:'], []],
    ['A/app', ['[A::1]'], []],
    ['[1]:5000/app', ['*:5000', '[1]:5000'], []],
  ],
  'a name that contains, begins or ends the host does not fit it': [
    ['reg.io/app', ['eg.io', 'reg.i', 'sub.reg.io', 'reg.io.evil.com', 'io', 'xreg.io'], []],
    ['sub.reg.io/app', ['reg.io'], []],
    ['reg.io.evil.com/app', ['reg.io', 'reg.io/'], []],
  ],
  'a path fits the repositories that begin with it, also within a name': [
    ['reg.io/team/app', ['reg.io/team'], 'all'],
    ['reg.io/teamwork/app', ['reg.io/team'], 'all'],
    ['reg.io/teamwork/app', ['reg.io/team/'], []],
    ['reg.io/other/app', ['reg.io/team'], []],
    ['reg.io/team', ['reg.io/team/app'], []],
  ],
  'a star stands for any characters of one label': [
    ['a.reg.io/app', ['*.reg.io'], 'all'],
    ['reg.io/app', ['reg.*', 're*g.io', 'r*e*g.io', 'r*.io', '*g.*', '**.io'], 'all'],
    ['reg.io/app', ['*.reg.io', '*', '*.*.*', 'x*.io', 'r*x.io', 'reg*g.io', 'g*r.io'], []],
    ['a.b.reg.io/app', ['*.reg.io'], []],
    ['a.reg.io:5000/app', ['*.reg.io'], []],
    ['a.reg.io:5000/team/app', ['*.reg.io:5000/team'], 'all'],
    ['localhost/app', ['*'], 'all'],
    ['aba.io/app', ['ab*ba.io', 'a*b*a*a.io'], []],
  ],
  'a path is percent-decoded, as often as the kubelet does': [
    ['reg.io/team/app', ['reg.io/%74eam%3Fx', 'reg.io/team%23', 'reg.io/te%61m', 'reg.io/te%2561m'], 'all'],
    ['reg.io/team/app', ['reg.io/%76%31/team'], 'all'],
    ['reg.io/team/app', ['reg.io/te%6', 'reg.io/te%2', 'reg.io/team%25', 'reg.io/team%00', 're%67.io'], []],
  ],
  'a question mark or brackets in a host are no globs': [
    ['reg1.io/app', ['reg?.io', 'reg[12].io', 'reg[0-9].io', '[r]eg1.io', 'reg\\1.io'], []],
  ],
  'longer and later keys come first, in reverse byte order': [
    [
      'reg.io/team/app',
      ['reg.io', 'reg.io/team', 'reg.io/team/app', '*.io'],
      ['reg.io/team/app', 'reg.io/team', 'reg.io', '*.io'],
    ],
    ['reg.io/app', ['*.io', 'https://reg.io', 'r*.io'], ['https://reg.io', 'r*.io', '*.io']],
  ],
  'equal keys keep the order in which they are written': [
    ['reg.io/app', ['https://reg.io', 'reg.io', 'http://reg.io/v1/'], 'all'],
  ],
  "Docker Hub's images find its keys": [
    ['nginx', ['docker.io'], 'all'],
    ['nginx', ['docker.io/library'], 'all'],
    ['nginx', ['https://index.docker.io/v1/'], 'all'],
    ['nginx', ['index.docker.io'], 'all'],
    ['nginx', ['https://index.docker.io/v2/', 'https://index.docker.io/v1/'], 'all'],
    ['index.docker.io/acme/shop', ['https://index.docker.io/v1/'], 'all'],
    ['registry-1.docker.io/library/nginx', ['registry-1.docker.io'], 'all'],
  ],
  "Docker Hub's older name counts only where none of its own keys fits": [
    ['nginx', ['https://index.docker.io/v1/', 'docker.io'], ['docker.io']],
    ['nginx', ['https://index.docker.io/v1/', '*.io'], ['*.io']],
    ['nginx', ['https://index.docker.io/v1/', 'docker.io/acme'], ['https://index.docker.io/v1/']],
    ['nginx', ['registry-1.docker.io', 'https://registry-1.docker.io/v2/'], []],
  ],
  "Docker Hub's older name with a path or a colon does not stand for it": [
    ['acme/shop', ['index.docker.io/acme', 'https://index.docker.io/v1', 'index.docker.io:'], []],
  ],
  "Docker Hub's credentials serve no other host": [
    ['localhost/app', ['https://index.docker.io/v1/', 'docker.io', 'registry-1.docker.io'], []],
    ['ACME/app', ['https://index.docker.io/v1/'], []],
    ['Docker.io/app', ['https://index.docker.io/v1/', 'docker.io'], []],
    ['reg.io/docker.io/app', ['docker.io', 'index.docker.io'], []],
    ['registry-1.docker.io/library/nginx', ['docker.io', 'index.docker.io'], []],
  ],
  'a key that names no registry fits nothing': [
    ['reg.io/app', ['https://u:p@reg.io', 'reg.io?x', 'reg.io#x', 'reg%2eio', '', 'https://'], []],
    ['reg.io/app', [`reg.io/${'a'.repeat(1_000_000)}`, '*'.repeat(1_000_000)], []],
  ],
};

describe('lookup', () => {
  for (const [title, rows] of Object.entries(CASES)) {
    it(title, () => {
      for (const [image, keys, expected] of rows) {
        const { candidates } = lookup([pull(keys.map(entry))], parseImageReference(image));
        const actual = candidates.map(({ registryKey }) => registryKey);
        assert.deepEqual(actual, expected === 'all' ? keys : expected, `${image} and ${keys.join(' ')}`);
      }
    });
  }

  it('sorts the keys of all secrets together, and equal ones by the order of the secrets', () => {
    const secrets = [
      { name: 'second', keyring: keyring(['reg.io', '*.io'].map(entry)) },
      { name: 'first', keyring: keyring(['https://reg.io', 'reg.io/team'].map(entry)) },
    ];
    const { candidates } = lookup(secrets, parseImageReference('reg.io/team/app'));
    assert.deepEqual(
      candidates.map(({ secret, registryKey }) => [secret, registryKey]),
      [
        ['first', 'reg.io/team'],
        ['second', 'reg.io'],
        ['first', 'https://reg.io'],
        ['second', '*.io'],
      ],
    );
  });

  it('does not take the older name of Docker Hub where an entry fits that holds nothing, as the kubelet', () => {
    const entries = [{ registryKey: 'docker.io', credential: undefined }, entry('index.docker.io')];
    assert.deepEqual(lookup([pull(entries)], parseImageReference('nginx')).candidates, []);
    assert.deepEqual(
      lookup([pull([entry('docker.io'), ...entries])], parseImageReference('nginx')).candidates.length,
      1,
    );
  });

  it('hands over the credential of the entry', () => {
    const written = entry('reg.io');
    const { candidates } = lookup([pull([written])], parseImageReference('reg.io/app'));
    assert.equal(candidates[0]?.credential, written.credential);
  });

  it('finds nothing without secrets, and leaves the given lists as they are', () => {
    const entries = Object.freeze([entry('a.io'), entry('b.io')]);
    const nothing = { candidates: [], more: 0 };
    assert.deepEqual(lookup([], parseImageReference('nginx')), nothing);
    assert.deepEqual(lookup([pull(entries)], parseImageReference('c.io/app')), nothing);
  });

  it('finds a key without a star for no host but its own', () => {
    const label = fc.stringMatching(/^[ab]{1,2}$/);
    const host = fc.tuple(fc.array(label, { minLength: 2, maxLength: 3 }), fc.constantFrom('', ':1', ':12'));
    const hosts = host.map(([labels, port]) => `${labels.join('.')}${port}`);
    const path = fc.constantFrom('', '/', '/v1/', '/v2/', '/a', '/v2/a');
    fc.assert(
      fc.property(
        hosts,
        hosts,
        path,
        fc.constantFrom('', 'http://', 'https://'),
        (named, asked, suffix, scheme) => {
          const entries = [entry(`${scheme}${named}${suffix}`)];
          const { candidates } = lookup([pull(entries)], parseImageReference(`${asked}/a/b`));
          assert.equal(candidates.length, named === asked ? 1 : 0);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('returns the first 32 that fit, and how many more fit', () => {
    const image = parseImageReference('reg.io/app');
    const keys = Array.from({ length: 100 }, (_, index) => entry(`${index % 2 ? 'https://' : ''}reg.io/`));
    const all = lookup([pull(keys.slice(0, MOST_CANDIDATES))], image);
    assert.deepEqual([MOST_CANDIDATES, all.candidates.length, all.more], [32, 32, 0]);
    const { candidates, more } = lookup([pull(keys)], image);
    assert.equal(more, 68);
    assert.deepEqual(candidates, all.candidates);
  });

  it('looks at twice as many entries in twice as many operations', () => {
    const image = parseImageReference(`${'a'.repeat(250)}.io/app`);
    const shapes = {
      'that fit': (index: number) =>
        `${index % 2 ? 'https://' : ''}${'a'.repeat(250)}.io${'/'.repeat(index % 3 && 1)}`,
      'with a star': () => '*.io',
      'full of stars': () => `${'a*'.repeat(290)}b.io`,
      'of other hosts': (index: number) => `reg-${index}.io`,
      'with paths': (index: number) => `${'a'.repeat(250)}.io/${'a'.repeat(index % 250)}`,
    };
    for (const [title, keyOf] of Object.entries(shapes)) {
      const operations = (count: number) => {
        const entries = Array.from({ length: 256 }, (_, index) => entry(keyOf(index)));
        const secrets = Array.from({ length: count }, () => pull(entries));
        return operationsOf(() => lookup(secrets, image));
      };
      const [once, twice] = [operations(8), operations(16)];
      assert.ok(once > 8 && twice <= 2 * once, `entries ${title}: ${once} and ${twice}`);
    }
  });

  it('matches no key with a character outside printable ASCII', () => {
    const image = parseImageReference('reg.io/team/app');
    const odd = ['\u202e', '\u200b', '\u0085', '\u001b', '\u007f', '\u2028', '\ud800', 'é'];
    for (const character of odd) {
      for (const key of [`reg.io/${character}`, `reg.io/team%23${character}`, `reg.io/team%3f${character}`]) {
        assert.deepEqual(lookup([pull([entry(key)])], image).candidates, [], JSON.stringify(key));
      }
    }
    assert.equal(lookup([pull([entry('reg.io/team%23%E9')])], image).candidates.length, 1);
  });

  it('throws for no key', () => {
    const image = parseImageReference('reg.io/app');
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.webUrl()), (key) => {
        lookup([pull([entry(key)])], image);
      }),
    );
  });
});

function pull(entries: readonly KeyringEntry[]): NamedKeyring {
  return { name: 'pull', keyring: keyring(entries) };
}

function entry(registryKey: string): KeyringEntry {
  const credential = { kind: 'registryToken', token: new SecretValue(registryKey) } as const;
  return { registryKey, credential };
}
