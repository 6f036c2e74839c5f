import { jsonFault, type TextPosition } from '../text/index.ts';

/**
 * A JSON value. An object keeps all members of the same name, because the result in Go's encoding/json depends on all
 * of them. The values of numbers and booleans are not kept, because nothing uses them.
 */
export type Json =
  | JsonObject
  | { readonly kind: 'list'; readonly items: readonly Member[] }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'number' | 'boolean' | 'null' };

export interface JsonObject {
  readonly kind: 'object';
  /** In the order of the text. */
  readonly members: readonly Member[];
}

/** The text is not JSON. */
export interface NotJson {
  readonly kind: 'NotJson';
  readonly at: TextPosition;
}

/** In a list, the name is empty. */
type Member = readonly [name: string, value: Json];

/** Limit on brackets, names and values in a text: 64 for each of 256 entries. A usual entry has 7. */
export const MOST_TOKENS = 16_384;

/**
 * Parses a JSON text. Skips a byte order mark at the beginning. As in Go, invalid UTF-8 and unpaired surrogates become
 * U+FFFD. Parsing stops at the first token beyond {@link MOST_TOKENS}, so that the cost is bounded.
 *
 * @returns `NotJson` with the position of the error, because the parser's own error quotes the text
 */
export function readJson(bytes: Uint8Array): Json | NotJson | 'TooManyTokens' {
  const text = new TextDecoder('utf-8').decode(bytes);
  const found = tokens(text)
    .take(MOST_TOKENS + 1)
    .toArray();
  if (found.length > MOST_TOKENS) return 'TooManyTokens';
  const at = jsonFault(text);
  if (at !== undefined) return { kind: 'NotJson', at };
  const builder = new Builder();
  for (const token of found) builder.add(token);
  return builder.value;
}

/**
 * The values of all fields that Go matches to this name. Go ignores letter case.
 *
 * @param name - matches the whole name, with the flags `iu`, which fold case as Go does
 */
export function fields(object: JsonObject, name: RegExp): readonly Json[] {
  return object.members.filter(([written]) => name.test(written)).map(([, value]) => value);
}

/** The last string of that name, because a later null does not change a string in Go; empty if there is none. */
export function textIn(object: JsonObject, name: RegExp): string {
  const last = fields(object, name).findLast(({ kind }) => kind === 'string');
  return last?.kind === 'string' ? last.text : '';
}

/** The kind of a value, for a message that must not contain the value itself. */
export function described({ kind }: Json): string {
  if (kind === 'null') {
    return kind;
  }
  return kind === 'object' ? 'an object' : `a ${kind}`;
}

/** Builds a value from tokens. Without recursion, because a text may be nested as deeply as it is long. */
class Builder {
  /** The whole value, as a member without a name. */
  readonly #top: Member[] = [];
  /** The members of each open object, and the items of each open list. */
  readonly #open: { readonly members: Member[]; readonly isList: boolean }[] = [
    { members: this.#top, isList: false },
  ];
  #name: string | undefined = '';

  get value(): Json {
    return this.#top[0]?.[1] ?? { kind: 'null' };
  }

  add(token: string): void {
    const outer = this.#open.at(-1);
    if (token === '}' || token === ']') this.#open.pop();
    else if (outer?.isList === false && this.#name === undefined) this.#name = textOf(token);
    else this.#put(token, outer?.members);
  }

  #put(token: string, outer: Member[] | undefined): void {
    const members: Member[] = [];
    outer?.push([this.#name ?? '', read(token, members)]);
    this.#name = undefined;
    if (token === '{' || token === '[') this.#open.push({ members, isList: token === '[' });
  }
}

function read(token: string, inside: readonly Member[]): Json {
  switch (token.charAt(0)) {
    case '{':
      return { kind: 'object', members: inside };
    case '"':
      return { kind: 'string', text: textOf(token) };
    case '[':
      return { kind: 'list', items: inside };
    case 'n':
      return { kind: 'null' };
    case 't':
    case 'f':
      return { kind: 'boolean' };
    default:
      return { kind: 'number' };
  }
}

function textOf(token: string): string {
  const text = token.includes('\\') ? String(JSON.parse(token)) : token.slice(1, -1);
  return text.toWellFormed();
}

const SCALAR = /[-+.\w]+/y;

/** Matches the brackets and scalars of a JSON text. In any other text, it matches arbitrary pieces. */
function* tokens(text: string): Generator<string, undefined> {
  let at = 0;
  while (at < text.length) {
    const end = endOfToken(text, at);
    if (end > at) {
      yield text.slice(at, end);
    }
    at = Math.max(end, at + 1);
  }
}

/** The end of the token that begins at this position; the same position if no token begins there. */
function endOfToken(text: string, at: number): number {
  const first = text.charAt(at);
  if (first === '"') {
    return endOfString(text, at);
  }
  if ('{}[]'.includes(first)) {
    return at + 1;
  }
  SCALAR.lastIndex = at;
  return SCALAR.test(text) ? SCALAR.lastIndex : at;
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text.charAt(at) !== '"') {
    at += text.charAt(at) === '\\' ? 2 : 1;
  }
  return at + 1;
}
