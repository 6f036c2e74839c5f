import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type KeyringEntry, keyring, lookup, type NamedKeyring } from '../../../../src/credential/keyring.ts';
import {
  MOST_COMPARED,
  MOST_NEAR_MISSES,
  type NearMiss,
  nearMisses,
} from '../../../../src/credential/near-miss/near-miss.ts';
import { ImageReferenceError, parseImageReference } from '../../../../src/image/reference.ts';
import { variantsOf } from '../../../../src/platform/host-variants.ts';

const RUNS = 30_000;
/** In characters: three quoted texts of a bounded length, and the words between them. */
const LONGEST_PROBLEM = 600;

/** An image, and the entries of some Secrets. Each entry has another number as its credential; undefined: none. */
interface Case {
  readonly image: string;
  readonly secrets: readonly (readonly KeyringEntry<number>[])[];
}

const HOSTS = [
  'docker.io',
  'registry-1.docker.io',
  'registry.example.org',
  'a.b.example.com',
  'example.com',
  'MyRegistry.azurecr.io',
  'my_reg.example.org',
  'localhost',
  'quay.io',
  '10.0.0.1',
  '[2001:DB8::1]',
  '123456789012.dkr.ecr.eu-west-1.amazonaws.com',
  'registry.cn-hangzhou.aliyuncs.com',
  'eu.gcr.io',
];
const REPOSITORIES = ['app', 'team/app', 'v1/app', 'v2/v1/app', 'library/nginx', 'te/am/app', 'v1'];

type Change = (text: string, at: number) => string;

const HOST_CHANGES: readonly Change[] = [
  (host) => host.toLowerCase(),
  (host) => host.toUpperCase(),
  (host) => `*.${host}`,
  (host) => host.replace(/^[^.]*/, '*'),
  (host) => host.replace(/^[^.]*\./, '*.'),
  (host) => host.replace(/^[^.]*\.[^.]*/, '*'),
  (host) => host.replace(/^[^.]*\./, '*.*.'),
  (host) => host.replace(/^[^.]*/, ''),
  (host) => host.replace(/^[^.]*/, 'other'),
  (host) => `www.${host}`,
  (host, at) => host.slice(0, at % host.length) + host.slice((at % host.length) + 1),
  (host, at) => `${host.slice(0, at % host.length)}x${host.slice(at % host.length)}`,
  (host) => host.replace('eu-west-1', 'us-east-1').replace('registry.', 'registry-vpc.'),
  (host) => host.replace('eu.', ''),
  () => 'index.docker.io',
  () => 'docker.io',
  () => 'hub.docker.com',
  () => 'Docker.io',
];
const PATH_CHANGES: readonly Change[] = [
  () => '',
  () => '/',
  () => '/v1/',
  () => '/v1',
  () => '/v2',
  (path) => path.toUpperCase(),
  (path) => `${path}/`,
  (path) => `${path}:1.0`,
  (path) => `/v1${path}`,
  (path) => `/other${path}`,
  (path, at) => path.slice(0, at % path.length),
  (path) => path.replaceAll('a', '%61'),
  (path) => path.replace('/library', ''),
];
const PORTS = ['', '', '', ':443', ':5000', ':', `:${'4'.repeat(500)}`];

const change = (changes: readonly Change[]) =>
  fc.tuple(
    fc.constantFrom<Change>((text) => text, ...changes),
    fc.nat(99),
  );

const imageParts = fc.record({
  host: fc.constantFrom(...HOSTS),
  port: fc.constantFrom('', '', ':443', ':5000'),
  repository: fc.constantFrom(...REPOSITORIES),
});
const keyParts = fc.record({
  scheme: fc.constantFrom('', 'https://'),
  host: fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, fc.constantFrom(...HOSTS)),
  changes: fc.array(change(HOST_CHANGES), { maxLength: 2 }),
  port: fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, fc.constantFrom(...PORTS)),
  path: fc.array(change(PATH_CHANGES), { minLength: 1, maxLength: 2 }),
  usable: fc.constantFrom(true, true, true, false),
});

