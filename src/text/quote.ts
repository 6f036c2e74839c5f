const SHOWN = 100;
const NOT_PRINTABLE_ASCII = /[^\x20-\x7e]/g;

/**
 * Quotes untrusted text for a message, as in JSON. Escapes everything except printable ASCII, so that look-alike
 * letters and control characters are visible. Truncates the text after 100 characters, and then appends its length.
 * Must not be used for secret values, because messages must not contain them.
 */
export function quoted(text: string): string {
  const shown = JSON.stringify(text.slice(0, SHOWN)).replace(NOT_PRINTABLE_ASCII, escapeCodeUnit);
  return text.length > SHOWN ? `${shown}… (${text.length} characters)` : shown;
}

function escapeCodeUnit(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
