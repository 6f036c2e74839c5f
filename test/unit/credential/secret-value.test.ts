import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { SecretValue } from '../../../src/credential/secret-value.ts';

describe('SecretValue', () => {
  it('shows its value only through reveal()', () => {
    const secret = new SecretValue('canary');
    assert.equal(secret.reveal(), 'canary');
    const seen = [
      String(secret),
      `${secret}`,
      JSON.stringify({ secret }),
      inspect({ secret }, { showHidden: true }),
    ];
    for (const text of seen) assert.match(text, /\[redacted\]/);
    assert.doesNotMatch(seen.join(), /canary/);
    assert.deepEqual(Object.getOwnPropertyNames(secret), []);
  });
});
