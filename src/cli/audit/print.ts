import { columns, csv, printable, printableJson, quoted } from '../../text/index.ts';
import { ageOf } from './age.ts';
import type { AuditEntry } from './details.ts';
import type { AuditRow } from './row.ts';

const NOTHING = '-';

/** An aligned table: a line of headings unless `headers` is false, then one line per binding. Ends with a newline. */
export function asTable(rows: readonly AuditRow[], headers = true): string {
  return aligned([...(headers ? [HEADINGS] : []), ...rows.map(cells)]);
}

/** Like {@link asTable}, with more columns. Their names and order are no contract. */
export function asWide(
  entries: readonly AuditEntry[],
  { headers, now }: { readonly headers: boolean; readonly now: number },
): string {
  const rows = entries.map((entry) => [...cells(entry.row), ...wideCells(entry, now)]);
  return aligned([...(headers ? [[...HEADINGS, ...WIDE_HEADINGS]] : []), ...rows]);
}

function aligned(rows: readonly (readonly string[])[]): string {
  return columns(rows, '   ')
    .map((line) => `${line}\n`)
    .join('');
}

const HEADINGS = [
  'NAMESPACE',
  'NAME',
  'IMAGE',
  'PLATFORM',
  'SECRET',
  'READY',
  'REASON',
  'VERIFIED',
  'EXPIRES',
  'SCANS',
  'LAST CHANGE',
];

function cells(row: AuditRow): readonly string[] {
  const { namespace, name, image, platform, secret, ready, expires, scans, lastChange } = row;
  return [
    namespace,
    name,
    image,
    platform ?? NOTHING,
    secret ?? NOTHING,
    ready.status,
    ready.reason,
    verifiedCell(row.verified),
    expires ?? NOTHING,
    scansCell(scans),
    lastChange === null ? NOTHING : `${lastChange.time} ${lastChange.reason}`,
  ];
}

function scansCell({ bound, matched, boundAtCreation, unreadable }: AuditRow['scans']): string {
  const more = [
    ...(boundAtCreation === 0 ? [] : [`${boundAtCreation} at creation`]),
    ...(unreadable === 0 ? [] : [`${unreadable} unreadable`]),
  ];
  return [`${bound}/${matched}`, ...more].join(', ');
}

const WIDE_HEADINGS = [
  'MODE',
  'DELIVERY',
  'ENTRY',
  'TRIVY SECRET',
  'FAILING',
  'MIGRATIONS',
  'AGE',
  'MESSAGE',
];

function wideCells({ row, details }: AuditEntry, now: number): readonly string[] {
  const { mode, entry, trivySecret, migrations, created } = details;
  return [
    mode,
    row.delivery ?? NOTHING,
    entry ?? NOTHING,
    trivySecret ?? NOTHING,
    String(row.scans.failing),
    String(migrations),
    ageOf(created, now),
    row.ready.message,
  ];
}

/** Lines about the ScheduledScans of the bindings with unreadable ones: why each is not bound, and what to do. */
export function scanRemarks(rows: readonly AuditRow[]): readonly string[] {
  return rows
    .filter(({ scans }) => scans.unreadable > 0)
    .flatMap(({ namespace, name: binding, scans }) =>
      scans.reasons.map(
        ({ name, reason }) => `${namespace}/${binding}: ScheduledScan ${quoted(name)}: ${printable(reason)}`,
      ),
    );
}

/** Lines about the Secrets that the bindings keep for Scans which have not ended for long. */
export function temporarySecretRemarks(rows: readonly AuditRow[]): readonly string[] {
  return rows.flatMap(({ namespace, name: binding, temporarySecrets }) =>
    temporarySecrets.map(
      ({ name, scan, createdTime }) =>
        `${namespace}/${binding}: Secret ${quoted(name)} has existed since ${createdTime}, because Scan ${quoted(scan)} has not ended; if the Scan is stuck, delete it`,
    ),
  );
}

/**
 * When a registry last accepted the credential. If the credential is not verified now, the reason follows. Without such a
 * time, only the reason.
 */
function verifiedCell({ status, reason, time }: AuditRow['verified']): string {
  if (time === null) return reason === '' ? NOTHING : reason;
  return status === 'True' ? time : `${time} ${reason}`;
}

/** The contract of `audit -o json`: a list with one element per binding. Ends with a newline. */
export function asJson(rows: readonly AuditRow[]): string {
  return printableJson(rows);
}

/** CSV: a row of column names unless `headers` is false, then one row per binding. */
export function asCsv(rows: readonly AuditRow[], headers = true): string {
  const names = headers ? [COLUMNS.map(([name]) => name)] : [];
  return csv([...names, ...rows.map((row) => COLUMNS.map(([, value]) => value(row)))]);
}

/** The columns of the CSV. Their names and order are a contract. */
const COLUMNS: readonly (readonly [string, (row: AuditRow) => string])[] = [
  ['namespace', ({ namespace }) => namespace],
  ['name', ({ name }) => name],
  ['image', ({ image }) => image],
  ['platform', ({ platform }) => platform ?? ''],
  ['secret', ({ secret }) => secret ?? ''],
  ['delivery', ({ delivery }) => delivery ?? ''],
  ['ready', ({ ready }) => ready.status],
  ['reason', ({ ready }) => ready.reason],
  ['message', ({ ready }) => ready.message],
  ['verified', ({ verified }) => verified.status],
  ['verifiedReason', ({ verified }) => verified.reason],
  ['verifiedTime', ({ verified }) => verified.time ?? ''],
  ['expires', ({ expires }) => expires ?? ''],
  ['scansMatched', ({ scans }) => String(scans.matched)],
  ['scansBound', ({ scans }) => String(scans.bound)],
  ['scansFailing', ({ scans }) => String(scans.failing)],
  ['lastChangeTime', ({ lastChange }) => lastChange?.time ?? ''],
  ['lastChangeReason', ({ lastChange }) => lastChange?.reason ?? ''],
  ['lastChangeFromImage', ({ lastChange }) => lastChange?.from.image ?? ''],
  ['lastChangeFromSecret', ({ lastChange }) => lastChange?.from.secret ?? ''],
  ['lastChangeToImage', ({ lastChange }) => lastChange?.to.image ?? ''],
  ['lastChangeToSecret', ({ lastChange }) => lastChange?.to.secret ?? ''],
  ['scansUnreadable', ({ scans }) => String(scans.unreadable)],
  ['scansBoundAtCreation', ({ scans }) => String(scans.boundAtCreation)],
  ['temporarySecrets', ({ temporarySecrets }) => temporarySecrets.map(({ name }) => name).join(' ')],
];
