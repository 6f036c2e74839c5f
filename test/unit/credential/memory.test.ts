import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { base64, parseText } from './secrets.ts';

const SECRETS = 20;
const MOST_KIB = 512;

setFlagsFromString('--expose-gc');
// `--expose-gc` takes effect only in contexts that are created afterward.
const collect = runInNewContext('gc') as () => void;

/** Texts of pull secrets, near the bounds on size and entries. */
const SHAPES: Readonly<Record<string, (secret: number) => string>> = {
  'broken entries with long keys': (secret) => entries((index) => `@${secret}${index}${'k'.repeat(900)}`, {}),
  'broken entries with escaped keys': (secret) =>
    entries((index) => `${secret}${index}${'\u202e'.repeat(300)}`, {}),
  'broken entries with a host and a long path': (secret) =>
    entries((index) => `r${secret}-${index}.io/?${'\u202e'.repeat(300)}`, {}),
  'long passwords': (secret) =>
    entries((index) => `r${secret}-${index}.io`, { auth: base64(`u:${'p'.repeat(600)}`) }),
  'keys of many labels': (secret) =>
    entries((index) => `r${secret}-${index}.io${'.a'.repeat(290)}`, { auth: 'dTpw' }),
  'keys of many labels and stars': (secret) =>
    entries((index) => `r${secret}-${index}${'.*'.repeat(120)}`, { auth: 'dTpw' }),
  'fields that the parser ignores': (secret) =>
    JSON.stringify({ auths: { [`r${secret}.io`]: { auth: 'dTpw' } }, x: 'ü€'.repeat(50_000) }),
};

function entries(keyOf: (index: number) => string, entry: object): string {
  const auths = Array.from({ length: 256 }, (_, index) => [keyOf(index), entry]);
  return JSON.stringify({ auths: Object.fromEntries(auths) });
}

describe('a pull secret in memory', () => {
  for (const [title, textOf] of Object.entries(SHAPES)) {
    it(`takes at most ${MOST_KIB} KiB, whatever it holds: ${title}`, (test) => {
      const texts = Array.from({ length: SECRETS }, (_, secret) => textOf(secret));
      const before = heap();
      const kept = texts.map(parseText);
      const kib = (heap() - before) / SECRETS / 1024;
      test.diagnostic(`${kib.toFixed(0)} KiB per Secret`);
      assert.ok(kept.every(({ result }) => result === 'Entries'));
      assert.ok(kib <= MOST_KIB, `${kib.toFixed(0)} KiB per Secret`);
    });
  }
});

function heap(): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}
