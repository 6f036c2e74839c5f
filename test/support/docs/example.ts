/**
 * What a fenced block of a page is, by the words behind its fence. Every block is one of these, and says itself what keeps
 * it from being run:
 *
 *     ```sh                     commands, run one after another
 *     ```console                commands behind `$`, and what they print
 *     ```yaml                   objects, which the API server must accept
 *     ```yaml binding.yaml      and a file for the commands that follow
 *     ```yaml values            values for the chart, also with a file's name
 *     ```sh scripts             npm's scripts, which must be there: to run them here would take too long
 *     ```sh cloud               needs what tests have not: only parsed; so also console and yaml
 *     ```mermaid, ```text       a picture, and what is no example
 */
import type { Block } from './markdown.ts';

/** What some blocks need and tests have not. */
export const NEEDS = {
  cloud: "an account at a cloud, and that cloud's own command line",
  internet: 'the internet',
  docker: 'a container runtime, and a registry to push to',
  node: 'pods that really run',
} as const;

export type Need = keyof typeof NEEDS;

/** A command of one line, whatever lines it was broken into. */
export interface Command {
  readonly line: number;
  readonly text: string;
}

/** A command and what it prints; no output shown: anything. */
export interface Turn extends Command {
  readonly output: string;
}

export type Example =
  | { readonly kind: 'Commands'; readonly commands: readonly Command[] }
  | { readonly kind: 'Session'; readonly turns: readonly Turn[] }
  | { readonly kind: 'Objects' | 'Values'; readonly yaml: string; readonly file?: string }
  | { readonly kind: 'Scripts'; readonly scripts: readonly string[] }
  | { readonly kind: 'Parsed'; readonly needs: Need; readonly shell?: string; readonly yaml?: string }
  | { readonly kind: 'Picture' | 'Text' };

const FILE = /^[\w-]+\.yaml$/;
const GOES_ON = /[\\|]$/;
const PICTURE = /^(?:flowchart|sequenceDiagram|stateDiagram-v2)\b/;

/** @throws Error where the words behind the fence, or what is in the block, are none of the above */
export function exampleOf(block: Block): Example {
  const [language = '', ...words] = block.words;
  const read = Object.hasOwn(readers, language) ? readers[language] : undefined;
  if (read === undefined) {
    throw new Error(
      `expected one of ${Object.keys(readers).join(', ')} behind the fence, found "${language}": say what the block is`,
    );
  }
  return read(block, words);
}

type Reader = (block: Block, words: readonly string[]) => Example;

const readers: Readonly<Record<string, Reader>> = {
  sh: (block, [word, ...more]) => {
    if (word === undefined) return { kind: 'Commands', commands: commandsIn(block) };
    noMore(more);
    if (word === 'scripts') return { kind: 'Scripts', scripts: scriptsIn(block) };
    return { kind: 'Parsed', needs: needOf(word), shell: block.text };
  },
  console: (block, [word, ...more]) => {
    const turns = turnsIn(block);
    if (word === undefined) return { kind: 'Session', turns };
    noMore(more);
    return { kind: 'Parsed', needs: needOf(word), shell: turns.map(({ text }) => `${text}\n`).join('') };
  },
  yaml: ({ text: yaml }, words) => {
    const isValues = words[0] === 'values';
    const [word, ...more] = isValues ? words.slice(1) : words;
    noMore(more);
    const kind = isValues ? 'Values' : 'Objects';
    if (word === undefined) return { kind, yaml };
    return FILE.test(word) ? { kind, yaml, file: word } : { kind: 'Parsed', needs: needOf(word), yaml };
  },
  mermaid: ({ text }, words) => {
    noMore(words);
    if (!PICTURE.test(text)) throw new Error(`expected a picture of a kind that is known, found "${text}"`);
    return { kind: 'Picture' };
  },
  text: ({ text }, words) => {
    noMore(words);
    if (/^\$ |^kubectl |^helm /m.test(text))
      throw new Error('expected no commands in a block of text: make it sh or console');
    return { kind: 'Text' };
  },
};

function noMore([word]: readonly string[]): void {
  if (word !== undefined) throw new Error(`found "${word}" behind the fence, which says nothing here`);
}

function needOf(word: string): Need {
  if (Object.hasOwn(NEEDS, word)) return word as Need;
  const known = Object.keys(NEEDS).join(', ');
  throw new Error(`expected a need (${known}) behind the fence, found "${word}"`);
}

function scriptsIn({ text }: Block): readonly string[] {
  const scripts = text.trim().split(/ && |\n/);
  return scripts.flatMap((part) => {
    if (part === 'npm ci' || part === 'npm install --global .') return [];
    const [, script = ''] = /^npm (?:run )?(\S+)$/.exec(part) ?? [];
    if (script === '') throw new Error(`expected npm's scripts alone, found "${part}"`);
    return [script];
  });
}

/** Lines that end in a backslash or a pipe go on in the next one. */
function commandsIn({ text, line }: Block): readonly Command[] {
  const commands: Command[] = [];
  let begun: Command | undefined;
  for (const [index, part] of text.split('\n').slice(0, -1).entries()) {
    if (begun === undefined && isNothing(part)) continue;
    const { line: since, text: before } = begun ?? { line: line + 1 + index, text: '' };
    begun = { line: since, text: before + part.replace(/\\$/, '') };
    if (GOES_ON.test(part)) continue;
    commands.push(begun);
    begun = undefined;
  }
  if (begun !== undefined) throw new Error('expected the last line to be whole, found one that goes on');
  return commands;
}

function isNothing(line: string): boolean {
  return line.trim() === '' || line.startsWith('#');
}

/** A command may be broken into lines as in a shell: the others begin with `> `. */
function turnsIn({ text, line }: Block): readonly Turn[] {
  const [before, ...parts] = text.split(/^\$ /m);
  if (before !== '' || parts.length === 0)
    throw new Error('expected a command behind "$ " in the first line of a console');
  let next = line + 1;
  return parts.map((part) => {
    const here = next;
    next += part.split('\n').length - 1;
    const [command = '', ...output] = part.replaceAll('\\\n> ', '').split('\n');
    return { line: here, text: command, output: output.join('\n') };
  });
}
