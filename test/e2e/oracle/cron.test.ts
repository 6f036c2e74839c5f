import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { isCronTick, nextRun, previousTicks, type Schedule } from '../../../src/scan/schedule.ts';
import { seed } from '../../support/seed.ts';
import { ask } from './oracle.ts';
import { schedules, times } from './schedules.ts';

const CASES = 20_000;
const MOST_TICKS = 3;
const YEAR_MS = 365.25 * 86_400_000;

interface Case {
  readonly cron: string;
  readonly time: number;
}

const sample = fc.sample(fc.record({ cron: schedules, time: times }), { seed, numRuns: CASES });

it(`the next run is that of secureCodeBox's operator, for ${CASES} random schedules`, async (context) => {
  const answers = await ask(sample.map(({ cron, time }) => ({ schedule: cron, after: time })));
  const different = sample.flatMap((each, index) => {
    const ours = nextRun(scheduleOf(each));
    const theirs = answers[index]?.next;
    return ours === theirs ? [] : [{ each, ours, theirs }];
  });
  const [shortest] = different.toSorted((a, b) => a.each.cron.length - b.each.cron.length);
  assert.equal(
    shortest,
    undefined,
    `ICB_TEST_SEED=${seed}: ${different.length} of ${CASES} differ; the shortest: ${JSON.stringify(shortest)}`,
  );
  const reached = {
    'a next run': answers.filter(({ next }) => next !== undefined).length,
    'a refusal': answers.filter(({ error }) => error !== undefined).length,
    'no tick': answers.filter(({ next, error }) => next === undefined && error === undefined).length,
  };
  context.diagnostic(`seed ${seed}: ${CASES} schedules, none different; ${JSON.stringify(reached)}`);
  for (const [what, count] of Object.entries(reached))
    assert.ok(count > CASES / 100, `ICB_TEST_SEED=${seed}: only ${count} schedules with ${what}`);
});

it(`the previous ticks are those after which the operator finds the next one, for ${CASES} random schedules`, async (context) => {
  const chains = sample.map((each) => {
    const ticks = [...previousTicks(scheduleOf(each), each.time).take(MOST_TICKS)];
    return { each, ticks, begin: each.time - 10 * YEAR_MS };
  });
  const links = chains.flatMap(linksOf);
  const answers = await ask(links.map(({ each, after }) => ({ schedule: each.cron, after })));
  for (const [index, { each, after, expected, isExact }] of links.entries()) {
    const next = answers[index]?.next;
    const message = `ICB_TEST_SEED=${seed}: ${JSON.stringify({ ...each, after, expected, next })}`;
    // The operator finds no tick that is more than five years away.
    const isTooFar = next === undefined && expected > after + 5 * YEAR_MS;
    if (isExact) assert.ok(next === expected || isTooFar, message);
    else assert.ok(next === undefined || next >= expected, message);
  }
  for (const { each, ticks } of chains)
    for (const tick of ticks) assert.ok(isCronTick(scheduleOf(each), tick - 1_000, tick), each.cron);
  const found = chains.filter(({ ticks }) => ticks.length > 0).length;
  context.diagnostic(`seed ${seed}: ${links.length} checks, ${found} schedules with previous ticks`);
  assert.ok(found > CASES / 2, `ICB_TEST_SEED=${seed}: only ${found} schedules with previous ticks`);
});

interface Chain {
  readonly each: Case;
  readonly ticks: readonly number[];
  readonly begin: number;
}

interface Link {
  readonly each: Case;
  readonly after: number;
  /** The next tick after that time, or a time before which there is none. */
  readonly expected: number;
  readonly isExact: boolean;
}

/** What the operator must find if these are the last ticks before a time. `@every` has no ticks. */
function linksOf({ each, ticks, begin }: Chain): readonly Link[] {
  if (each.cron.startsWith('@every')) return [];
  const [last] = ticks;
  if (last === undefined) return [{ each, after: begin, expected: each.time, isExact: false }];
  return [
    { each, after: last, expected: each.time, isExact: false },
    { each, after: last - 1_000, expected: last, isExact: true },
    ...ticks
      .slice(1)
      .map((tick, index) => ({ each, after: tick, expected: ticks[index] ?? 0, isExact: true })),
  ];
}

function scheduleOf({ cron, time }: Case): Schedule {
  return { suspended: false, createdAt: 0, changedAt: 0, lastRunAt: time, cron, interval: undefined };
}
