import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RegistryAnswer, UnreachableReason } from '../../../src/answer/registry-answer.ts';
import { Memory } from '../../../src/registry/memory.ts';

const MINUTE = 60_000;
const NOW = Date.now();
const PULLABLE: RegistryAnswer = { result: 'Pullable' };
const unreachable = (why: UnreachableReason): RegistryAnswer => ({ result: 'Unreachable', why, at: 'ping' });
const DELAYED = unreachable('LookupDelayed');

/** An answer that is valid for this number of minutes. */
const known = (answer: RegistryAnswer, holds: number, requestedAt = NOW) => ({
  answer,
  requestedAt,
  freshUntil: NOW + holds * MINUTE,
});

describe('the memory of answers', () => {
  for (const why of ['LookupDelayed', 'InternalError', 'SigningFailed', 'Stopped'] as const) {
    it(`returns ${why} only to the namespace of the check`, () => {
      const memory = new Memory(10);
      const own = known(unreachable(why), 1);
      memory.keep('key', own, 'a');
      assert.equal(memory.get('key', 'a'), own);
      assert.equal(memory.get('key', 'b'), undefined);
    });
  }

  for (const why of ['Timeout', 'DnsFailure', 'ServerError', 'ProxyFailure'] as const) {
    it(`returns ${why} to all namespaces`, () => {
      const memory = new Memory(10);
      const shared = known(unreachable(why), 1);
      memory.keep('key', shared, 'a');
      assert.equal(memory.get('key', 'b'), shared);
    });
  }

  it('returns NotFound only to the namespace of the check, because others may check another version', () => {
    const memory = new Memory(10);
    const own = known({ result: 'Inconclusive', why: 'NotFound' }, 60);
    memory.keep('key', own, 'a');
    assert.equal(memory.get('key', 'a'), own);
    assert.equal(memory.get('key', 'b'), undefined);
  });

  it('returns RepositoryUnknown to all namespaces', () => {
    const memory = new Memory(10);
    const shared = known({ result: 'Inconclusive', why: 'RepositoryUnknown' }, 60);
    memory.keep('key', shared, 'a');
    assert.equal(memory.get('key', 'b'), shared);
  });

  it('returns the answer that is valid longer: the one of the namespace, or the shared one', () => {
    const memory = new Memory(10);
    const expired = known(PULLABLE, -10, NOW - 20 * MINUTE);
    const own = known(DELAYED, 1);
    memory.keep('key', expired, 'b');
    memory.keep('key', own, 'a');
    assert.equal(memory.get('key', 'a'), own);
    assert.equal(memory.get('key', 'b'), expired);
    const shared = known(PULLABLE, 60);
    memory.keep('key', shared, 'b');
    assert.equal(memory.get('key', 'a'), shared);
  });

  it('prefers a valid answer to a later answer of an earlier check', () => {
    const memory = new Memory(10);
    const later = known(PULLABLE, 60);
    memory.keep('key', later, 'b');
    for (const late of [unreachable('Timeout'), DELAYED])
      assert.equal(memory.keep('key', known(late, 90, NOW - 1), 'a'), later);
    assert.equal(memory.get('key', 'a'), later);
  });

  it('replaces an expired answer, even with one of an earlier check', () => {
    const memory = new Memory(10);
    memory.keep('key', known(unreachable('ServerError'), -1), 'a');
    const rest = known({ result: 'RateLimited', until: NOW + 60 * MINUTE }, 60, NOW - 1);
    memory.keep('key', rest, 'a');
    assert.equal(memory.get('key', 'a'), rest);
  });
});
