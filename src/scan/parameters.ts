import { type ImageReference, ImageReferenceError, parseImageReference } from '../image/index.ts';
import { quoted } from '../text/index.ts';
import { type CommandLine, isBoolean, isTrue, parseCommandLine, place, type Word } from './command-line.ts';
import { imageIn } from './image-text.ts';
import { REMOVED_FLAGS, TRIVY_FLAGS } from './trivy-flags.ts';

/** The image in the parameters of a Trivy image scan, and its position. */
export type ImageParameter =
  | {
      readonly result: 'Image';
      readonly index: number;
      readonly image: ImageReference;
      /**
       * The unknown flag before the image, with its dashes: the image may be the value of this flag. `undefined`: the image
       * is certain.
       */
      readonly after: string | undefined;
    }
  /** Trivy scans no image from a registry, for example because of `--input`. */
  | { readonly result: 'None'; readonly message: string }
  /** Trivy refuses these parameters, or what it would scan is not clear. */
  | { readonly result: 'Invalid'; readonly message: string };

/** Limit on the parameters that are searched for an image, or for mistakes. */
const MOST_EXAMINED = 100;

/** Flags whose values may be secret. */
const SECRET_FLAGS: ReadonlySet<string> = new Set([
  ...['custom-headers', 'password', 'registry-token', 'token', 'username'],
]);
const CREDENTIAL_FLAG = /^--(?:username|password|registry-token)(?:=|$)/;

/**
 * Finds the image that `trivy image` would scan with these parameters: the only argument that is not a flag. A message is a
 * clause that says what is wrong and what to do. It quotes an argument only if that looks like an image, because another
 * one may be a password.
 *
 * Trivy refuses flags that it does not know. The controller does not, because a newer Trivy may know them. If all that could
 * be the image follows such a flag, the image is the one argument that has a registry's host. This image is not certain.
 *
 * @see https://trivy.dev/docs/latest/references/configuration/cli/trivy_image/
 */
export function imageParameter(parameters: readonly string[]): ImageParameter {
  const line = parseCommandLine(parameters);
  if ('problem' in line) return { result: 'Invalid', message: line.problem };
  const removed = [...line.values.keys()].find((name) => REMOVED_FLAGS.has(name));
  if (removed !== undefined)
    return { result: 'Invalid', message: `Trivy does not support the flag --${removed} any more; remove it` };
  const [first, ...others] = line.arguments;
  if (others.length > 0) return { result: 'Invalid', message: tooMany(line, parameters) };
  const reason = noScanReason(line);
  if (reason !== undefined) return { result: 'None', message: reason };
  return first === undefined ? uncertainImage(line) : readImage(first);
}

/** Whether the parameters contain a credential for Trivy. */
export function hasCredentialParameters(parameters: readonly string[]): boolean {
  return parameters.some((parameter) => CREDENTIAL_FLAG.test(parameter));
}

/** Why Trivy scans no image from a registry, whatever the argument is; undefined: it does. */
function noScanReason({ values }: CommandLine): string | undefined {
  const instead = ['help', 'generate-default-config'].find((name) => isTrue(values.get(name)?.text ?? ''));
  if (instead !== undefined) return `with the flag --${instead}, Trivy scans nothing; remove the flag`;
  const input = values.get('input')?.text ?? '';
  return input === ''
    ? undefined
    : 'with the flag --input, Trivy scans an archive; remove the flag to scan an image';
}

function readImage({ index, text }: Word): ImageParameter {
  try {
    return { result: 'Image', index, image: parseImageReference(text), after: undefined };
  } catch (error) {
    if (!(error instanceof ImageReferenceError)) throw error;
    return { result: 'Invalid', message: faultOf(text, index) ?? described(error, text, index) };
  }
}

/** The image among the parameters that follow unknown flags. */
function uncertainImage(line: CommandLine): ImageParameter {
  if (line.uncertain.length > MOST_EXAMINED) {
    const message =
      `expected an image and at most ${MOST_EXAMINED} parameters after flags that the controller does not know, found ` +
      `${line.uncertain.length} such parameters and no image; remove these flags`;
    return { result: 'None', message };
  }
  const images = line.uncertain.flatMap((word) => {
    const image = imageWithHost(word.text);
    return image === undefined ? [] : [{ ...word, image }];
  });
  const [first, ...others] = images;
  if (first === undefined) return { result: 'None', message: noArgument(line) };
  if (others.length === 0) {
    const { index, image, flag } = first;
    return { result: 'Image', index, image, after: flag };
  }
  const flags = images.map(({ flag }) => flag).slice(0, MOST_SHOWN);
  const message =
    `${images.length} parameters may be the image, because each follows a flag that the controller does not know ` +
    `(${flags.join(', ')}); join these flags to their values with "="`;
  return { result: 'Invalid', message };
}

