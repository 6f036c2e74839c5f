import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Jitter } from '../../../../../src/controllers/binding/verification/jitter.ts';
import type { Credential } from '../../../../../src/credential/credential.ts';
import { SecretValue } from '../../../../../src/credential/secret-value.ts';

function credential(): Credential {
  return { kind: 'basic', username: new SecretValue('u'), password: new SecretValue('p') };
}

describe('the turns of a credential', () => {
  it('gives the first repository its turn at once, and the others theirs later, the same whenever asked', () => {
    const turns = new Jitter(() => 0.5);
    const one = credential();
    const given = ['a', 'b', 'c', 'a', 'b', 'c'].map((repository, index) =>
      turns.dueAt(one, repository, 1_000 + index),
    );
    assert.deepEqual(given, [1_000, 1_001 + 5_000, 1_002 + 10_000, 1_000, 1_001 + 5_000, 1_002 + 10_000]);
  });

  it('waits for ten minutes at most, however many there are, and spreads them', () => {
    const turns = new Jitter();
    const one = credential();
    const given = Array.from({ length: 1_000 }, (_, index) => turns.dueAt(one, `app-${index}`, 0));
    assert.ok(given.every((turn) => turn <= 600_000));
    const minutes = Array.from(
      { length: 10 },
      (_, minute) => given.filter((turn) => Math.floor(turn / 60_000) === minute).length,
    );
    assert.ok(
      minutes.every((count) => count > 20),
      String(minutes),
    );
  });

  it('begins anew with another credential, such as a new value', () => {
    const turns = new Jitter(() => 0.5);
    const [one, another] = [credential(), credential()];
    turns.dueAt(one, 'a', 0);
    assert.ok(turns.dueAt(one, 'b', 0) > 0);
    assert.equal(turns.dueAt(another, 'b', 0), 0);
  });
});
