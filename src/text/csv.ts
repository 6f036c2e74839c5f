import { printable } from './printable.ts';

/**
 * Matches cells that need no quotes. All other cells are quoted, because programs differ in the separators that they
 * recognize.
 */
const PLAIN = /^[\w ./:@-]*$/;
/**
 * Matches cells that a spreadsheet may evaluate as a formula: https://owasp.org/www-community/attacks/CSV_Injection.
 * East Asian editions of Excel also evaluate the full-width characters.
 */
const FORMULA = /^\s*[=+\-@＝＋－＠]/;

/**
 * Formats rows as CSV (RFC 4180). Each row ends with CRLF. A cell that a spreadsheet would evaluate as a formula gets the
 * prefix `'`, which spreadsheets do not show. Control characters are escaped.
 */
export function csv(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}

function cell(text: string): string {
  const shown = printable(text);
  const harmless = FORMULA.test(shown) ? `'${shown}` : shown;
  return PLAIN.test(harmless) ? harmless : `"${harmless.replaceAll('"', '""')}"`;
}
