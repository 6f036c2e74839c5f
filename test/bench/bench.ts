/** Runs benches, each in its own process: `npm run bench -- [NAME…]`. `--help` lists them. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const EXIT_USAGE = 2;

interface Bench {
  readonly name: string;
  readonly about: string;
  /** Flags of Node. */
  readonly flags?: readonly string[];
}

/** The benches in the order in which they run. Each one is in the file of its name. */
const BENCHES: readonly Bench[] = [
  {
    name: 'bind',
    about: 'time from `kubectl apply` of a binding until its scan is bound, and the number of writes',
  },
  {
    name: 'keyring',
    about: 'look-ups in a pull secret compared with a walk over its entries, and the cost of parsing',
  },
  { name: 'validate', about: '`validate` for 1,000 manifests, compared with parsing the same files as YAML' },
  { name: 'requests', about: 'cost of the client compared with a bare loop on the same connections' },
  { name: 'memory', about: 'bytes that the stores keep per object', flags: ['--expose-gc'] },
  { name: 'metrics', about: 'cost of a Prometheus scrape with up to 20,000 bindings' },
  { name: 'discovery', about: 'discovery of 50,000 pods, and the memory that the controller then uses' },
  { name: 'migration', about: 'migration of 1,000 scans to another registry, compared with a bare writer' },
  {
    name: 'bundle',
    about: 'size of the bundle, its start compared with `--version`, and its memory when idle',
  },
  { name: 'converge', about: '2,000 bindings from the start of the controller, compared with a bare writer' },
  {
    name: 'rotate',
    about: '200 pull secrets, one of which changes every 20 ms, compared with a bare writer',
  },
  {
    name: 'node',
    about: "memory and CPU of the controller's pod on a real node, idle and while pull secrets change",
  },
  {
    name: 'isolation',
    about:
      'how much a hostile namespace affects another; ISOLATION_ATTACKS=hubs,tags runs only these attacks',
  },
];

const USAGE = `Usage: npm run bench -- [NAME...]

Runs the named benches, or all of them, one after another, and prints their figures. Times depend on this machine and
its current load: compare them only within one run.

${BENCHES.map(({ name, about }) => `  ${name.padEnd(10)} ${about}`).join('\n')}
`;

/** The benches to run, or what is wrong with the command line. `Help`: print the usage. */
function parseCommandLine(): readonly Bench[] | 'Help' | { readonly problem: string } {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { help: { type: 'boolean', short: 'h' } },
    });
    if (values.help === true) return 'Help';
    const unknown = positionals.filter((name) => BENCHES.every((bench) => bench.name !== name));
    if (unknown.length > 0)
      return { problem: `unknown bench: ${unknown.join(', ')}; name benches of this list` };
    return positionals.length === 0 ? BENCHES : BENCHES.filter(({ name }) => positionals.includes(name));
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Runs a bench and returns whether it succeeded. */
function run({ name, flags = [] }: Bench): boolean {
  process.stdout.write(`\n${name}\n`);
  const file = join(import.meta.dirname, `${name}.ts`);
  return spawnSync(process.execPath, [...flags, file], { stdio: 'inherit' }).status === 0;
}

const command = parseCommandLine();
if (command === 'Help') process.stdout.write(USAGE);
else if ('problem' in command) {
  process.stderr.write(`${command.problem}\n\n${USAGE}`);
  process.exitCode = EXIT_USAGE;
} else if (!command.every(run)) process.exitCode = 1;
