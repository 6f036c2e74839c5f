import { type Command, Option } from 'commander';
import { printable, quoted } from '../../text/index.ts';
import type { CommandScope } from '../cluster/index.ts';
import { EXIT_USAGE, reportUserErrors, UserError } from '../errors.ts';
import {
  type ClusterFlags,
  clusterFlags,
  loadKubeConfig,
  parseObjectName,
  type ScopeFlags,
  scopeFlags,
  scopeOf,
} from '../flags/index.ts';
import { commandWithHelp } from '../help.ts';
import { type AuditQuery, readAudit } from './cluster.ts';
import type { AuditEntry } from './details.ts';
import { asHtml } from './html.ts';
import { asCsv, asJson, asTable, asWide, scanRemarks, temporarySecretRemarks } from './print.ts';

/** Exit code: a binding is not ready. */
const EXIT_NOT_READY = 1;

/** How to print the entries. */
interface Printing {
  readonly headers: boolean;
  readonly place: string;
  readonly now: number;
}

const FORMATS = {
  table: (entries, { headers }) => asTable(entries.map(rowOf), headers),
  wide: asWide,
  json: (entries) => asJson(entries.map(rowOf)),
  csv: (entries, { headers }) => asCsv(entries.map(rowOf), headers),
  html: asHtml,
} as const satisfies Record<string, (entries: readonly AuditEntry[], printing: Printing) => string>;

interface Flags extends ScopeFlags, ClusterFlags {
  readonly selector?: string;
  readonly headers: boolean;
  readonly output: keyof typeof FORMATS;
}

/** `image-credential-binding audit`: lists bindings with their credential and status. */
export function auditCommand(): Command {
  const command = commandWithHelp('audit', {
    notes: 'Reads only the bindings and their status. Reads no Secret, and contacts no registry.',
    exitCodes: [
      '0  all bindings are ready, or there are none',
      '1  a binding is not ready, or no controller has reported on its current spec',
      '2  incorrect usage, a named binding does not exist, or the cluster or a namespace cannot be read',
    ],
    examples: [
      '% audit -n shop',
      '% audit payments -n shop -o wide',
      '% audit -A -l app=payments --no-headers',
      '% audit -A -o html > bindings.html',
      '% audit -A -o csv > bindings.csv',
      '% audit -A -o json',
    ],
  })
    .description('List bindings, one per row, with their credential, status, scans and last change.')
    .argument(
      '[name...]',
      'names of bindings (default: all)',
      (name: string, names: readonly string[] = []) => [...names, parseObjectName(name)],
    )
    .addOption(
      new Option(
        '-l, --selector <selector>',
        'only bindings with these labels, such as app=payments,tier!=test',
      ),
    )
    .option('--no-headers', 'leave out the line of headings (table, wide, csv)')
    .addOption(
      new Option('-o, --output <format>', 'output format; html is a page for a browser, in one file')
        .choices(Object.keys(FORMATS))
        .default('table'),
    )
    .action((names: readonly string[], flags: Flags) => reportUserErrors(run(names, flags)));
  for (const flag of [...scopeFlags(), ...clusterFlags()]) command.addOption(flag);
  return command;
}

async function run(names: readonly string[], flags: Flags): Promise<void> {
  const { output, headers } = flags;
  checkNames(names, flags);
  const config = await loadKubeConfig(flags);
  const query = queryOf(names, flags, scopeOf(flags, config));
  const { entries, missing } = await readAudit(config, query);
  const isEmpty = entries.length === 0;
  if (isEmpty && missing.length === 0) process.stderr.write(`${nothingFound(query)}\n`);
  if (!isEmpty || (output !== 'table' && output !== 'wide')) {
    const printing = { headers, place: placeOf(query.scope), now: Date.now() };
    process.stdout.write(FORMATS[output](entries, printing));
  }
  const rows = entries.map(rowOf);
  for (const line of [...scanRemarks(rows), ...temporarySecretRemarks(rows)])
    process.stderr.write(`${line}\n`);
  for (const line of missing) process.stderr.write(`error: ${printable(line)}\n`);
  if (entries.some(({ row }) => row.ready.status !== 'True')) process.exitCode = EXIT_NOT_READY;
  if (missing.length > 0) process.exitCode = EXIT_USAGE;
}

/** @throws UserError, as kubectl does: a name is unique only in a namespace, and already selects */
function checkNames(names: readonly string[], { allNamespaces, selector }: Flags): void {
  if (names.length === 0) return;
  if (allNamespaces === true)
    throw new UserError(
      'expected names of bindings together with namespaces, found --all-namespaces; choose the namespaces with --namespace',
    );
  if (selector !== undefined)
    throw new UserError('expected names of bindings or --selector, found both; leave out one of them');
}

function queryOf(names: readonly string[], { selector }: Flags, scope: CommandScope): AuditQuery {
  return names.length > 0 && scope.kind === 'Namespaces'
    ? { by: 'Name', scope, names: [...new Set(names)] }
    : { by: 'Selector', scope, selector };
}

function rowOf({ row }: AuditEntry): AuditEntry['row'] {
  return row;
}

function nothingFound(query: AuditQuery): string {
  const selector = query.by === 'Selector' ? query.selector : undefined;
  const labels = selector === undefined ? '' : ` with the labels ${quoted(selector)}`;
  const elsewhere = query.scope.kind === 'All' ? '' : '; choose another namespace with -n, or all with -A';
  return `no bindings found${labels} ${placeOf(query.scope, 'any namespace')}${elsewhere}`;
}

function placeOf(scope: CommandScope, all = 'all namespaces'): string {
  return `in ${scope.kind === 'All' ? all : scope.names.map(quoted).join(', ')}`;
}
