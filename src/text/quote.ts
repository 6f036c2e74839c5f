const SHOWN = 100;
const NOT_PRINTABLE_ASCII = /[^\x20-\x7e]/g;
/** The password in a URL, such as `https://user:password@host`. */
const PASSWORD = /(?<=:\/\/[^/@:]{0,255}:)[^/@]+(?=@)/g;

/**
 * Quotes untrusted text for a message, as in JSON. Escapes everything except printable ASCII, so that look-alike
 * letters and control characters are visible. Truncates the text after 100 characters, and then appends its length.
 * Must not be used for secret values, because messages must not contain them. Replaces the password in a URL with `***`, because
 * users write URLs where a host is expected.
 */
export function quoted(text: string): string {
  const shown = JSON.stringify(withoutPassword(text).slice(0, SHOWN)).replace(
    NOT_PRINTABLE_ASCII,
    escapeCodeUnit,
  );
  return text.length > SHOWN ? `${shown}… (${text.length} characters)` : shown;
}

/** Replaces the password of each URL in a text with `***`. */
export function withoutPassword(text: string): string {
  return text.replace(PASSWORD, '***');
}

function escapeCodeUnit(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
