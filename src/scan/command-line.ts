import { durationNs } from './duration.ts';
import { type FlagType, type KnownFlag, TRIVY_FLAGS } from './trivy-flags.ts';

/** A parameter that is not a flag, or the value of one. */
export interface Word {
  /** The position in the parameters. */
  readonly index: number;
  readonly text: string;
}

/** A list of parameters as Trivy reads it. */
export interface CommandLine {
  readonly arguments: readonly Word[];
  /** By name of a known flag: its last value. */
  readonly values: ReadonlyMap<string, Word>;
  /** The parameters that follow an unknown flag. Each is its value, or an argument if the flag takes none. */
  readonly uncertain: readonly (Word & { readonly flag: string })[];
  /** The unknown flags, with their dashes. */
  readonly unknown: readonly string[];
}

/** Trivy refuses the list. The message says why, and contains no parameter except the names of flags. */
export interface Unparsable {
  readonly problem: string;
}

/**
 * Parses parameters as the library of Trivy's command line does. There is one difference: Trivy refuses a list with an
 * unknown flag. Here, such a flag may belong to a newer Trivy, so the list is read as far as possible.
 *
 * @see https://github.com/spf13/pflag/blob/v1.0.10/flag.go
 */
export function parseCommandLine(parameters: readonly string[]): CommandLine | Unparsable {
  const line = new Reader(parameters);
  while (line.hasNext()) {
    const problem = line.readOne();
    if (problem !== undefined) return { problem };
  }
  return line;
}

interface LetterRead {
  readonly isLast: boolean;
  readonly problem: string | undefined;
}

function lastLetter(problem: string | undefined): LetterRead {
  return { isLast: true, problem };
}

class Reader implements CommandLine {
  readonly arguments: Word[] = [];
  readonly values = new Map<string, Word>();
  readonly uncertain: (Word & { readonly flag: string })[] = [];
  readonly unknown: string[] = [];
  readonly #parameters: readonly string[];
  #next = 0;
  #flagsEnded = false;

  constructor(parameters: readonly string[]) {
    this.#parameters = parameters;
  }

  hasNext(): boolean {
    return this.#next < this.#parameters.length;
  }

  /** Reads a parameter, and its value if it is a flag that takes one. Returns why Trivy refuses it; undefined: it does not. */
  readOne(): string | undefined {
    const word = this.#take();
    const { text } = word;
    if (this.#flagsEnded || !isFlag(text)) this.arguments.push(word);
    else if (text === '--') this.#flagsEnded = true;
    else return text.startsWith('--') ? this.#readLong(word) : this.#readShort(word);
    return undefined;
  }

  #take(): Word {
    const index = this.#next;
    this.#next += 1;
    return { index, text: this.#parameters[index] ?? '' };
  }

  #readLong({ index, text }: Word): string | undefined {
    const [name, value] = cut(text.slice(2));
    if (name === '' || name.startsWith('-')) return `${place(index)} is not the name of a flag; correct it`;
    if (!NAME.test(name)) return notAName(index, name);
    const flag = TRIVY_FLAGS.get(name.length > 1 ? name : '');
    if (flag === undefined) return this.#skipUnknown(`--${name}`, value !== undefined);
    return this.#set(flag, `--${name}`, value === undefined ? undefined : { index, text: value });
  }