const cases: fc.Arbitrary<Case> = fc
  .tuple(imageParts, fc.array(fc.array(keyParts, { maxLength: 4 }), { minLength: 1, maxLength: 3 }))
  .map(([{ host, port, repository }, secrets]) => {
    let credential = 0;
    const entryOf = (parts: (typeof secrets)[number][number]): KeyringEntry<number> => {
      credential += 1;
      const named = parts.changes.reduce((text, [apply, at]) => apply(text || 'x', at), parts.host ?? host);
      const path = parts.path.reduce((text, [apply, at]) => apply(text || '/', at), `/${repository}`);
      const registryKey = `${parts.scheme}${named}${parts.port ?? port}${path}`;
      return { registryKey, credential: parts.usable ? credential : undefined };
    };
    return { image: `${host}${port}/${repository}`, secrets: secrets.map((entries) => entries.map(entryOf)) };
  })
  .filter(({ image }) => isImage(image));

describe(`near misses, for ${RUNS} random images and entries`, () => {
  const sample = fc.sample(cases, { numRuns: RUNS, seed: 42 }).map((each) => {
    const image = parseImageReference(each.image);
    const named = each.secrets.map(namedKeyring);
    return { ...each, image, named, near: nearMisses(named, image, variantsOf) };
  });

  it('exist only if the look-up finds nothing, and are few', (context) => {
    for (const { named, image, near } of sample) {
      if (near.length > 0) assert.deepEqual(lookup(named, image).candidates, []);
      assert.ok(near.length <= MOST_NEAR_MISSES);
    }
    const some = sample.filter(({ near }) => near.length > 0).length;
    context.diagnostic(`${some} of ${RUNS} with near misses`);
    assert.ok(some > RUNS / 10);
  });

  it('fit once their key is replaced with the corrected one', () => {
    for (const { secrets, image, near } of sample) {
      for (const each of near) {
        const corrected = secrets.map((entries) => entries.map((entry) => mended(entry, each)));
        const found = lookup(corrected.map(namedKeyring), image).candidates.map(
          ({ credential }) => credential,
        );
        assert.ok(found.includes(each.credential), explainedCase(each, image.host, corrected));
      }
    }
  });

  it('fit with the corrected key in a Secret of their own', () => {
    for (const { image, near } of sample) {
      for (const { corrected, credential, ...each } of near) {
        const own = namedKeyring([{ registryKey: corrected, credential }]);
        assert.equal(lookup([own], image).candidates.length, 1, JSON.stringify({ ...each, corrected }));
      }
    }
  });

  it('have a problem of bounded length, and at least one difference', () => {
    const clauses = new Set<string>();
    for (const { near } of sample) {
      for (const { problem } of near) {
        assert.ok(problem !== '' && problem.length <= LONGEST_PROBLEM, problem);
        for (const clause of problem.split(', and it')) clauses.add(clause.replace(/"[^"]*"|\d+/g, '…'));
      }
    }
    assert.ok(clauses.size > 15, [...clauses].join('\n'));
  });
});

it('near misses are found among the first entries only, so that the cost is bounded', () => {
  const image = parseImageReference('registry.example.org/app');
  const nearAt = (position: number) => {
    const entries = Array.from({ length: 2 * MOST_COMPARED }, (_, index) => ({
      registryKey: index === position ? 'registry.example.org:443' : `other-${index}.example`,
      credential: index,
    }));
    const secrets = [entries.slice(0, 100), entries.slice(100)].map(namedKeyring);
    return nearMisses(secrets, image, variantsOf).map(({ credential }) => credential);
  };
  assert.deepEqual(nearAt(MOST_COMPARED - 1), [MOST_COMPARED - 1]);
  assert.deepEqual(nearAt(MOST_COMPARED), []);
});

function namedKeyring(entries: readonly KeyringEntry<number>[]): NamedKeyring<number> {
  return { name: 'pull', keyring: keyring(entries) };
}

function mended(
  entry: KeyringEntry<number>,
  { credential, corrected }: NearMiss<number>,
): KeyringEntry<number> {
  return entry.credential === credential ? { ...entry, registryKey: corrected } : entry;
}

function explainedCase(near: NearMiss<number>, host: string, secrets: Case['secrets']): string {
  return `${near.problem}: ${near.registryKey} -> ${near.corrected} for ${host} among ${JSON.stringify(secrets)}`;
}

function isImage(text: string): boolean {
  try {
    parseImageReference(text);
    return true;
  } catch (error) {
    assert.ok(error instanceof ImageReferenceError);
    return false;
  }
}
