/** A challenge in `WWW-Authenticate`. Other schemes are ignored. */
export type Challenge =
  | {
      readonly scheme: 'Bearer';
      readonly realm: URL;
      readonly service: string | undefined;
      readonly scope: string | undefined;
    }
  | { readonly scheme: 'Basic' };

/** Limit on challenges, because parsing takes time. Registries send two or three. */
const MOST_CHALLENGES = 32;
// These patterns are sticky, and the next character determines which one matches, so parsing takes linear time.
const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/sy;
/** Some registries write a realm without quotes. */
const UNQUOTED = /[^\s,"]+/y;
const BLANKS = /[ \t]*/y;
const SEPARATORS = /[ \t,]*/y;
const EQUALS = /[ \t]*=[ \t]*/y;
const ESCAPED = /\\(.)/gs;

/**
 * Parses the values of all `WWW-Authenticate` headers (RFC 9110, section 11.6.1; the parameters of Bearer:
 * distribution.github.io/distribution/spec/auth/token). One value may contain several challenges.
 *
 * @returns the supported challenges in their order, perhaps none; undefined if a value does not follow the grammar, if there
 *   are more than 32 challenges, or if a Bearer challenge has no realm that is an absolute http or https URL
 */
export function parseChallenges(values: readonly string[]): readonly Challenge[] | undefined {
  const challenges: Challenge[] = [];
  for (const value of values) {
    const understood = rawChallenges(value)?.filter(
      ({ scheme }) => scheme === 'basic' || scheme === 'bearer',
    );
    const read = understood?.map(challengeOf) ?? [undefined];
    if (!read.every((challenge) => challenge !== undefined)) return undefined;
    challenges.push(...read);
    if (challenges.length > MOST_CHALLENGES) return undefined;
  }
  return challenges;
}

function challengeOf({ scheme, parameters }: RawChallenge): Challenge | undefined {
  if (scheme === 'basic') return { scheme: 'Basic' };
  const realm = httpUrl(parameters.get('realm'));
  const [service, scope] = [parameters.get('service'), parameters.get('scope')];
  return realm === undefined ? undefined : { scheme: 'Bearer', realm, service, scope };
}

interface RawChallenge {
  /** In lower case. */
  readonly scheme: string;
  /** By name in lower case. If a name occurs twice, the first value counts. */
  readonly parameters: ReadonlyMap<string, string>;
}

function rawChallenges(value: string): readonly RawChallenge[] | undefined {
  const reader = new Reader(value);
  const found: RawChallenge[] = [];
  reader.take(SEPARATORS);
  while (!reader.atEnd) {
    const scheme = reader.take(TOKEN)?.toLowerCase();
    if (scheme === undefined || found.length >= MOST_CHALLENGES) return undefined;
    reader.take(BLANKS);
    const parameters = reader.take(TOKEN68) === undefined ? readParameters(reader) : new Map();
    if (parameters === undefined) return undefined;
    found.push({ scheme, parameters });
    reader.take(SEPARATORS);
  }
  return found;
}

/** Reads `name=value` pairs up to the next scheme, which is a token without a following `=`. */
function readParameters(reader: Reader): ReadonlyMap<string, string> | undefined {
  const parameters = new Map<string, string>();
  for (;;) {
    const start = reader.position;
    reader.take(SEPARATORS);
    const name = reader.take(TOKEN)?.toLowerCase();
    if (name === undefined || reader.take(EQUALS) === undefined) {
      reader.position = start;
      return parameters;
    }
    const value = reader.takeQuoted() ?? reader.take(UNQUOTED);
    if (value === undefined) return undefined;
    if (!parameters.has(name)) parameters.set(name, value);
  }
}

class Reader {
  position = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.position >= this.#text.length;
  }

  take(expression: RegExp): string | undefined {
    return this.#match(expression)?.[0];
  }

  takeQuoted(): string | undefined {
    return this.#match(QUOTED)?.[1]?.replace(ESCAPED, '$1');
  }

  #match(expression: RegExp): RegExpExecArray | undefined {
    expression.lastIndex = this.position;
    const match = expression.exec(this.#text) ?? undefined;
    if (match !== undefined) this.position = expression.lastIndex;
    return match;
  }
}

function httpUrl(text: string | undefined): URL | undefined {
  const url = text === undefined ? null : URL.parse(text);
  return url?.protocol === 'https:' || url?.protocol === 'http:' ? url : undefined;
}
