import { createHash } from 'node:crypto';
import { timestamp } from '../../text/index.ts';
import type { AuditEntry } from './details.ts';
import { SCRIPT, STYLE } from './html-assets.ts';
import { bindingTable } from './html-binding.ts';
import { html, type Markup, trusted } from './html-markup.ts';

/** What a page says about itself. */
export interface PageInfo {
  /** Where the bindings are: `in "shop"`. */
  readonly place: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const STATES = [
  ['True', 'ready'],
  ['False', 'not ready'],
  ['Unknown', 'unknown'],
] as const;

/**
 * One self-contained page about the bindings. Loads nothing: its content security policy forbids everything but its own style
 * and script, which it names by their hashes. So even markup that was not escaped could not run.
 */
export function asHtml(entries: readonly AuditEntry[], { place, now }: PageInfo): string {
  const time = timestamp(now);
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Image credential bindings</title>
<style>${trusted(STYLE)}</style>
</head>
<body>
<h1>Image credential bindings</h1>
<p class="muted">${counted(entries.length, 'binding')} ${place} at <time datetime="${time}">${time}</time></p>
${summary(entries)}${filter()}${bindingTable(entries)}<script>${trusted(SCRIPT)}</script>
</body>
</html>
`;
  return page.text;
}

function digest(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** https://www.w3.org/TR/CSP3/ */
const POLICY = [
  "default-src 'none'",
  `script-src ${digest(SCRIPT)}`,
  `style-src ${digest(STYLE)}`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** How many bindings are in each state, and how many ScheduledScans are bound. */
function summary(entries: readonly AuditEntry[]): Markup {
  const states = STATES.map(([status, name]) => {
    const count = entries.filter(({ row }) => row.ready.status === status).length;
    return html`<li class="${status}"><b>${count}</b>${name}</li>
`;
  });
  const sum = (of: 'matched' | 'bound' | 'failing' | 'unreadable') =>
    entries.reduce((total, { row }) => total + row.scans[of], 0);
  return html`<ul class="summary">
${states}<li><b>${sum('bound')} of ${sum('matched')}</b>scans bound</li>
<li><b>${sum('failing')}</b>scans failing</li>
<li><b>${sum('unreadable')}</b>scans unreadable</li>
</ul>
`;
}

/** Hidden without scripts. */
function filter(): Markup {
  return html`<div class="filter" id="filter" hidden="">
<label>Filter <input type="search" id="text" autocomplete="off" placeholder="name, image, Secret, reason, message"></label>
<label>State <select id="state"><option value="">all</option>${STATES.map(
    ([status, name]) => html`<option value="${status}">${name}</option>`,
  )}</select></label>
<button type="button" id="unfold" aria-pressed="false">Unfold all</button>
<output id="shown"></output>
</div>
`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
