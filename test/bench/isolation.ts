/**
 * Prints how much a hostile namespace affects another one: `npm run bench -- isolation`. The hostile namespace runs all attacks of
 * `test/support/isolation/attacks` at once while a victim does ordinary tasks. For the baseline, the attacks run in a namespace that
 * the controller does not watch, so that the load of the API server is the same. The controller is the bundle with the
 * settings of the chart, and discovery. Only the ratios of times are meaningful, because times depend on this machine.
 *
 * `ISOLATION_ATTACKS=hubs,tags` runs some of the attacks. `ISOLATION_EACH=1` runs each attack alone and for a shorter time,
 * with a baseline that has no attack.
 */
import { ATTACKS } from '../support/isolation/attacks/index.ts';
import { Stage } from '../support/isolation/stage.ts';
import { print } from './estate/figures.ts';
import { printComparison, printHeads, printLine } from './isolation/figures.ts';

const ALL = { scale: 1, samples: 30, seconds: 90, graceSeconds: 60, quietSeconds: 10 };
const EACH = { scale: 1, samples: 20, seconds: 40, graceSeconds: 30, quietSeconds: 10 };

const attacks = chosen(process.env['ISOLATION_ATTACKS']);
if (process.env['ISOLATION_EACH'] === '1') await runEach();
else await runAll();

async function runAll(): Promise<void> {
  await using stage = await Stage.start(ALL);
  await stage.backUp();
  print(`attacks: ${attacks.map(({ name }) => name).join(', ')}`);
  const baseline = await stage.baseline(attacks);
  printComparison(baseline, await stage.attack(attacks), stage.memoryLimit);
}

async function runEach(): Promise<void> {
  await using stage = await Stage.start(EACH);
  await stage.backUp();
  const baseline = await stage.baseline([]);
  printHeads();
  printLine('(none)', baseline, baseline);
  for (const attack of attacks) printLine(attack.name, await stage.attack([attack]), baseline);
}

function chosen(names: string | undefined) {
  if (names === undefined) return ATTACKS;
  return names.split(',').map((requested) => {
    const found = ATTACKS.find(({ name }) => name === requested);
    if (found !== undefined) return found;
    const known = ATTACKS.map(({ name, about }) => `  ${name.padEnd(18)} ${about}`).join('\n');
    throw new Error(`ISOLATION_ATTACKS: expected attacks of this list, found "${requested}":\n${known}`);
  });
}
