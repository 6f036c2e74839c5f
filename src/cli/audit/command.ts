import { type Command, Option } from 'commander';
import { quoted } from '../../text/index.ts';
import type { CommandScope } from '../cluster/index.ts';
import { reportUserErrors } from '../errors.ts';
import {
  type ClusterFlags,
  clusterFlags,
  loadKubeConfig,
  type ScopeFlags,
  scopeFlags,
  scopeOf,
} from '../flags/index.ts';
import { commandWithHelp } from '../help.ts';
import { readRows } from './cluster.ts';
import { asCsv, asJson, asTable, scanRemarks } from './print.ts';

/** Exit code: a binding is not ready. */
const EXIT_NOT_READY = 1;

const FORMATS = { table: asTable, json: asJson, csv: asCsv };

interface Flags extends ScopeFlags, ClusterFlags {
  readonly output: keyof typeof FORMATS;
}

/** `image-credential-binding audit`: lists bindings with their credential and status. */
export function auditCommand(): Command {
  const command = commandWithHelp('audit', {
    notes: 'Reads only the status of the bindings. Reads no Secret, and contacts no registry.',
    exitCodes: [
      '0  all bindings are ready, or there are none',
      '1  a binding is not ready, or no controller has reported on its current spec',
      '2  incorrect usage, or the cluster or a namespace cannot be read',
    ],
    examples: ['% audit -n shop', '% audit -A -o csv > bindings.csv', '% audit -A -o json'],
  })
    .description('List bindings, one per row, with their credential, status, scans and last switch.')
    .addOption(
      new Option('-o, --output <format>', 'output format').choices(Object.keys(FORMATS)).default('table'),
    )
    .action((flags: Flags) => reportUserErrors(run(flags)));
  for (const flag of [...scopeFlags(), ...clusterFlags()]) command.addOption(flag);
  return command;
}

async function run(flags: Flags): Promise<void> {
  const config = await loadKubeConfig(flags);
  const scope = scopeOf(flags, config);
  const rows = await readRows(config, scope);
  if (rows.length === 0) process.stderr.write(`no bindings found ${placeOf(scope)}\n`);
  if (rows.length > 0 || flags.output !== 'table') process.stdout.write(FORMATS[flags.output](rows));
  for (const line of scanRemarks(rows)) process.stderr.write(`${line}\n`);
  if (rows.some(({ ready }) => ready.status !== 'True')) process.exitCode = EXIT_NOT_READY;
}

function placeOf(scope: CommandScope): string {
  if (scope.kind === 'All') return 'in any namespace';
  return `in ${scope.names.map(quoted).join(', ')}; choose another namespace with -n, or all with -A`;
}
