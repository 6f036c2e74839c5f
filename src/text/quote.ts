const SHOWN = 100;
const NOT_PRINTABLE_ASCII = /[^\x20-\x7e]/g;

/**
 * Text from outside as it may stand in a message: JSON-quoted, everything but printable ASCII escaped (so that
 * look-alike letters and terminal controls show), and cut after 100 characters, with the length then named.
 * Not for secret values: those must not be in a message at all.
 */
export function quoted(text: string): string {
  const shown = JSON.stringify(text.slice(0, SHOWN)).replace(NOT_PRINTABLE_ASCII, escapeCodeUnit);
  return text.length > SHOWN ? `${shown}… (${text.length} characters)` : shown;
}

function escapeCodeUnit(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
