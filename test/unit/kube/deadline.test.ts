import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Deadline } from '../../../src/kube/client/deadline.ts';
import { until } from '../../support/until.ts';

const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

describe('Deadline', () => {
  it('aborts after its time, or later if it is put off', async () => {
    using deadline = new Deadline(300);
    const begun = performance.now();
    await delay(200);
    deadline.postpone();
    await until(() => deadline.signal.aborted, 'the deadline');
    assert.ok(performance.now() - begun >= 490);
    assert.equal(deadline.signal.reason.name, 'TimeoutError');
  });

  it('aborts with the outer signal, even if that was aborted before', () => {
    const outer = new AbortController();
    using during = new Deadline(60_000, outer.signal);
    outer.abort('over');
    using after = new Deadline(60_000, outer.signal);
    assert.deepEqual([during.signal.reason, after.signal.reason], ['over', 'over']);
  });

  it('returns the outcome of work, and stops waiting for work that ignores the signal', async () => {
    using deadline = new Deadline(50);
    assert.equal(await deadline.race(Promise.resolve('done')), 'done');
    await assert.rejects(deadline.race(Promise.reject(new RangeError('broken'))), RangeError);
    await assert.rejects(deadline.race(new Promise(() => undefined)), { name: 'TimeoutError' });
    await assert.rejects(deadline.race(new Promise(() => undefined)), { name: 'TimeoutError' });
  });

  it('leaves no timer and no listener behind', () => {
    const outer = new AbortController();
    const before = timers();
    const deadline = new Deadline(60_000, outer.signal);
    assert.equal(timers(), before + 1);
    deadline[Symbol.dispose]();
    assert.equal(timers(), before);
    outer.abort();
    assert.equal(deadline.signal.aborted, false);
  });
});
