import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Jitter } from '../../../../../src/controllers/binding/verification/jitter.ts';
import type { Credential } from '../../../../../src/credential/credential.ts';
import { SecretValue } from '../../../../../src/credential/secret-value.ts';

function credential(): Credential {
  return { kind: 'basic', username: new SecretValue('u'), password: new SecretValue('p') };
}

describe('the jitter of checks with one credential', () => {
  it('checks the first repository at once and delays the others, each by a constant delay', () => {
    const jitter = new Jitter(() => 0.5);
    const one = credential();
    const times = ['a', 'b', 'c', 'a', 'b', 'c'].map((repository, index) =>
      jitter.dueAt(one, repository, 1_000 + index),
    );
    assert.deepEqual(times, [1_000, 1_001 + 5_000, 1_002 + 10_000, 1_000, 1_001 + 5_000, 1_002 + 10_000]);
  });

  it('spreads any number of repositories over at most ten minutes', () => {
    const jitter = new Jitter();
    const one = credential();
    const times = Array.from({ length: 1_000 }, (_, index) => jitter.dueAt(one, `app-${index}`, 0));
    assert.ok(times.every((time) => time <= 600_000));
    const minutes = Array.from(
      { length: 10 },
      (_, minute) => times.filter((time) => Math.floor(time / 60_000) === minute).length,
    );
    assert.ok(
      minutes.every((count) => count > 20),
      String(minutes),
    );
  });

  it('starts again with another credential, such as a new value', () => {
    const jitter = new Jitter(() => 0.5);
    const [one, another] = [credential(), credential()];
    jitter.dueAt(one, 'a', 0);
    assert.ok(jitter.dueAt(one, 'b', 0) > 0);
    assert.equal(jitter.dueAt(another, 'b', 0), 0);
  });
});
