import type { Command, Option } from 'commander';

/** A word that may take the place of the last word of a command line. */
interface Candidate {
  readonly word: string;
  readonly description: string;
}

export interface Completion {
  readonly candidates: readonly Candidate[];
  /** Whether the last word may be the path of a file, too. */
  readonly isFile: boolean;
}

const NOTHING: Completion = { candidates: [], isFile: false };

/**
 * Completes the last of `words`, which follow the name of the program, from the commands, flags and choices that commander knows.
 * bash splits words at `=`: `--output=js` may be one word, or three.
 */
export function complete(program: Command, words: readonly string[]): Completion {
  const { last, before } = joined(words);
  const place = walk(program, before);
  if (place.option !== undefined) return valuesOf(place.option, last);
  if (place.isOver || !last.startsWith('-')) return only(wordsOf(place), last);
  return last.includes('=') ? assignedValues(place.command, last) : only(flagsOf(place.command), last);
}

/** Completes a word such as `--output=js`. */
function assignedValues(command: Command, last: string): Completion {
  const end = last.indexOf('=') + 1;
  const option = optionOf(command, last.slice(0, end - 1));
  return option === undefined ? NOTHING : valuesOf(option, last.slice(end), last.slice(0, end));
}

/** Splits off the last word, and undoes bash's split at `=`. */
function joined(words: readonly string[]): { readonly last: string; readonly before: readonly string[] } {
  const [flag, sign, value] = words.at(-1) === '=' ? [...words.slice(-2), ''] : words.slice(-3);
  const isSplit = sign === '=' && flag?.startsWith('--') === true;
  if (!isSplit) return { last: words.at(-1) ?? '', before: words.slice(0, -1) };
  return { last: value ?? '', before: words.slice(0, words.lastIndexOf('=')) };
}

interface Place {
  readonly command: Command;
  /** The flag whose value comes next. */
  readonly option: Option | undefined;
  /** Number of arguments so far. */
  readonly position: number;
  /** Whether `--` has ended the flags. */
  readonly isOver: boolean;
}

function walk(program: Command, words: readonly string[]): Place {
  let place: Place = { command: program, option: undefined, position: 0, isOver: false };
  for (const word of words) place = after(place, word);
  return place;
}

function after(place: Place, word: string): Place {
  const { command, option, position, isOver } = place;
  if (option !== undefined) return { ...place, option: undefined };
  if (isOver) return { ...place, position: position + 1 };
  if (word === '--') return { ...place, isOver: true };
  if (word.startsWith('-')) {
    const given = optionOf(command, word);
    return given !== undefined && takesValue(given) ? { ...place, option: given } : place;
  }
  const sub = position === 0 ? command.commands.find((one) => nameIn(one, word)) : undefined;
  return sub === undefined ? { ...place, position: position + 1 } : { ...place, command: sub };
}

function nameIn(command: Command, word: string): boolean {
  return command.name() === word || command.aliases().includes(word);
}

function optionOf(command: Command, flag: string): Option | undefined {
  return command.options.find(({ short, long }) => flag === short || flag === long);
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

/** The choices of a flag. A flag whose value is called a file or a folder completes paths. */
function valuesOf({ argChoices, flags, description }: Option, last: string, prefix = ''): Completion {
  const candidates = (argChoices ?? [])
    .filter((choice) => choice.startsWith(last))
    .map((choice) => ({ word: `${prefix}${choice}`, description }));
  return { candidates, isFile: /[<[][^>\]]*(file|folder|path)/i.test(flags) };
}

/** The commands and the choices of arguments that may come at a place. */
function wordsOf({ command, position }: Place): readonly Candidate[] {
  return [...(position === 0 ? commandsOf(command) : []), ...argumentsOf(command, position)];
}

function flagsOf(command: Command): readonly Candidate[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ long, short, description }) =>
      [long, short].flatMap((word) => (typeof word === 'string' ? [{ word, description }] : [])),
    );
}

function commandsOf(command: Command): readonly Candidate[] {
  const visible = command.createHelp().visibleCommands(command);
  return visible.map((one) => ({ word: one.name(), description: one.description() }));
}

/** The choices of the argument at a position. The last argument may be repeated. */
function argumentsOf(command: Command, position: number): readonly Candidate[] {
  const all = command.registeredArguments;
  const argument = all[position] ?? (all.at(-1)?.variadic === true ? all.at(-1) : undefined);
  return (argument?.argChoices ?? []).map((word) => ({ word, description: argument?.description ?? '' }));
}

function only(candidates: readonly Candidate[], prefix: string): Completion {
  return { candidates: candidates.filter(({ word }) => word.startsWith(prefix)), isFile: false };
}
