import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ATTACKS } from '../../support/isolation/attacks/index.ts';
import { type Measurement, Stage, TASKS, type Task } from '../../support/isolation/stage.ts';

/** A twentieth of the attacks of `npm run bench -- isolation`. */
const SIZE = { scale: 0.05, samples: 4, seconds: 8, graceSeconds: 25, quietSeconds: 5 };
const ABOUT: Readonly<Record<Task, string>> = {
  bind: 'has its scans bound',
  rotate: 'has its new passwords delivered',
  check: 'has its credentials verified by the registry that both use',
  run: 'has its runs started',
};

describe('next to a namespace that runs every known attack', () => {
  let stage: Stage | undefined;
  let measurement: Measurement;
  before(async () => {
    stage = await Stage.start(SIZE);
    measurement = await stage.attack(ATTACKS);
  });
  after(() => stage?.[Symbol.asyncDispose]());

  for (const task of TASKS) {
    it(`another namespace ${ABOUT[task]}`, () => {
      const done = measurement.times[task].filter((time) => Number.isFinite(time));
      assert.equal(done.length, SIZE.samples);
    });
  }

  it('the controller answers every probe and never exits', () => {
    const { failedProbes, ends } = measurement.observation;
    assert.deepEqual({ failedProbes, ends }, { failedProbes: 0, ends: [] });
  });

  it('the controller stays within the memory limit of the chart', () => {
    const { peakMebibytes } = measurement.observation;
    assert.ok(peakMebibytes > 0 && peakMebibytes < (stage?.memoryLimit ?? 0), `${peakMebibytes} MiB`);
  });

  it('a newly started controller becomes the leader', () => {
    assert.ok(Number.isFinite(measurement.startMs));
  });

  it('the controller writes no Event and no status while nothing changes', () => {
    const { events, statuses } = measurement.quiet;
    assert.deepEqual({ events, statuses }, { events: 0, statuses: 0 });
  });

  it('each binding of the attacker has a condition with a reason', () => {
    assert.deepEqual(measurement.withoutCondition, []);
  });
});
