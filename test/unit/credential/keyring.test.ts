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

/** An image, the keys of one secret, and the keys that fit, in order. 'all': all keys in the order of the secret. */
type Row = readonly [image: string, keys: readonly string[], expected: readonly string[] | 'all'];

const CASES: Readonly<Record<string, readonly Row[]>> = {
  'matches a key with every repository of its host': [
    ['reg.io/app', ['reg.io'], ['reg.io']],
    ['reg.io/a/b/c:1', ['reg.io'], ['reg.io']],
    ['localhost/app', ['localhost'], ['localhost']],
    ['1.2.3.4:80/app', ['1.2.3.4:80'], ['1.2.3.4:80']],
  ],
  'ignores the scheme, API version and trailing slash of a key': [
    ['reg.io/app', ['https://reg.io', 'http://reg.io/v1/', 'reg.io/v2/', 'reg.io/'], 'all'],
    ['reg.io/team/app', ['https://reg.io/v2/team'], 'all'],
  ],
  'treats an API version without a trailing slash as a path': [
    ['reg.io/app', ['https://reg.io/v1'], []],
    ['reg.io/v1/app', ['https://reg.io/v1'], 'all'],
  ],
  'compares ports, including the default port': [
    ['reg.io/app', ['reg.io:443'], []],
    ['reg.io:443/app', ['reg.io'], []],
    ['reg.io:5000/app', ['reg.io:5000'], 'all'],
    ['reg.io:5000/app', ['reg.io:5001'], []],
    ['reg.io/app', ['reg.io:'], 'all'],
  ],
  'is case-sensitive': [
    ['reg.io/app', ['Reg.io'], []],
    ['Reg.io/app', ['Reg.io'], 'all'],
  ],
  'matches an IPv6 address with itself if both have a port': [
    ['[::1]:5000/app', ['[::1]:5000'], 'all'],
    ['[::1]:5000/app', ['*:5000', '*1:5000'], 'all'],
    ['[::1]/app', ['*'], 'all'],
    ['[::1]:5000/app', ['[::1]', '[::2]:5000', '*'], []],
    ['[::1]/app', ['[::1]:5000', '[::1]', '[::1]:'], []],
    ['A/app', ['[A::1]', '[A]:'], []],
    ['1.2.3.4:5000/app', ['[1.2.3.4]:5000'], []],
    ['[1]:5000/app', ['*:5000', '[1]:5000'], []],
  ],
  'does not match a key that only contains the host or a part of it': [
    ['reg.io/app', ['eg.io', 'reg.i', 'sub.reg.io', 'reg.io.evil.com', 'io', 'xreg.io'], []],
    ['sub.reg.io/app', ['reg.io'], []],
    ['reg.io.evil.com/app', ['reg.io', 'reg.io/'], []],
  ],
  'matches a path with the repositories that it is a prefix of, even within a component': [
    ['reg.io/team/app', ['reg.io/team'], 'all'],
    ['reg.io/teamwork/app', ['reg.io/team'], 'all'],
    ['reg.io/teamwork/app', ['reg.io/team/'], []],
    ['reg.io/other/app', ['reg.io/team'], []],
    ['reg.io/team', ['reg.io/team/app'], []],
  ],
  'matches a star with any characters within one label': [
    ['a.reg.io/app', ['*.reg.io'], 'all'],
    ['reg.io/app', ['reg.*', 're*g.io', 'r*e*g.io', 'r*.io', '*g.*', '**.io'], 'all'],
    ['reg.io/app', ['*.reg.io', '*', '*.*.*', 'x*.io', 'r*x.io', 'reg*g.io', 'g*r.io'], []],
    ['a.b.reg.io/app', ['*.reg.io'], []],
    ['a.reg.io:5000/app', ['*.reg.io'], []],
    ['a.reg.io:5000/team/app', ['*.reg.io:5000/team'], 'all'],
    ['localhost/app', ['*'], 'all'],
    ['aba.io/app', ['ab*ba.io', 'a*b*a*a.io'], []],
  ],
  'percent-decodes a path as often as the kubelet does': [
    ['reg.io/team/app', ['reg.io/%74eam%3Fx', 'reg.io/team%23', 'reg.io/te%61m', 'reg.io/te%2561m'], 'all'],
    ['reg.io/team/app', ['reg.io/%76%31/team'], 'all'],
    ['reg.io/team/app', ['reg.io/te%6', 'reg.io/te%2', 'reg.io/team%25', 'reg.io/team%00', 're%67.io'], []],
  ],
  'treats question marks and brackets in a host literally': [
    ['reg1.io/app', ['reg?.io', 'reg[12].io', 'reg[0-9].io', '[r]eg1.io', 'reg\\1.io'], []],
  ],
  'sorts keys in reverse byte order': [
    [
      'reg.io/team/app',
      ['reg.io', 'reg.io/team', 'reg.io/team/app', '*.io'],
      ['reg.io/team/app', 'reg.io/team', 'reg.io', '*.io'],
    ],
    ['reg.io/app', ['*.io', 'https://reg.io', 'r*.io'], ['https://reg.io', 'r*.io', '*.io']],
  ],
  'keeps the order of equal keys': [['reg.io/app', ['https://reg.io', 'reg.io', 'http://reg.io/v1/'], 'all']],
  "matches Docker Hub's keys with its images": [
    ['nginx', ['docker.io'], 'all'],
    ['nginx', ['docker.io/library'], 'all'],
    ['nginx', ['https://index.docker.io/v1/'], 'all'],
    ['nginx', ['index.docker.io'], 'all'],
    ['nginx', ['https://index.docker.io/v2/', 'https://index.docker.io/v1/'], 'all'],
    ['index.docker.io/acme/shop', ['https://index.docker.io/v1/'], 'all'],
    ['registry-1.docker.io/library/nginx', ['registry-1.docker.io'], 'all'],
  ],
  "uses Docker Hub's older name only if none of its other keys fits": [
    ['nginx', ['https://index.docker.io/v1/', 'docker.io'], ['docker.io']],
    ['nginx', ['https://index.docker.io/v1/', '*.io'], ['*.io']],
    ['nginx', ['https://index.docker.io/v1/', 'docker.io/acme'], ['https://index.docker.io/v1/']],
    ['nginx', ['registry-1.docker.io', 'https://registry-1.docker.io/v2/'], []],
  ],
  "does not match Docker Hub's older name with a path or a colon": [
    ['acme/shop', ['index.docker.io/acme', 'https://index.docker.io/v1', 'index.docker.io:'], []],
  ],
  "matches Docker Hub's keys with no other host": [
    ['localhost/app', ['https://index.docker.io/v1/', 'docker.io', 'registry-1.docker.io'], []],
    ['ACME/app', ['https://index.docker.io/v1/'], []],
    ['Docker.io/app', ['https://index.docker.io/v1/', 'docker.io'], []],
    ['reg.io/docker.io/app', ['docker.io', 'index.docker.io'], []],
    ['registry-1.docker.io/library/nginx', ['docker.io', 'index.docker.io'], []],
  ],
  'matches no image with a key that names no registry': [
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

  it('sorts the keys of all secrets together, and equal keys by the order of the secrets', () => {
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

  it("does not use Docker Hub's older name if an empty entry fits, like the kubelet", () => {
    const entries = [{ registryKey: 'docker.io', credential: undefined }, entry('index.docker.io')];
    assert.deepEqual(lookup([pull(entries)], parseImageReference('nginx')).candidates, []);
    assert.deepEqual(
      lookup([pull([entry('docker.io'), ...entries])], parseImageReference('nginx')).candidates.length,
      1,
    );
  });

  it('returns the credential of the entry', () => {
    const written = entry('reg.io');
    const { candidates } = lookup([pull([written])], parseImageReference('reg.io/app'));
    assert.equal(candidates[0]?.credential, written.credential);
  });

  it('finds nothing without secrets, and does not modify its arguments', () => {
    const entries = Object.freeze([entry('a.io'), entry('b.io')]);
    const none = { candidates: [], more: 0 };
    assert.deepEqual(lookup([], parseImageReference('nginx')), none);
    assert.deepEqual(lookup([pull(entries)], parseImageReference('c.io/app')), none);
  });

  it('matches a key without a star only with its own host', () => {
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
        (keyHost, imageHost, suffix, scheme) => {
          const entries = [entry(`${scheme}${keyHost}${suffix}`)];
          const { candidates } = lookup([pull(entries)], parseImageReference(`${imageHost}/a/b`));
          assert.equal(candidates.length, keyHost === imageHost ? 1 : 0);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('returns the first 32 keys that fit, and the number of others that fit', () => {
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

  it('never throws, whatever the key', () => {
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
