import { middle } from '../../bundled.ts';
import { type Course, TASKS, type Task } from '../../isolation/stage.ts';
import { print } from '../estate/figures.ts';

const ABOUT: Readonly<Record<Task, string>> = {
  bind: 'binding applied → bound',
  rotate: 'password changed → in the Trivy Secret',
  check: 'binding applied → accepted by the registry',
  run: 'run requested → started',
};
const [LABEL_WIDTH, CELL_WIDTH] = [44, 20];

/** A figure of both courses in a row of its own, times with the ratio of the two. */
export function printComparison(baseline: Course, attack: Course, memoryLimit: number): void {
  const times = (what: string, of: (course: Course) => readonly number[]) => {
    const [usual, attacked] = [middle(of(baseline)), middle(of(attack))];
    row(what, milliseconds(usual), milliseconds(attacked), ratio(attacked, usual));
  };
  const counts = (what: string, of: (course: Course) => string) => row(what, of(baseline), of(attack));
  row('', 'baseline', 'attack', 'ratio');
  for (const task of TASKS) times(ABOUT[task], (course) => course.times[task]);
  times('process started → leading', ({ startMs }) => [startMs]);
  times('longest block of the event loop', ({ sighting }) => [sighting.longestBlockMs]);
  counts('not done at the end, of each', unfinished);
  counts('failed probes', ({ sighting: { failedProbes, probes } }) => `${failedProbes} of ${probes}`);
  counts('ends of the process', ({ sighting }) => String(sighting.ends.length));
  counts('Events / status writes per second', ({ writes }) => rate(writes));
  counts('the same while nobody changes anything', ({ quiet }) => rate(quiet));
  counts(`memory, of ${memoryLimit} MiB`, ({ sighting }) => `${sighting.peakMebibytes.toFixed(0)} MiB`);
  counts('hostile bindings without a condition', ({ unanswered }) => String(unanswered.length));
  printEnds(attack);
}

const COLUMNS = [
  ...TASKS,
  ...['start', 'block', 'probes', 'ends', 'memory', 'writes/s', 'when quiet', 'unanswered'],
];

/** The heads of {@link printLine}: `unanswered` counts hostile bindings without a condition. */
export function printHeads(): void {
  line('attack', COLUMNS);
}

/** The figures of one course in a line: times as ratios to the baseline. */
export function printLine(name: string, course: Course, baseline: Course): void {
  const ratios = TASKS.map((task) => ratio(middle(course.times[task]), middle(baseline.times[task])));
  const { sighting, writes, quiet, unanswered } = course;
  line(name, [
    ...ratios,
    ratio(course.startMs, baseline.startMs),
    milliseconds(sighting.longestBlockMs),
    String(sighting.failedProbes),
    String(sighting.ends.length),
    `${sighting.peakMebibytes.toFixed(0)} MiB`,
    rate(writes),
    rate(quiet),
    String(unanswered.length),
  ]);
  printEnds(course);
}

/** How the process ended, each way once. */
function printEnds({ sighting }: Course): void {
  for (const end of new Set(sighting.ends)) print(`  the process ended: ${end}`);
}

function milliseconds(time: number): string {
  return Number.isFinite(time) ? `${time.toFixed(time < 100 ? 1 : 0)} ms` : 'never';
}

function ratio(time: number, usual: number): string {
  return Number.isFinite(time) ? (time / usual).toFixed(2) : 'never';
}

function unfinished({ times }: Course): string {
  return TASKS.map((task) => times[task].filter((time) => !Number.isFinite(time)).length).join(' + ');
}

function rate({ events, statuses, seconds }: Course['writes']): string {
  return `${(events / seconds).toFixed(1)} / ${(statuses / seconds).toFixed(1)}`;
}

function row(what: string, ...cells: readonly string[]): void {
  print([what.padEnd(LABEL_WIDTH), ...cells.map((cell) => cell.padStart(CELL_WIDTH))].join(''));
}

function line(name: string, cells: readonly string[]): void {
  print([name.padEnd(18), ...cells.map((cell) => cell.padStart(12))].join(''));
}
