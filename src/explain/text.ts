import { styleText } from 'node:util';
import type { Explained, ExplainedCandidate, ExplainedScan } from './explanation.ts';

/** How a heading, and what is missing, are set off; see {@link plain} and {@link coloured}. */
export interface Style {
  readonly heading: (text: string) => string;
  readonly warning: (text: string) => string;
}

/** For files, pipes, and people who set NO_COLOR. */
export const plain: Style = { heading: (text) => text, warning: (text) => text };

/** For a terminal. */
export const coloured: Style = {
  heading: (text) => styleText('bold', text, { validateStream: false }),
  warning: (text) => styleText('yellow', text, { validateStream: false }),
};

const INDENT = '  ';

/** A block of lines for a person: one for each thing that is known of the image. Ends with a newline. */
export function asText(explained: Explained, style: Style): string {
  const { explanation, movedTo, scans } = explained;
  const { image, repository, platform, binding, delivery } = explanation;
  const facts = columns([
    ['repository', repository],
    ['platform', platform],
    ['binding', binding ?? 'none serves this image'],
    ...(movedTo === undefined ? [] : [['moves to', movedTo]]),
  ]);
  const lines = [
    style.heading(printable(image)),
    ...indented(facts),
    ...section('candidates', candidateLines(explained, style)),
    ...section('Trivy gets', [
      ...delivery.env.map(({ name, value }) => `${name}=${value}`),
      ...delivery.files,
    ]),
    ...section('ScheduledScans', scanLines(scans)),
  ];
  return `${lines.join('\n')}\n`;
}

/** JSON in which no character can steer a terminal. Ends with a newline. */
export function asJson(explained: readonly Explained[]): string {
  const json = JSON.stringify(
    explained.map(({ explanation }) => explanation),
    null,
    2,
  );
  return `${json.replace(STEERING_IN_JSON, escaped)}\n`;
}

/** Text of somebody else, with what could steer a terminal, or turn the direction of writing, written out. */
export function printable(text: string): string {
  return text.replace(STEERING, escaped);
}

const STEERING = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
/** JSON.stringify has escaped what is below U+0020, and writes line ends of its own. */
const STEERING_IN_JSON = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu;

function escaped(characters: string): string {
  return Array.from({ length: characters.length }, (_, index) => characters.charCodeAt(index))
    .map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
    .join('');
}

function candidateLines({ explanation, outcome }: Explained, style: Style): readonly string[] {
  switch (outcome) {
    case 'NoneNeeded':
      return ['none needed: the binding names no Secret'];
    case 'NoMatch':
      return [style.warning('none: no entry of these Secrets fits this image')];
    case 'Fits':
      return columns(explanation.candidates.map(candidateRow));
  }
}

function candidateRow({ secret, registryKey, username }: ExplainedCandidate, index: number) {
  const who = username === null ? 'a token' : username === '' ? 'no user name' : `user ${username}`;
  return [`${index + 1}.`, `Secret ${secret}`, `entry ${registryKey}`, who];
}

function scanLines(scans: readonly ExplainedScan[]): readonly string[] {
  return columns(scans.map(({ name, servedBy, boundTo }) => [name, scanState(servedBy, boundTo)]));
}

function scanState(servedBy: string | undefined, boundTo: string | undefined): string {
  if (servedBy === undefined)
    return boundTo === undefined ? 'no binding serves it' : `to be let go by ${boundTo}`;
  return servedBy === boundTo ? `bound to ${servedBy}` : `served by ${servedBy}, not bound yet`;
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`${INDENT}${title}`, ...indented(indented(lines))];
}

function indented(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `${INDENT}${line}`);
}

/** Rows of equally many cells, aligned. Cells hold names as files give them, which no API server has looked at. */
function columns(cells: readonly (readonly string[])[]): readonly string[] {
  const rows = cells.map((row) => row.map(printable));
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
