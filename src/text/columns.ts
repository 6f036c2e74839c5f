import { printable } from './printable.ts';

/**
 * Formats rows with the same number of cells as aligned lines. Escapes the cells, because the API server may not have
 * validated them.
 */
export function columns(cells: readonly (readonly string[])[], gap = '  '): readonly string[] {
  const rows = cells.map((row) => row.map(printable));
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join(gap)
      .trimEnd(),
  );
}
