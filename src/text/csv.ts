import { printable } from './printable.ts';

/** What needs no quotes; all else gets them, also what only some programs take for a separator. */
const PLAIN = /^[\w ./:@-]*$/;
/**
 * What a spreadsheet may take for a formula: https://owasp.org/www-community/attacks/CSV_Injection. Full-width forms
 * count, for East Asian editions of Excel take them so.
 */
const FORMULA = /^\s*[=+\-@＝＋－＠]/;

/**
 * Rows as CSV (RFC 4180): each ends with CRLF. A cell that a spreadsheet would take for a formula gets a `'` in front,
 * which spreadsheets show as nothing; control characters are written out.
 */
export function csv(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}

function cell(text: string): string {
  const shown = printable(text);
  const harmless = FORMULA.test(shown) ? `'${shown}` : shown;
  return PLAIN.test(harmless) ? harmless : `"${harmless.replaceAll('"', '""')}"`;
}
