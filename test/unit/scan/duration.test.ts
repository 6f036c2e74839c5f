import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { durationNs, parseGoDuration } from '../../../src/scan/duration.ts';

const HOUR = 3_600_000;

// test/e2e/oracle compares many more texts with Go.
describe('parseGoDuration', () => {
  it('accepts the same texts as time.ParseDuration', () => {
    const durations = {
      '1h30m': 5_400_000,
      '90s': 90_000,
      '1.5h': 5_400_000,
      '250ms': 250,
      '2h0m0s': 7_200_000,
      '+1h': 3_600_000,
      '.5h': 1_800_000,
      '1.h': 3_600_000,
      '0': 0,
      '-0': 0,
      // Go accepts both characters for micro.
      '1000\u00b5s': 1,
      '1000\u03bcs': 1,
      // Go reads only the first digits of a long fraction.
      [`0.${'3'.repeat(200)}s`]: 333.333333,
      [`0.${'0'.repeat(200)}1h`]: 0,
    };
    for (const [text, milliseconds] of Object.entries(durations))
      assert.equal(parseGoDuration(text), milliseconds, text);
  });

  it('refuses everything else', () => {
    for (const text of [
      '',
      '1',
      '00',
      '1d',
      'h',
      '-1h',
      '.h',
      '1h ',
      ' 1h',
      '--1h',
      '1 h',
      '1h1',
      '1.2.3h',
      '１h',
    ])
      assert.equal(parseGoDuration(text), undefined, text);
  });

  it('accepts at most 2^63 - 1 nanoseconds, like Go', () => {
    const most = 9_223_372_036_854.775;
    for (const text of ['9223372036854775807ns', '2562047h47m16.854775807s', '2562047.7h'])
      assert.ok(Math.abs((parseGoDuration(text) ?? 0) - most) < HOUR, text);
    for (const text of [
      ...['9223372036854775808ns', '2562047h47m16.854775808s', '2562048h', '1000000000000000000h'],
      ...[`${'9'.repeat(200)}h`, '2562047h2562047h', `0.${'0'.repeat(300)}1h`],
    ])
      assert.equal(parseGoDuration(text), undefined, text);
  });
});

it('durationNs reads negative durations down to -2^63 nanoseconds, like Go', () => {
  assert.equal(durationNs('-1.5us'), -1_500n);
  assert.equal(durationNs('-9223372036854775808ns'), -(2n ** 63n));
  assert.equal(durationNs('-9223372036854775809ns'), undefined);
});
