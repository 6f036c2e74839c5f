import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { durationNs, parseGoDuration } from '../../../src/scan/duration.ts';
import { seed } from '../../support/seed.ts';
import { ask } from './oracle.ts';

const TEXTS = 20_000;

/** Go limits a duration to 2^63 - 1 nanoseconds. These are the largest whole numbers of each unit, and their neighbors. */
const LIMITS = ['ns:1', 'us:1000', 'ms:1000000', 's:1000000000', 'm:60000000000', 'h:3600000000000'].flatMap(
  (each) => {
    const [unit, size = '1'] = each.split(':');
    return [-1n, 0n, 1n, 2n].map((offset) => `${2n ** 63n / BigInt(size) + offset - 1n}${unit}`);
  },
);
const UNITS = ['ns', 'us', '\u00b5s', '\u03bcs', 'ms', 's', 'm', 'h'];
const ODD_UNITS = ['', 'd', 'H', 'S', 'hh', ' s', 's ', 'ｓ', '\u00b5', 'Ms', 'w'];
const digits = fc.oneof(
  fc.nat({ max: 99 }).map(String),
  fc.stringMatching(/^[0-9]{1,22}$/),
  fc.constantFrom('', '0', '00', '9223372036854775807', '9223372036854775808', '18446744073709551616'),
);
const number = fc.oneof(
  { weight: 3, arbitrary: digits },
  { weight: 2, arbitrary: fc.tuple(digits, digits).map((parts) => parts.join('.')) },
  { weight: 1, arbitrary: fc.stringMatching(/^0?\.[0-9]{1,40}$/) },
);
const part = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.tuple(number, fc.constantFrom(...UNITS)).map((parts) => parts.join('')),
  },
  { weight: 2, arbitrary: fc.constantFrom(...LIMITS) },
  {
    weight: 1,
    arbitrary: fc.tuple(number, fc.constantFrom(...ODD_UNITS)).map((parts) => parts.join('')),
  },
);
const texts = fc.oneof(
  {
    weight: 9,
    arbitrary: fc
      .tuple(
        fc.constantFrom('', '', '', '', '+', '-', '--', ' '),
        fc.array(part, { minLength: 1, maxLength: 3 }),
      )
      .map(([sign, parts]) => `${sign}${parts.join('')}`),
  },
  { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom(...'0123459.+-nuµmsh _e'), maxLength: 8 }) },
);

it(`durations are those of Go, for ${TEXTS} random texts`, async (context) => {
  const sample = [
    '9223372036854775808ns9223372036854775808ns',
    ...fc.sample(texts, { seed, numRuns: TEXTS }),
  ];
  const answers = await ask(sample.map((duration) => ({ duration })));
  for (const [index, text] of sample.entries()) {
    const message = `ICB_TEST_SEED=${seed}: ${JSON.stringify(text)}`;
    const theirs = answers[index]?.nanoseconds;
    assert.equal(durationNs(text)?.toString(), theirs, message);
    const isUsable = theirs !== undefined && !theirs.startsWith('-');
    assert.equal(parseGoDuration(text), isUsable ? Number(theirs) / 1e6 : undefined, message);
  }
  const read = answers.filter(({ nanoseconds }) => nanoseconds !== undefined).length;
  context.diagnostic(`seed ${seed}: ${sample.length} texts, ${read} of them durations, none different`);
  assert.ok(read > TEXTS / 4 && read < (TEXTS * 3) / 4, `${read} durations`);
});
