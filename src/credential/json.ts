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

/**
 * Reads a JSON text; a byte order mark before it is passed over. As in Go, what is not UTF-8, or half of a surrogate
 * pair, becomes U+FFFD.
 *
 * @returns undefined if it is not JSON. The parser's own error is dropped: it quotes the text around the fault.
 */
export function readJson(bytes: Uint8Array): Json | undefined {
  const text = new TextDecoder('utf-8').decode(bytes);
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  return build(tokens(text));
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

/** Without recursion: a text may be nested as deeply as it is long. */
function build(tokens: Iterable<string>): Json {
  const top: Member[] = [];
  const open: (Member[] | undefined)[] = [top];
  let name: string | undefined = '';
  for (const token of tokens) {
    if (token === '}' || token === ']') {
      open.pop();
      continue;
    }
    const members = open.at(-1);
    if (members !== undefined && members !== top && name === undefined) {
      name = textOf(token);
      continue;
    }
    const inside: Member[] = [];
    members?.push([name ?? '', valueOf(token, inside)]);
    name = undefined;
    if (token === '{') {
      open.push(inside);
    } else if (token === '[') {
      open.push(undefined);
    }
  }
  return top[0]?.[1] ?? { kind: 'null' };
}

function valueOf(token: string, inside: readonly Member[]): Json {
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
  return String(JSON.parse(token)).toWellFormed();
}

const SCALAR = /[-+.\w]+/y;

/** The brackets and scalars of a text that is known to be JSON. */
function* tokens(text: string): Iterable<string> {
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
  while (text.charAt(at) !== '"') {
    at += text.charAt(at) === '\\' ? 2 : 1;
  }
  return at + 1;
}
