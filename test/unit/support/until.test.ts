import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { until } from '../../support/until.ts';

describe('waiting for a condition', () => {
  it('ends with what is found, once it is there', async () => {
    const answers = [undefined, false, 'there'] as const;
    let asked = 0;
    assert.equal(await until(() => answers[asked++], 'it'), 'there');
    assert.equal(asked, 3);
  });

  it('fails with what was wanted, and why it was not there', async () => {
    const broken = () => {
      throw new Error('broken');
    };
    await assert.rejects(
      until(() => undefined, 'it', 0.05),
      /^AssertionError.*: waited 0.05 s for it$/,
    );
    await assert.rejects(until(broken, 'it', 0.05), /waited 0.05 s for it: Error: broken$/);
  });

  it('fails also where a try does not end', async () => {
    const { promise } = Promise.withResolvers<true>();
    await assert.rejects(
      until(() => promise, 'it', 0.05),
      /waited 0.05 s for it: the last try was under way for \d\.\d s$/,
    );
  });
});
