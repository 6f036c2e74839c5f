/**
 * A JSON value as Go's encoding/json meets it: an object keeps members of the same name, for what Go makes of them
 * depends on all of them. Numbers, booleans and what stands in lists are of no use here and not kept.
 */
export type Json =
  | JsonObject
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'list' | 'number' | 'boolean' | 'null' };

export interface JsonObject {
  readonly kind: 'object';
  /** In the order in which they are written. */
  readonly members: readonly Member[];
}

type Member = readonly [name: string, value: Json];

/** Limit on brackets, names and values in a text: 64 for each of 256 entries. A usual entry has 7. */
export const MOST_TOKENS = 16_384;

/**
 * Reads a JSON text. A byte order mark before it is skipped. As in Go, what is not UTF-8, or half of a surrogate pair,
 * becomes U+FFFD. Reading stops at the first token beyond {@link MOST_TOKENS}, so that the cost has a bound.
 *
 * @returns `NotJson` without the parser's own error, because that quotes the text around the fault.
 */
export function readJson(bytes: Uint8Array): Json | 'NotJson' | 'TooManyTokens' {
  const text = new TextDecoder('utf-8').decode(bytes);
  const found = tokens(text)
    .take(MOST_TOKENS + 1)
    .toArray();
  if (found.length > MOST_TOKENS) return 'TooManyTokens';
  try {
    JSON.parse(text);
  } catch {
    return 'NotJson';
  }
  const builder = new Builder();
  for (const token of found) builder.take(token);
  return builder.value;
}

/**
 * The values of the fields that Go takes for the one of this name, which it finds in any letter case.
 *
 * @param name - an expression for the whole name, with the flags `iu`: they fold letters as Go does
 */
export function fields(object: JsonObject, name: RegExp): readonly Json[] {
  return object.members.filter(([written]) => name.test(written)).map(([, value]) => value);
}

/** What a value is, for a message that must not show the value itself. */
export function described({ kind }: Json): string {
  if (kind === 'null') {
    return kind;
  }
  return kind === 'object' ? 'an object' : `a ${kind}`;
}

/** Puts tokens together; without recursion, for a text may be nested as deeply as it is long. */
class Builder {
  /** The whole text as a member without a name. */
  readonly #top: Member[] = [];
  /** The members of the objects that are open; undefined for a list. */
  readonly #open: (Member[] | undefined)[] = [this.#top];
  #name: string | undefined = '';

  get value(): Json {
    return this.#top[0]?.[1] ?? { kind: 'null' };
  }

  take(token: string): void {
    const members = this.#open.at(-1);
    if (token === '}' || token === ']') this.#open.pop();
    else if (members !== undefined && this.#name === undefined) this.#name = textOf(token);
    else this.#put(token, members);
  }

  #put(token: string, members: Member[] | undefined): void {
    const inside: Member[] = [];
    members?.push([this.#name ?? '', read(token, inside)]);
    this.#name = undefined;
    if (token === '{') this.#open.push(inside);
    else if (token === '[') this.#open.push(undefined);
  }
}

function read(token: string, inside: readonly Member[]): Json {
  switch (token.charAt(0)) {
    case '{':
      return { kind: 'object', members: inside };
    case '"':
      return { kind: 'string', text: textOf(token) };
    case '[':
      return { kind: 'list' };
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

/** Where the token that begins here ends; here, if none does. */
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
