/**
 * Cuts connections and injects faults between reflectors and a real API server. Every minute, it reports whether the
 * stores match the API server and what resources the process uses: `npm run soak -- --minutes 60`.
 */
import { parseArgs } from 'node:util';
import { startControlPlane } from '../../hack/testenv/control-plane/control-plane.ts';
import { Soak } from '../support/soak/soak.ts';

const USAGE = `Usage: npm run soak -- [--minutes N] [--seed N] [--changes-per-second N]

  --minutes             duration in minutes, such as 0.5 (default: 60)
  --seed                seed of the faults (default: random)
  --changes-per-second  rate of changes to the watched objects (default: 200)

Exits with 1 if a store differs from the API server, if a store reported an impossible change, or if a connection or a
handle is left at the end.
`;
const MILLISECONDS_OF_MINUTE = 60_000;
const BYTES_OF_MEBIBYTE = 1024 * 1024;

interface Settings {
  readonly minutes: number;
  readonly seed: number;
  readonly changesPerSecond: number;
}

/** The settings, or what is wrong with the command line. */
function parseCommandLine(): Settings | string {
  const number = (name: string, text: string | undefined, otherwise: number): number => {
    const value = text === undefined ? otherwise : Number(text);
    if (!(value > 0))
      throw new Error(`--${name}: expected a number greater than 0, found ${JSON.stringify(text)}`);
    return value;
  };
  try {
    const { values } = parseArgs({
      options: {
        minutes: { type: 'string' },
        seed: { type: 'string' },
        'changes-per-second': { type: 'string' },
      },
    });
    return {
      minutes: number('minutes', values.minutes, 60),
      seed: number('seed', values.seed, 1 + Math.floor(Math.random() * 1_000_000)),
      changesPerSecond: number('changes-per-second', values['changes-per-second'], 200),
    };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function main(): Promise<void> {
  const settings = parseCommandLine();
  if (typeof settings === 'string') {
    process.stderr.write(`${settings}\n\n${USAGE}`);
    process.exitCode = 2;
    return;
  }
  await using controlPlane = await startControlPlane({ auditLog: false });
  print(
    `seed ${settings.seed}, ${settings.minutes} minutes, ${settings.changesPerSecond} changes per second`,
  );
  const soak = await Soak.start({ controlPlane, ...settings });
  const wrong = await soakFor(settings.minutes, soak).catch((error: unknown) => [String(error)]);
  const left = await soak.stop();
  print(`at the end: ${figures(soak)}`);
  for (const problem of [...wrong, ...left.map((what) => `left: ${what}`)]) print(problem);
  if (wrong.length + left.length === 0) return;
  print(soak.proxy.report);
  process.exitCode = 1;
}

/** Descriptions of what went wrong. Empty if nothing did. */
async function soakFor(minutes: number, soak: Soak): Promise<readonly string[]> {
  const begun = performance.now();
  const end = begun + minutes * MILLISECONDS_OF_MINUTE;
  while (performance.now() < end && soak.violations.length === 0) {
    const next = Math.min(performance.now() + MILLISECONDS_OF_MINUTE, end);
    await soak.run(() => performance.now() >= next);
    const lag = await soak.settle();
    const minute = ((performance.now() - begun) / MILLISECONDS_OF_MINUTE).toFixed(1);
    print(`after ${minute} minutes: equal after ${lag.toFixed(0)} ms; ${figures(soak)}`);
  }
  return soak.violations;
}

function figures(soak: Soak): string {
  if (globalThis.gc === undefined)
    throw new Error('expected the flag --expose-gc, found none; use npm run soak');
  globalThis.gc();
  const { heapUsed, rss } = process.memoryUsage();
  const seen = soak.observers.reduce((sum, { changes }) => sum + changes, 0);
  const { open, opened } = soak.proxy.connections;
  return [
    `heap ${(heapUsed / BYTES_OF_MEBIBYTE).toFixed(1)} MiB`,
    `RSS ${(rss / BYTES_OF_MEBIBYTE).toFixed(0)} MiB`,
    `handles ${tally(process.getActiveResourcesInfo())}`,
    `connections ${open} open, ${opened} opened`,
    `changes ${soak.changes} written, ${seen} seen`,
    `cuts ${soak.cuts}`,
    `faults ${JSON.stringify(soak.proxy.counts)}`,
  ].join('; ');
}

function tally(names: readonly string[]): string {
  const counts = Map.groupBy(names, (name) => name);
  return [...counts].map(([name, all]) => `${all.length} ${name}`).join(', ');
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

await main();
