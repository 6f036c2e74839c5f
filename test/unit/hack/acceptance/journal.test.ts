import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Journal, StepFailed } from '../../../../hack/acceptance/journal.ts';
import { Redaction } from '../../../../hack/scenario/redaction.ts';

const STEP = { title: 'Scan', advice: 'look' };
const PASSWORD = 'canary-3Pw';

function journal(): { readonly journal: Journal; readonly output: () => string } {
  const written: string[] = [];
  const redaction = new Redaction();
  redaction.hide(PASSWORD);
  return {
    journal: new Journal((text) => written.push(text), redaction),
    output: () => written.join(''),
  };
}

const never = new AbortController().signal;

describe('the journal of the acceptance run', () => {
  it('numbers steps, with the time at which each begins and how long it takes', async () => {
    const { journal: log, output } = journal();
    const value = await log.step(STEP, async () => ({ text: 'Done', value: 5 }), never);
    log.skip('Migrate', 'no flag');
    assert.equal(value, 5);
    assert.match(
      output(),
      /^\d{4}-\d\d-\d\dT[\d:]{8}Z {2}1\. Scan\n {6}ok, 0\.\d s: Done\n\S+Z {2}2\. Migrate\n {6}skipped: no flag\n$/,
    );
  });

  it('reports which step failed, and why', async () => {
    const cause = new Error('refused');
    await assert.rejects(
      journal().journal.step(STEP, () => Promise.reject(cause), never),
      (error) => error instanceof StepFailed && error.step === STEP && error.cause === cause,
    );
  });

  it('does not wait for a step that is interrupted, and begins no other', async () => {
    const stop = new AbortController();
    const { journal: log, output } = journal();
    const reason = new Error('stopped');
    const waiting = log.step(STEP, () => new Promise<never>(() => undefined), stop.signal);
    stop.abort(reason);
    await assert.rejects(waiting, reason);
    await assert.rejects(
      log.step(STEP, async () => assert.fail('must not run'), stop.signal),
      reason,
    );
    assert.doesNotMatch(output(), /ok/);
  });

  it('prints no value of a Secret, and no character that controls a terminal', () => {
    const { journal: log, output } = journal();
    log.note(`login ${PASSWORD}\n\u001b[31mred`);
    assert.equal(output(), '      login [redacted]\n      \\u001b[31mred\n');
  });

  it('shortens a long line', () => {
    const { journal: log, output } = journal();
    log.line('x'.repeat(5_000));
    assert.equal(output().length, 1_002);
  });
});