  /** Reads a parameter such as `-q`, `-qd`, `-sHIGH` or `-s=HIGH`. */
  #readShort({ index, text }: Word): string | undefined {
    for (let at = 1; at < text.length; at += 1) {
      // The library skips flags of Go's own tests.
      if (text.startsWith('test.', at)) return undefined;
      const read = this.#readLetter(index, text[at] ?? '', text.slice(at + 1));
      if (read.isLast) return read.problem;
    }
    return undefined;
  }

  /** @param rest - what follows the letter in the same parameter: the value, or more letters */
  #readLetter(index: number, letter: string, rest: string): LetterRead {
    const flag = TRIVY_FLAGS.get(letter);
    const written = `-${letter}`;
    const isKnownText = flag !== undefined && !ENUMERATED.has(flag.name);
    if (!isKnownText && /^\s/.test(rest)) return lastLetter(twoInOne(index, written));
    if (flag === undefined) return lastLetter(this.#unknownLetter(index, written, rest));
    const isJoined = rest.length > 1 && rest.startsWith('=');
    if (isJoined) return lastLetter(this.#set(flag, written, { index, text: rest.slice(1) }));
    if (flag.type === 'bool') return { isLast: false, problem: this.#set(flag, written, undefined) };
    return lastLetter(this.#set(flag, written, rest === '' ? undefined : { index, text: rest }));
  }

  #unknownLetter(index: number, flag: string, rest: string): string | undefined {
    return /\w$/.test(flag) ? this.#skipUnknown(flag, rest !== '') : notAName(index, flag);
  }

  #set(flag: KnownFlag, written: string, joined: Word | undefined): string | undefined {
    const { name, type } = flag;
    const value = joined ?? this.#valueAfter(type);
    if (value === undefined) return `the flag ${written} has no value; add it, or remove the flag`;
    if (!IS_VALUE[type](value.text))
      return `the flag ${written} has a value that is not ${EXPECTED[type]}; correct it`;
    this.values.set(name, value);
    return undefined;
  }

  #valueAfter(type: FlagType): Word | undefined {
    if (type === 'bool') return { index: this.#next - 1, text: 'true' };
    return this.hasNext() ? this.#take() : undefined;
  }

  #skipUnknown(flag: string, hasValue: boolean): undefined {
    this.unknown.push(flag);
    const follower = this.#parameters[this.#next];
    if (!hasValue && follower !== undefined && !isFlag(follower))
      this.uncertain.push({ ...this.#take(), flag });
  }
}

/** The name of a flag. No version of Trivy can have a flag whose name contains a space or a quote. */
const NAME = /^[\w.-]{1,100}$/;
const BOOLEAN = /^(?:1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/;
const INTEGER = /^[+-]?(?:0x(?:_?[\da-f])+|0b(?:_?[01])+|0o?(?:_?[0-7])+|0|[1-9](?:_?\d)*)$/i;
const FLOAT = /^[+-]?(?:\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?|inf(?:inity)?|nan)$/i;
/** The first record of a CSV text: https://pkg.go.dev/encoding/csv. */
const RECORD = /^(?:"(?:[^"]|"")*"|[^",\n]*)(?:,(?:"(?:[^"]|"")*"|[^",\n]*))*(?:\n|$)/;

/** Longer numbers are not read. */
const LONGEST_NUMBER = 100;
/** Longer lists are not checked. */
const LONGEST_LIST = 10_000;

const IS_VALUE: Readonly<Record<FlagType, (text: string) => boolean>> = {
  bool: (text) => BOOLEAN.test(text),
  int: (text) => text.length <= LONGEST_NUMBER && INTEGER.test(text),
  float: (text) => text.length <= LONGEST_NUMBER && FLOAT.test(text),
  duration: (text) => durationNs(text) !== undefined,
  string: () => true,
  strings: isList,
};

/** Flags with a fixed set of values, none of which begins with a space. */
const ENUMERATED: ReadonlySet<string> = new Set(['format', 'severity']);

const EXPECTED: Readonly<Record<FlagType, string>> = {
  bool: 'true or false',
  int: 'a whole number',
  float: 'a number',
  duration: 'a duration such as 5m0s',
  string: 'a text',
  strings: 'a list separated by commas: quotes must enclose a whole element',
};

function isList(text: string): boolean {
  if (text === '' || text.length > LONGEST_LIST) return true;
  const record = text.replace(/^[\r\n]+/, '');
  return record !== '' && RECORD.test(record);
}

/** The texts that Trivy accepts as true, in a value of the type `bool`. */
export function isTrue(text: string): boolean {
  return BOOLEAN.test(text) && /^[1t]/i.test(text);
}

export function isBoolean(text: string): boolean {
  return BOOLEAN.test(text);
}

/** The name of a parameter in messages: users count from 1. */
export function place(index: number): string {
  return `parameter ${index + 1}`;
}

/** Shows only the text up to the first space or quote, because the rest may be a password. */
function notAName(index: number, name: string): string {
  const [flag = ''] = /^[\w.-]{0,100}/.exec(name) ?? [];
  const dashes = name.startsWith('-') ? '' : '--';
  if (!/^[\w.-]+\s/.test(name)) return `${place(index)} is not the name of a flag; correct it`;
  return twoInOne(index, `${dashes}${flag}`);
}

function twoInOne(index: number, flag: string): string {
  return (
    `${place(index)} contains the flag ${flag} and its value, but Trivy reads it as one text; make them two parameters, or ` +
    'join them with "="'
  );
}

function isFlag(text: string): boolean {
  return text.startsWith('-') && text !== '-';
}

function cut(text: string): readonly [name: string, value: string | undefined] {
  const at = text.indexOf('=');
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
