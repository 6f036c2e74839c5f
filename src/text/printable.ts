const STEERING = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
/** JSON.stringify has escaped what is below U+0020, and writes line ends of its own. */
const STEERING_IN_JSON = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Text of somebody else, with what could steer a terminal, or turn the direction of writing, written out. */
export function printable(text: string): string {
  return text.replace(STEERING, escaped);
}

/** JSON in which no character can steer a terminal. Ends with a newline. */
export function printableJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2).replace(STEERING_IN_JSON, escaped)}\n`;
}

function escaped(characters: string): string {
  return Array.from({ length: characters.length }, (_, index) => characters.charCodeAt(index))
    .map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
    .join('');
}
