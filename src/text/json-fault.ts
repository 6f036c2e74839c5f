/** A place in a text. Lines and columns begin at 1. A column is one UTF-16 code unit. */
export interface TextPosition {
  readonly line: number;
  readonly column: number;
}

/**
 * Where the syntax of a JSON text (RFC 8259) first goes wrong; undefined: the text is valid. If the text ends too early,
 * this is the position after its last character. The parser of Node reports a position only in an error that also
 * quotes the text, and not for every error. Takes linear time, without recursion.
 */
export function jsonFault(text: string): TextPosition | undefined {
  const index = new Scanner(text).fault();
  if (index === undefined) return undefined;
  const lines = text.slice(0, index).split(LINE_BREAK);
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
}

const LINE_BREAK = /\r\n|[\r\n]/;
const BLANKS = /[ \t\r\n]*/y;
const SCALAR = /true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[Ee][+-]?[0-9]+)?/y;
/** All characters except control characters below U+0020, quotes and backslashes. */
const PLAIN_CHARACTERS = /[ !#-[\]-\uffff]*/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})/y;

type Expected = 'Value' | 'ValueOrEnd' | 'Name' | 'NameOrEnd' | 'Colon' | 'CommaOrEnd' | 'Nothing';

/** Each method that reads returns whether the text is valid there, and if so moves behind what it has read. */
class Scanner {
  readonly #text: string;
  #at = 0;
  #expected: Expected = 'Value';
  readonly #open: ('{' | '[')[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  /** The index of the first error. */
  fault(): number | undefined {
    for (;;) {
      this.#take(BLANKS);
      if (this.#at === this.#text.length) return this.#expected === 'Nothing' ? undefined : this.#at;
      if (!this.#read()) return this.#at;
    }
  }

  #read(): boolean {
    switch (this.#expected) {
      case 'Value':
        return this.#value();
      case 'ValueOrEnd':
        return this.#closes(']') || this.#value();
      case 'Name':
        return this.#string('Colon');
      case 'NameOrEnd':
        return this.#closes('}') || this.#string('Colon');
      case 'Colon':
        return this.#character(':', 'Value');
      case 'CommaOrEnd':
        return this.#open.at(-1) === '{'
          ? this.#closes('}') || this.#character(',', 'Name')
          : this.#closes(']') || this.#character(',', 'Value');
      case 'Nothing':
        return false;
    }
  }

  #value(): boolean {
    if (this.#character('{', 'NameOrEnd')) return this.#open.push('{') > 0;
    if (this.#character('[', 'ValueOrEnd')) return this.#open.push('[') > 0;
    if (this.#text.charAt(this.#at) === '"') return this.#string(this.#afterValue());
    if (!this.#take(SCALAR)) return false;
    this.#expected = this.#afterValue();
    return true;
  }

  #closes(end: '}' | ']'): boolean {
    if (!this.#character(end, 'Nothing')) return false;
    this.#open.pop();
    this.#expected = this.#afterValue();
    return true;
  }

  #afterValue(): Expected {
    return this.#open.length === 0 ? 'Nothing' : 'CommaOrEnd';
  }

  #string(next: Expected): boolean {
    if (!this.#character('"', next)) return false;
    do this.#take(PLAIN_CHARACTERS);
    while (this.#take(ESCAPE));
    return this.#character('"', next);
  }

  #character(character: string, next: Expected): boolean {
    if (this.#text.charAt(this.#at) !== character) return false;
    this.#at += 1;
    this.#expected = next;
    return true;
  }

  /** Whether the expression matches here. */
  #take(expression: RegExp): boolean {
    expression.lastIndex = this.#at;
    const matches = expression.test(this.#text);
    if (matches) this.#at = expression.lastIndex;
    return matches;
  }
}
