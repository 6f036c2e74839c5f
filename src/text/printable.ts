const STEERING = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
/** Excludes characters below U+0020. JSON.stringify escapes them in strings, and its own line breaks must stay. */
const STEERING_IN_JSON = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Escapes all characters that could control a terminal or change the writing direction. */
export function printable(text: string): string {
  return text.replace(STEERING, escaped);
}

/** Formats a value as JSON in which no character can control a terminal. Ends with a newline. */
export function printableJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2).replace(STEERING_IN_JSON, escaped)}\n`;
}

function escaped(characters: string): string {
  return Array.from({ length: characters.length }, (_, index) => characters.charCodeAt(index))
    .map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
    .join('');
}
