import { decodeBase64 } from '../credential/index.ts';
import { quoted } from '../image/index.ts';
import type { Malformed } from './platform.ts';

/** A Secret, as the API has it: values in base64. */
export interface SecretContent {
  readonly type: string;
  readonly data: Readonly<Record<string, string>>;
}

/** What a key holds. */
export type Field =
  | { readonly result: 'Text'; readonly text: string }
  | { readonly result: 'Absent' }
  | Malformed;

const NO_LETTERS = /[-_.]/g;

/**
 * The value that stands under one of some names; letter case, dashes, underscores and dots do not count, so that
 * `AWS_ACCESS_KEY_ID`, `aws-access-key-id` and `awsAccessKeyId` are one name. A line break at the end does not
 * belong to it: many files have one. Two keys of one meaning must not differ.
 */
export function field({ data }: SecretContent, names: ReadonlySet<string>): Field {
  const keys = Object.keys(data).filter((key) => names.has(key.toLowerCase().replace(NO_LETTERS, '')));
  const [first, ...others] = keys;
  if (first === undefined) return { result: 'Absent' };
  const text = textOf(data[first] ?? '');
  if (text === undefined)
    return malformed(`expected text in the key ${quoted(first)}, found other bytes; write it anew`);
  const differing = others.find((key) => textOf(data[key] ?? '') !== text);
  if (differing === undefined) return { result: 'Text', text };
  return malformed(
    `expected one value, found two that differ in the keys ${quoted(first)} and ${quoted(differing)}; remove one`,
  );
}

/** The exact text of a key; undefined where there is none, or it is no text. */
export function exactText({ data }: SecretContent, key: string): string | undefined {
  return Object.hasOwn(data, key) ? decode(data[key] ?? '') : undefined;
}

export function malformed(message: string): Malformed {
  return { result: 'Malformed', message };
}

function textOf(value: string): string | undefined {
  return decode(value)?.replace(/\r?\n$/, '');
}

function decode(value: string): string | undefined {
  const bytes = decodeBase64(value);
  try {
    return bytes && new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