function noArgument({ values, unknown }: CommandLine): string {
  const swallowing = [...values].find(
    ([flag, { text }]) => !SECRET_FLAGS.has(flag) && imageWithHost(text) !== undefined,
  );
  if (swallowing !== undefined) {
    const [flag, { text }] = swallowing;
    const found = `found ${quoted(text)} as the value of the flag --${flag}`;
    return `expected an image, ${found}; add the value of the flag, or remove the flag`;
  }
  const [flag] = unknown;
  const note = flag === undefined ? '' : `, among them ${flag}, which the controller does not know`;
  return `expected an image, found only flags and their values${note}; add the image`;
}

/** An image with the host of a registry in its text; undefined: the text is not one. */
function imageWithHost(text: string): ImageReference | undefined {
  const image = imageIn(text);
  return image !== undefined && /^[^/]*[.:][^/]*\/|^localhost\//.test(text) ? image : undefined;
}

/** Limit on the arguments that a message lists. */
const MOST_SHOWN = 3;

function tooMany({ arguments: words }: CommandLine, parameters: readonly string[]): string {
  const shown = words.slice(0, MOST_SHOWN).map(({ text, index }) => nameOf(text, index));
  const rest = words.length > shown.length ? ` and ${words.length - shown.length} more` : '';
  const advice = adviceFor(words.slice(0, MOST_EXAMINED), parameters);
  return `expected one argument, the image, found ${words.length} (${shown.join(', ')}${rest}): ${advice}`;
}

const COMMANDS: ReadonlySet<string> = new Set(['trivy', 'image', 'i']);

function adviceFor(words: readonly Word[], parameters: readonly string[]): string {
  const [first] = words;
  if (first !== undefined && COMMANDS.has(first.text))
    return `the command of the scan type already contains ${quoted(first.text)}; remove it`;
  const value = words.find(
    ({ text, index }) => isBoolean(text) && isBooleanFlag(parameters[index - 1] ?? ''),
  );
  if (value !== undefined) return `join ${nameOf(value.text, value.index)} to the flag before it with "="`;
  const fault = words.map(({ text, index }) => faultOf(text, index)).find((each) => each !== undefined);
  return fault ?? 'keep only the image';
}

function isBooleanFlag(text: string): boolean {
  return TRIVY_FLAGS.get(text.replace(/^--?/, ''))?.type === 'bool';
}

/** The argument, if it cannot be a password, or else its position. */
function nameOf(text: string, index: number): string {
  const isKnown = COMMANDS.has(text) || isBoolean(text);
  return isKnown || imageWithHost(text) !== undefined ? quoted(text) : place(index);
}

const FAULTS: readonly { readonly has: RegExp; readonly says: string }[] = [
  // The other rows search the whole text.
  { has: /^.{4096}/s, says: 'has more than 4,095 characters, and no image is that long; correct it' },
  {
    has: /^[\u2010-\u2015\u2212]/,
    says: 'begins with a dash that is not "-", so Trivy does not read it as a flag; type the dash again',
  },
  {
    has: /["'`\u2018-\u201f]/,
    says: 'contains quotes, and no shell removes them before Trivy reads it; remove the quotes',
  },
  {
    has: /\$[({]/,
    says: 'contains a variable, and the controller does not know its value; write the image itself',
  },
  {
    has: /\S\s+\S/,
    says: 'contains spaces, and no shell splits it before Trivy reads it; make each word a parameter',
  },
  { has: /^\s|\s$/, says: 'begins or ends with spaces or line breaks; remove them' },
];

/** A frequent mistake in an argument, with what to do; undefined: none. Does not quote the argument. */
function faultOf(text: string, index: number): string | undefined {
  const scheme = /^\s*["']?([a-z][a-z0-9+.-]{0,30}):\/\//i.exec(text)?.[1];
  if (scheme !== undefined)
    return `${place(index)} begins with the scheme ${scheme}://, which is not part of an image; remove it`;
  const at = text.indexOf('@');
  if (at >= 0 && at < text.indexOf('/'))
    return `${place(index)} contains "@" before the first "/"; keep only host, repository and version`;
  const fault = FAULTS.find(({ has }) => has.test(text));
  return fault === undefined ? undefined : `${place(index)} ${fault.says}`;
}

/** What the parser of images found, as a clause. Names only the position of a text that may be a password. */
function described({ message }: ImageReferenceError, text: string, index: number): string {
  const looksLikeImage = /^[\w.:/@[\]-]*$/.test(text) && text.includes('/');
  if (!looksLikeImage) return `expected an image, found something else in ${place(index)}; correct it`;
  const clause = message.replace(/^Not an image reference: /, '').replace(/\.$/, '');
  return clause.replace(/\. ([A-Z])(?=[^.]*$)/, (_, letter: string) => `; ${letter.toLowerCase()}`);
}
