import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually, type Progress, Unexpected } from '../../../../hack/scenario/expectation.ts';

describe('waiting for a state', () => {
  it('reads until the state is reached', async () => {
    let reads = 0;
    const read = async (): Promise<Progress<string>> => {
      reads += 1;
      return reads < 3 ? { result: 'NotYet', found: `read ${reads}` } : { result: 'Reached', value: 'done' };
    };
    assert.equal(await eventually('the end', { read, seconds: 60, pollMs: 1 }), 'done');
    assert.equal(reads, 3);
  });

  it('ends with what was found last after the time limit', async () => {
    const read = async (): Promise<Progress<never>> => ({ result: 'NotYet', found: 'no end' });
    await assert.rejects(
      eventually('the end', { read, seconds: 0.01, pollMs: 1 }),
      (error) =>
        error instanceof Unexpected && error.message === 'expected the end within 0.01 s, found no end',
    );
  });

  it('ends with the reason of the signal, although the time limit is far away', async () => {
    const stop = new AbortController();
    const read = async (): Promise<Progress<never>> => {
      setImmediate(() => stop.abort(new Error('stopped')));
      return { result: 'NotYet', found: 'no end' };
    };
    await assert.rejects(
      eventually('the end', { read, seconds: 3_600, pollMs: 3_600_000, signal: stop.signal }),
      /^Error: stopped$/,
    );
  });
});
