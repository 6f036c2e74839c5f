import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { until } from '../../support/until.ts';

describe('waiting for a condition', () => {
  it('resolves with the first truthy result', async () => {
    const answers = [undefined, false, 'there'] as const;
    let tries = 0;
    assert.equal(await until(() => answers[tries++], 'it'), 'there');
    assert.equal(tries, 3);
  });

  it('fails with the description of the condition and the last error', async () => {
    const broken = () => {
      throw new Error('broken');
    };
    await assert.rejects(
      until(() => undefined, 'it', 0.05),
      /^AssertionError.*: waited 0.05 s for it$/,
    );
    await assert.rejects(until(broken, 'it', 0.05), /waited 0.05 s for it: Error: broken$/);
  });

  it('fails even if a try never ends', async () => {
    const { promise } = Promise.withResolvers<true>();
    await assert.rejects(
      until(() => promise, 'it', 0.05),
      /waited 0.05 s for it: the last try was under way for \d\.\d s$/,
    );
  });
});
