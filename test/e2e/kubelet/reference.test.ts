import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import {
  formatFamiliar,
  type ImageReference,
  ImageReferenceError,
  parseImageReference,
  repositoryName,
} from '../../../src/image/reference.ts';
import { seed } from '../../support/seed.ts';
import { type Answer, ask } from './oracle.ts';

const TEXTS = 30_000;
const HOST_MAX = 259;

const component = fc.stringMatching(/^[a-z0-9]{1,4}((\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}$/);
const host = fc.oneof(
  fc.constantFrom('', 'localhost', 'docker.io', 'index.docker.io', 'ACME', 'Docker.io', 'library'),
  fc.constantFrom('[::1]', '[2001:DB8::1]', '[1]', '[ABCD]', '[abcd]', '[fe80::1%eth0]', 'fc00::1'),
  fc.stringMatching(/^[A-Za-z0-9]{1,5}([-_]{1,2}[A-Za-z0-9]{1,3})?(\.[A-Za-z0-9]{1,5}){0,3}$/),
);
const digest = fc
  .tuple(
    fc.constantFrom('sha256', 'sha384', 'sha512', 'md5', 'SHA256', 'sha256+b64'),
    fc.constantFrom(31, 32, 64, 96, 128),
    fc.constantFrom('a', '0', 'A', 'g'),
  )
  .map(([algorithm, length, digit]) => `@${algorithm}:${digit.repeat(length)}`);
const likely = fc
  .tuple(
    host,
    fc.constantFrom('', '', ':5000', ':'),
    fc.array(component, { minLength: 1, maxLength: 4 }),
    fc.oneof(
      fc.constant(''),
      fc.stringMatching(/^:[A-Za-z0-9_][A-Za-z0-9_.-]{0,9}$/),
      fc.stringMatching(/^:[A-Za-z0-9_.-]{0,20}$/),
    ),
    fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom('', '', `@sha256:${'a'.repeat(64)}`) },
      { weight: 1, arbitrary: digest },
    ),
  )
  .map(([host, port, path, tag, digest]) => `${host && `${host}${port}/`}${path.join('/')}${tag}${digest}`);
const mutated = fc
  .tuple(likely, fc.nat(), fc.constantFrom(...'/:@._-[]%Aaz09 é\n'), fc.boolean())
  .map(([text, at, character, insert]) => {
    const index = at % (text.length + 1);
    return `${text.slice(0, index)}${character}${text.slice(insert ? index : index + 1)}`;
  });
const grammarish = fc.string({ unit: fc.constantFrom(...'abzAZ09.:/@_-[]'), maxLength: 12 });
/** Lengths around the limits of tags, repositories and repositories without a host. */
const long = fc
  .tuple(
    fc.constantFrom('', 'a.io/', 'a_b.io/', 'docker.io/', 'docker.io/x/', 'localhost/'),
    fc.integer({ min: 240, max: 258 }),
    fc.oneof(
      fc.constant(''),
      fc.integer({ min: 126, max: 130 }).map((length) => `:${'t'.repeat(length)}`),
    ),
  )
  .map(([host, length, tag]) => `${host}${'a'.repeat(length)}${tag}`);
const hex = fc.integer({ min: 63, max: 65 }).map((length) => 'a'.repeat(length));

const texts = fc.oneof(
  { weight: 12, arbitrary: likely },
  { weight: 8, arbitrary: mutated },
  { weight: 3, arbitrary: grammarish },
  { weight: 1, arbitrary: long },
  { weight: 1, arbitrary: hex },
);

it(`the parser reads ${TEXTS} random texts as the reference package of distribution does`, async (context) => {
  const sample = fc.sample(texts, { seed, numRuns: TEXTS });
  const answers = await ask(sample.map((reference) => ({ reference })));
  const read = sample.map((text, index) => ({ text, ours: parsed(text), theirs: answers[index]?.reference }));
  for (const { text, ours, theirs } of read) {
    const message = `ICB_TEST_SEED=${seed}: ${JSON.stringify(text)}`;
    assert.deepEqual(ours && parts(ours), theirs && withoutFamiliar(theirs), message);
    if (ours === undefined || theirs === undefined) continue;
    const familiar = formatFamiliar(ours);
    assert.deepEqual(parsed(familiar), ours, message);
    // The familiar form of distribution may name another image.
    if (isDeepEqual(parsed(theirs.familiar), ours)) assert.equal(familiar, theirs.familiar, message);
  }
  const references = read.filter(({ ours }) => ours !== undefined).length;
  context.diagnostic(`seed ${seed}: ${TEXTS} texts, ${references} of them references, none different`);
  assert.ok(references > TEXTS / 4 && references < (TEXTS * 3) / 4);
});

it('the parser refuses a host that is longer than a DNS name can be, although distribution sets no limit', async () => {
  const text = `${'a.'.repeat(HOST_MAX / 2)}io/app`;
  const [answer] = await ask([{ reference: text }]);
  assert.ok(answer?.reference !== undefined);
  assert.equal(parsed(text), undefined);
});

function parsed(text: string): ImageReference | undefined {
  try {
    return parseImageReference(text);
  } catch (error) {
    assert.ok(error instanceof ImageReferenceError);
    return undefined;
  }
}

function parts(reference: ImageReference) {
  const { tag = '', digest = '' } = reference;
  return { name: repositoryName(reference), tag, digest };
}

function withoutFamiliar({ name, tag, digest }: NonNullable<Answer['reference']>) {
  return { name, tag, digest };
}

function isDeepEqual(one: ImageReference | undefined, other: ImageReference): boolean {
  return one !== undefined && JSON.stringify(one) === JSON.stringify(other);
}
