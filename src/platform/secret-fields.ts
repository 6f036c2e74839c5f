import { decodeBase64 } from '../credential/index.ts';
import { quoted } from '../text/index.ts';

/** The content of a Secret as in the Kubernetes API: values are in base64. */
export interface SecretContent {
  readonly type: string;
  readonly data: Readonly<Record<string, string>>;
}

/** A Secret has the keys of a credential, but invalid values. The message contains none of the values. */
export interface Malformed {
  readonly result: 'Malformed';
  readonly message: string;
}

/** The content of a key. */
export type Field =
  | { readonly result: 'Text'; readonly text: string }
  | { readonly result: 'Absent' }
  | Malformed;

const SEPARATORS = /[-_.]/g;
/** As `readSecretFromStdin` in github.com/docker/cli/cli/command/registry/login.go. */
const LINE_BREAK = /(?:\r\n|[\r\n])$/;
/** In characters: longer than any supported credential. A longer value is not decoded. */
const LONGEST_TEXT = 32 * 1024;
/** The same in base64, with room for line breaks. */
const LONGEST_BASE64 = LONGEST_TEXT * 1.5;
/** In characters. The known names are shorter, even with separators. */
const LONGEST_NAME = 64;

/** The keys of each Secret, by name without separators. Built once per Secret, because it may have 100,000 keys. */
const namedKeys = new WeakMap<SecretContent, ReadonlyMap<string, readonly string[]>>();

/**
 * The value of the key with one of these names. Letter case, dashes, underscores and dots are ignored, so that
 * `AWS_ACCESS_KEY_ID`, `aws-access-key-id` and `awsAccessKeyId` are the same name. If several keys match, their values
 * must be equal. Removes one line break at the end, as `docker login --password-stdin` does, because many files have
 * one.
 *
 * @param names - in lower case, without separators
 */
export function field(secret: SecretContent, names: ReadonlySet<string>): Field {
  const index = keysByName(secret);
  const [first, ...others] = [...names].flatMap((name) => index.get(name) ?? []);
  if (first === undefined) return ABSENT;
  const value = exactField(secret, first);
  if (value.result !== 'Text') return value;
  const differing = others.find((key) => {
    const other = exactField(secret, key);
    return other.result !== 'Text' || other.text !== value.text;
  });
  if (differing === undefined) return value;
  return malformed(
    `expected one value, found different values in the keys ${quoted(first)} and ${quoted(differing)}; remove one of them`,
  );
}

/** The value of the key with exactly this name, without one line break at the end. */
export function exactField({ data }: SecretContent, key: string): Field {
  const value = Object.hasOwn(data, key) ? data[key] : undefined;
  if (value === undefined) return ABSENT;
  if (value.length > LONGEST_BASE64) return tooLong(key);
  const text = decode(value);
  if (text === undefined)
    return malformed(
      `expected base64 of UTF-8 text in the key ${quoted(key)}, found something else; correct the value`,
    );
  return text.length > LONGEST_TEXT ? tooLong(key) : { result: 'Text', text: text.replace(LINE_BREAK, '') };
}

/** Whether a text is base64 of a text that the predicate accepts: a value that was encoded twice. */
export function isEncodedTwice(text: string, accepts: (text: string) => boolean): boolean {
  const inner = decodedText(text);
  return inner !== undefined && accepts(inner);
}

/** The text in a base64 text, without one line break at its end; undefined: it is not base64. */
export function decodedText(text: string): string | undefined {
  return decodeBase64(text.trim())?.toString().replace(LINE_BREAK, '');
}

/** What to do about a value that was encoded twice. */
export const ENCODE_ONCE = 'a value that is encoded in base64 twice; encode it once, or use stringData';

export function textIn(value: Field): string | undefined {
  return value.result === 'Text' ? value.text : undefined;
}

export function malformed(message: string): Malformed {
  return { result: 'Malformed', message };
}

const ABSENT: Field = { result: 'Absent' };

function tooLong(key: string): Malformed {
  return malformed(
    `expected at most ${LONGEST_TEXT / 1_024} KiB of text in the key ${quoted(key)}, found more; ` +
      'store only the credential in this key',
  );
}

/** The keys of a Secret by name, in lower case and without separators. Omits keys that are longer than any known name. */
export function keysByName(secret: SecretContent): ReadonlyMap<string, readonly string[]> {
  return namedKeys.get(secret) ?? indexOf(secret);
}

function indexOf(secret: SecretContent): ReadonlyMap<string, readonly string[]> {
  const index = new Map<string, string[]>();
  for (const key of Object.keys(secret.data)) {
    if (key.length > LONGEST_NAME) continue;
    const name = key.toLowerCase().replace(SEPARATORS, '');
    const keys = index.get(name);
    if (keys === undefined) index.set(name, [key]);
    else keys.push(key);
  }
  namedKeys.set(secret, index);
  return index;
}

function decode(value: string): string | undefined {
  const bytes = decodeBase64(value);
  try {
    return bytes && new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
