import type { CandidateStatus, Condition, Transition } from '../../api/index.ts';
import type { AuditDetails, AuditEntry } from './details.ts';
import { html, type Markup } from './html-markup.ts';
import type { AuditRow } from './row.ts';

const NOTHING = '-';
/** Readable without color: each state has its own sign. */
const SIGNS: ReadonlyMap<string, string> = new Map([
  ['True', '✓'],
  ['False', '✗'],
  ['Unknown', '?'],
]);
const COLUMNS = ['Ready', 'Namespace', 'Name', 'Image', 'Platform', 'Secret', 'Verified', 'Expires', 'Scans'];

/** The table: a row per binding, and below it what to do, its conditions and its history. */
export function bindingTable(entries: readonly AuditEntry[]): Markup {
  return html`<div class="scroll"><table>
<thead><tr>${COLUMNS.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
${entries.map(binding)}</table></div>
`;
}

function binding({ row, details }: AuditEntry): Markup {
  const { namespace, name, image, platform, secret, ready, verified, expires } = row;
  return html`<tbody class="binding" data-state="${ready.status}">
<tr>${stateCell(ready.status, ready.reason)}<td>${namespace}</td><th scope="row" class="name">${name}</th>
<td class="image">${breakable(image)}</td><td>${platform ?? NOTHING}</td><td class="name">${secret ?? NOTHING}</td>
<td>${verification(verified)}</td>
<td>${whole(expires ?? NOTHING)}</td><td>${scanCounts(row.scans)}</td></tr>
<tr><td></td><td colspan="${COLUMNS.length - 1}">${ready.status === 'True' ? [] : html`<p class="message">${ready.message}</p>`}
<details><summary>Conditions and history</summary><div class="scroll">
${factList(row, details)}${conditions(details.conditions)}${candidates(details.candidates)}${scanReasons(row.scans)}${temporarySecrets(row.temporarySecrets)}${history(details.history)}</div></details></td></tr>
</tbody>
`;
}

/** A text that is not split across lines. */
function whole(text: string): Markup {
  return html`<span class="whole">${text}</span>`;
}

/** A path that may be split after each slash. */
function breakable(path: string): readonly Markup[] {
  return path.split('/').map((part, index) => (index === 0 ? html`${part}` : html`/<wbr>${part}`));
}

function stateCell(status: AuditRow['ready']['status'], reason: string): Markup {
  return html`<td class="state ${status}">${SIGNS.get(status) ?? ''} ${reason}</td>`;
}

/** Like the column VERIFIED of the table in a terminal. */
function verification({ status, reason, time }: AuditRow['verified']): Markup {
  if (time === null) return html`${reason || NOTHING}`;
  return html`${whole(time)}${status === 'True' ? '' : ` ${reason}`}`;
}

/** Like the column SCANS of the table in a terminal, in words. */
function scanCounts({ matched, bound, boundAtCreation, failing, unreadable }: AuditRow['scans']): string {
  const more = [
    ...(boundAtCreation === 0 ? [] : [`${boundAtCreation} of them at the creation of their Scans`]),
    ...(failing === 0 ? [] : [`${failing} failing`]),
    ...(unreadable === 0 ? [] : [`${unreadable} unreadable`]),
  ];
  return [`${bound} of ${matched} bound`, ...more].join(', ');
}

function factList({ delivery, lastChange }: AuditRow, details: AuditDetails): Markup {
  const { mode, verification, entry, trivySecret, migrations, created, replaces } = details;
  const facts: readonly (readonly [string, string | number | null])[] = [
    ['created', created],
    ['mode', mode],
    ['delivery', delivery],
    ['verification', verification],
    ['entry of the Secret', entry],
    ['Trivy Secret', trivySecret],
    ['replaces', replaces.join(', ') || null],
    ['migrations', migrations || null],
    ['last change', lastChange === null ? null : `${lastChange.time} ${lastChange.reason}`],
  ];
  const shown = facts.filter(([, value]) => value !== null);
  return html`<p class="muted">${shown.map(([name, value]) => `${name}: ${value}`).join(' · ')}</p>
`;
}

function conditions(all: readonly Condition[]): Markup | readonly Markup[] {
  const rows = all.map(
    ({ type, status, reason, message, lastTransitionTime }) =>
      html`<tr><th scope="row">${type}</th>${stateCell(status, reason)}<td class="whole">${lastTransitionTime}</td><td>${message}</td></tr>
`,
  );
  return section('Conditions', ['Type', 'Status', 'Since', 'Message'], rows);
}

function candidates(all: readonly CandidateStatus[]): Markup | readonly Markup[] {
  const rows = all.map(
    ({ secret, registryKey, result, reason }) =>
      html`<tr><td>${secret}</td><td>${registryKey ?? NOTHING}</td><td>${result}</td><td>${reason}</td></tr>
`,
  );
  return section('Candidates', ['Secret', 'Entry', 'Result', 'Reason'], rows);
}

function scanReasons({ reasons }: AuditRow['scans']): Markup | readonly Markup[] {
  const rows = reasons.map(
    ({ name, reason }) => html`<tr><td>${name}</td><td>${reason}</td></tr>
`,
  );
  return section('ScheduledScans', ['Name', 'Reason'], rows);
}

function temporarySecrets(all: AuditRow['temporarySecrets']): Markup | readonly Markup[] {
  const rows = all.map(
    ({ name, scan, createdTime }) =>
      html`<tr><td>${name}</td><td>${scan}</td><td class="whole">${createdTime}</td></tr>
`,
  );
  return section('Secrets of Scans that have not ended', ['Secret', 'Scan', 'Since'], rows);
}

function history(all: readonly Transition[]): Markup | readonly Markup[] {
  const rows = all.map(
    ({ time, reason, from, to, scans }) =>
      html`<tr><td class="whole">${time}</td><td class="whole">${reason}</td><td>${side(from)}</td><td>${side(to)}</td><td>${scans}</td></tr>
`,
  );
  return section('History', ['Time', 'Reason', 'From', 'To', 'Scans'], rows);
}

function side({ platform, image, secret }: Transition['from']): string {
  return [image, ...(platform === undefined ? [] : [`(${platform})`]), secret ?? 'no Secret'].join(' ');
}

/** A heading and a table; nothing if there are no rows. */
function section(
  title: string,
  columns: readonly string[],
  rows: readonly Markup[],
): Markup | readonly Markup[] {
  if (rows.length === 0) return [];
  return html`<h2>${title}</h2>
<table><thead><tr>${columns.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead><tbody>
${rows}</tbody></table>
`;
}
