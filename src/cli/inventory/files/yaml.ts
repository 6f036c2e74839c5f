import {
  boolYaml11Tag,
  constructFromEvents,
  EVENT_ID,
  type Event,
  FAILSAFE_SCHEMA,
  floatYaml11Tag,
  mergeTag,
  NOT_RESOLVED,
  nullYaml11Tag,
  parseEvents,
  Schema,
  YAMLException,
} from 'js-yaml';

/**
 * The types of scalars that kubectl reads: those of YAML 1.1, in which `yes` and `010` are no strings, but without times. A
 * test compares them with kubectl.
 */
const KUBECTL_SCHEMA = new Schema([
  ...FAILSAFE_SCHEMA.tags,
  nullYaml11Tag,
  boolYaml11Tag,
  { ...floatYaml11Tag, implicitFirstChars: null, resolve: (source) => numberIn(source) ?? NOT_RESOLVED },
  mergeTag,
]);

const INTEGER = /^[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)$/;
const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const INFINITE = /^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;

/** The number in a plain scalar, as `resolve` of go.yaml.in/yaml/v2 finds it; undefined: it is not a number. */
function numberIn(source: string): number | undefined {
  if (INFINITE.test(source)) return Number.NaN;
  if (!/^[-+.0-9]/.test(source)) return undefined;
  // After a dot, underscores may only separate digits.
  if (source.startsWith('.') && /_(?![0-9])|(?<![0-9])_/.test(source)) return undefined;
  const plain = source.replaceAll('_', '');
  if (INTEGER.test(plain)) return integerIn(plain);
  const number = FLOAT.test(plain) ? Number(plain) : Number.NaN;
  return Number.isFinite(number) ? number : undefined;
}

/** An octal number may have no letter after its first zero. */
function integerIn(plain: string): number {
  const digits = plain.replace(/^[-+]/, '').replace(/^0(?=[0-7])/, '0o');
  return plain.startsWith('-') ? 0 - Number(digits) : Number(digits);
}

/** A document of a file. */
export interface YamlDocument {
  /** Without the fields that are null, which `kubectl apply` does not send either. */
  readonly value: unknown;
  /** The line on which its content begins, from 1; undefined: it has no fields. */
  readonly line: number | undefined;
}

/**
 * Limit on the values that aliases repeat, in one file. Code that visits each value of a document would not finish otherwise.
 * kubectl has a similar limit.
 */
const MOST_REPEATED = 100_000;
/** Limit on the depth of values. The parser has a lower one, which aliases evade. */
const MOST_LEVELS = 500;

/**
 * @throws YAMLException if the text is not YAML, or if an alias is in the value that it repeats, which kubectl refuses, too, or if
 *   aliases repeat too many values
 */
export function documentsIn(text: string): readonly YamlDocument[] {
  const values = new Values();
  const source = text.replace(BETWEEN_JSON_DOCUMENTS, (end) => `${end}--- `);
  const events = parseEvents(source, {});
  const lines = linesOf(events, source);
  return constructFromEvents(events, { source, schema: KUBECTL_SCHEMA }).map((value, index) => {
    values.tidy(value);
    return { value, line: lines[index] };
  });
}

/** kubectl also reads JSON documents without a separator. In YAML, `}` before a line with `{` is always an error. */
const BETWEEN_JSON_DOCUMENTS = /\}[ \t\r]*\n(?:[ \t\r]*\n)*(?=\{)/g;

/** The line of the root of each document. */
function linesOf(events: readonly Event[], text: string): readonly (number | undefined)[] {
  let [line, counted] = [1, 0];
  return events.flatMap((event, index) => {
    if (event.type !== EVENT_ID.DOCUMENT) return [];
    const root = events[index + 1];
    if (root === undefined || !('start' in root)) return [undefined];
    for (; counted < root.start; counted += 1) if (text[counted] === '\n') line += 1;
    return [line];
  });
}

/** Deletes the fields that are null from the values of a file, and counts the values. */
class Values {
  /** By list or object: the number of values in it, if aliases were replaced with what they repeat; 0: not counted yet. */
  readonly #sizes = new Map<object, number>();
  #repeated = 0;

  /**
   * Deletes the fields that are null from a value and from the values in it.
   *
   * @returns the number of values
   * @throws YAMLException
   */
  tidy(value: unknown, level = 0): number {
    if (typeof value !== 'object' || value === null) return 1;
    const known = this.#sizes.get(value);
    if (known !== undefined) return this.#repeat(known);
    if (level > MOST_LEVELS) throw new YAMLException('aliases that nest values too deeply');
    this.#sizes.set(value, 0);
    let size = 1;
    // The parser has created the object, and only with fields of its own.
    const fields = value as Record<string, unknown>;
    for (const name of Object.keys(fields)) {
      const member = fields[name];
      if ((member === null || member === undefined) && !Array.isArray(value)) delete fields[name];
      else size += this.tidy(member, level + 1);
    }
    this.#sizes.set(value, size);
    return size;
  }

  #repeat(size: number): number {
    if (size === 0) throw new YAMLException('an alias in the value that it repeats');
    this.#repeated += size;
    if (this.#repeated > MOST_REPEATED) throw new YAMLException('aliases that repeat too many values');
    return size;
  }
}
