import { middle } from '../../support/bundled.ts';
import { type Measurement, TASKS, type Task } from '../../support/isolation/stage.ts';
import { print } from '../estate/figures.ts';

const ABOUT: Readonly<Record<Task, string>> = {
  bind: 'binding applied → bound',
  rotate: 'password changed → in the Trivy Secret',
  check: 'binding applied → accepted by the registry',
  run: 'run requested → started',
};
const [LABEL_WIDTH, CELL_WIDTH] = [44, 20];

/** Prints one row per figure, and for times also their ratio. */
export function printComparison(baseline: Measurement, attack: Measurement, memoryLimit: number): void {
  const times = (what: string, of: (measurement: Measurement) => readonly number[]) => {
    const [usual, attacked] = [middle(of(baseline)), middle(of(attack))];
    row(what, milliseconds(usual), milliseconds(attacked), ratio(attacked, usual));
  };
  const counts = (what: string, of: (measurement: Measurement) => string) =>
    row(what, of(baseline), of(attack));
  row('', 'baseline', 'attack', 'ratio');
  for (const task of TASKS) times(ABOUT[task], (measurement) => measurement.times[task]);
  times('process started → leading', ({ startMs }) => [startMs]);
  times('longest block of the event loop', ({ observation }) => [observation.longestBlockMs]);
  counts('tasks not done', unfinished);
  counts('failed probes', ({ observation: { failedProbes, probes } }) => `${failedProbes} of ${probes}`);
  counts('unexpected ends of the process', ({ observation }) => String(observation.ends.length));
  counts('Events / status writes per second', ({ writes }) => rate(writes));
  counts('the same while nothing changes', ({ quiet }) => rate(quiet));
  counts(`memory, of ${memoryLimit} MiB`, ({ observation }) => `${observation.peakMebibytes.toFixed(0)} MiB`);
  counts('bindings of the attacker without condition', ({ withoutCondition }) =>
    String(withoutCondition.length),
  );
  printEnds(attack);
}

const COLUMNS = [
  ...TASKS,
  ...['start', 'block', 'probes', 'ends', 'memory', 'writes/s', 'when quiet', 'no condition'],
];

/** Prints the column headings of {@link printLine}. The last column counts the attacker's bindings without a condition. */
export function printHeads(): void {
  line('attack', COLUMNS);
}

/** Prints one measurement as a line, with times of tasks as ratios to the baseline. */
export function printLine(name: string, measurement: Measurement, baseline: Measurement): void {
  const ratios = TASKS.map((task) => ratio(middle(measurement.times[task]), middle(baseline.times[task])));
  const { observation, writes, quiet, withoutCondition } = measurement;
  line(name, [
    ...ratios,
    ratio(measurement.startMs, baseline.startMs),
    milliseconds(observation.longestBlockMs),
    String(observation.failedProbes),
    String(observation.ends.length),
    `${observation.peakMebibytes.toFixed(0)} MiB`,
    rate(writes),
    rate(quiet),
    String(withoutCondition.length),
  ]);
  printEnds(measurement);
}

/** Prints the distinct ways in which the process ended. */
function printEnds({ observation }: Measurement): void {
  for (const end of new Set(observation.ends)) print(`  the process ended: ${end}`);
}

function milliseconds(time: number): string {
  return Number.isFinite(time) ? `${time.toFixed(time < 100 ? 1 : 0)} ms` : 'never';
}

function ratio(time: number, usual: number): string {
  return Number.isFinite(time) ? (time / usual).toFixed(2) : 'never';
}

function unfinished({ times }: Measurement): string {
  return TASKS.map((task) => times[task].filter((time) => !Number.isFinite(time)).length).join(' + ');
}

function rate({ events, statuses, seconds }: Measurement['writes']): string {
  return `${(events / seconds).toFixed(1)} / ${(statuses / seconds).toFixed(1)}`;
}

function row(what: string, ...cells: readonly string[]): void {
  print([what.padEnd(LABEL_WIDTH), ...cells.map((cell) => cell.padStart(CELL_WIDTH))].join(''));
}

function line(name: string, cells: readonly string[]): void {
  print([name.padEnd(18), ...cells.map((cell) => cell.padStart(14))].join(''));
}
