/** Runs benches, each in a process of its own: `npm run bench -- [NAME…]`; `--help` lists them. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const EXIT_USAGE = 2;

interface Bench {
  readonly name: string;
  readonly about: string;
  /** Of Node. */
  readonly flags?: readonly string[];
}

/** In the order in which they run; the file of each is named after it. */
const BENCHES: readonly Bench[] = [
  {
    name: 'bind',
    about: 'from `kubectl apply` of a binding until its scan is bound, and what is written for it',
  },
  {
    name: 'keyring',
    about: 'look-ups in a pull secret against a walk over its entries, and what parsing costs',
  },
  { name: 'requests', about: 'what the client costs beside a bare loop on the same connections' },
  { name: 'memory', about: 'bytes that the stores keep of each object', flags: ['--expose-gc'] },
  { name: 'metrics', about: 'what an answer to Prometheus costs with 5,000 and 20,000 bindings' },
  { name: 'discovery', about: 'the bindings of 50,000 pods, and what the controller holds then' },
  { name: 'switch', about: 'a move of 1,000 scans to another registry, beside a bare writer' },
  { name: 'bundle', about: 'size of the bundle, its start beside `--version`, and what it holds when idle' },
  { name: 'converge', about: '2,000 bindings from the start of the controller on, beside a bare writer' },
  { name: 'rotate', about: '200 pull secrets, one of them changed each 20 ms, beside a bare writer' },
  {
    name: 'isolation',
    about:
      'how much a hostile namespace affects another; ISOLATION_ATTACKS=hubs,tags runs only these attacks',
  },
];

const USAGE = `Usage: npm run bench -- [NAME...]

Prints figures; all benches, one after another, unless some are named. Times are of this machine as busy as it is
now: compare within one run only.

${BENCHES.map(({ name, about }) => `  ${name.padEnd(10)} ${about}`).join('\n')}
`;

/** What to run, or what is wrong with the command line; `Help`: say what there is. */
function parseCommandLine(): readonly Bench[] | 'Help' | { readonly problem: string } {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { help: { type: 'boolean', short: 'h' } },
    });
    if (values.help === true) return 'Help';
    const unknown = positionals.filter((name) => BENCHES.every((bench) => bench.name !== name));
    if (unknown.length > 0) return { problem: `there is no bench ${unknown.join(', ')}` };
    return positionals.length === 0 ? BENCHES : BENCHES.filter(({ name }) => positionals.includes(name));
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Whether it came to its end. */
function run({ name, flags = [] }: Bench): boolean {
  process.stdout.write(`\n${name}\n`);
  const file = join(import.meta.dirname, `${name}.ts`);
  return spawnSync(process.execPath, [...flags, file], { stdio: 'inherit' }).status === 0;
}

const wanted = parseCommandLine();
if (wanted === 'Help') process.stdout.write(USAGE);
else if ('problem' in wanted) {
  process.stderr.write(`${wanted.problem}\n\n${USAGE}`);
  process.exitCode = EXIT_USAGE;
} else if (!wanted.every(run)) process.exitCode = 1;
