import { columns, printableJson } from '../../text/index.ts';
import type { Item } from './item.ts';

/** One line per item: its state, what was checked, what was found, and what to do. */
export function asText(items: readonly Item[]): string {
  const rows = items.map(({ state, check, message, advice }) => [
    state,
    check,
    advice === null ? message : `${message}; ${advice}`,
  ]);
  return columns(rows)
    .map((line) => `${line}\n`)
    .join('');
}

/** The contract of `check -o json`: a list of {@link Item}. Ends with a newline. */
export function asJson(items: readonly Item[]): string {
  return printableJson(items);
}
