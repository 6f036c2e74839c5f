/**
 * The kind of a fenced block of a page, by the words after its fence. Every block is one of these, and names what
 * prevents it from being executed:
 *
 *     ```sh                     commands, executed one after another
 *     ```console                commands behind `$`, and their output
 *     ```yaml                   objects, which the API server must accept
 *     ```yaml binding.yaml      the same, and a file for the commands that follow
 *     ```yaml values            values for the chart, optionally with a file name
 *     ```sh scripts             npm scripts, which must exist, but would take too long to execute
 *     ```sh cloud               needs what tests lack, so it is only parsed; also for console and yaml
 *     ```mermaid, ```text       a picture; text that is not an example
 */
import type { Block } from './markdown.ts';

/** What some blocks need and tests lack. */
export const NEEDS = {
  cloud: "an account with a cloud, and that cloud's own command line",
  internet: 'the internet',
  docker: 'a container runtime',
  node: 'pods that really run',
  flux: "Flux's helm-controller",
  kyverno: 'Kyverno',
  openshift: 'OpenShift',
  securecodebox: "values for secureCodeBox's own charts",
} as const;

export type Need = keyof typeof NEEDS;

/** A command in one line, even if the page breaks it into several. */
export interface Command {
  readonly line: number;
  readonly text: string;
}

/** A command and its output. An empty output means any output. */
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

/** @throws Error if the words after the fence, or the content of the block, match none of the kinds above */
export function exampleOf(block: Block): Example {
  const [language = '', ...words] = block.words;
  const read = Object.hasOwn(readers, language) ? readers[language] : undefined;
  if (read === undefined) {
    throw new Error(
      `expected one of ${Object.keys(readers).join(', ')} after the fence, found "${language}": say what the block is`,
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
    if (!PICTURE.test(text)) throw new Error(`expected a picture of a known kind, found "${text}"`);
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
  if (word !== undefined) throw new Error(`expected no more words after the fence, found "${word}"`);
}

function needOf(word: string): Need {
  if (Object.hasOwn(NEEDS, word)) return word as Need;
  const known = Object.keys(NEEDS).join(', ');
  throw new Error(`expected a need (${known}) after the fence, found "${word}"`);
}

function scriptsIn({ text }: Block): readonly string[] {
  // A line that ends in a backslash continues in the next one.
  const scripts = text
    .trim()
    .replaceAll(/\\\n\s*/g, '')
    .split(/ && |\n/);
  return scripts.flatMap((part) => {
    if (part === 'npm ci' || part === 'npm install --global .') return [];
    const [, script = ''] = /^npm (?:run )?(\S+)(?: -- .+)?$/.exec(part) ?? [];
    if (script === '') throw new Error(`expected only npm scripts, found "${part}"`);
    return [script];
  });
}

/** A line that ends in a backslash or a pipe continues in the next one. */
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
  if (begun !== undefined)
    throw new Error('expected the last command to be complete, found one that continues');
  return commands;
}

function isNothing(line: string): boolean {
  return line.trim() === '' || line.startsWith('#');
}

/** A command may continue in further lines, as in a shell. Those begin with `> `. */
function turnsIn({ text, line }: Block): readonly Turn[] {
  const [before, ...parts] = text.split(/^\$ /m);
  if (before !== '' || parts.length === 0)
    throw new Error('expected a command after "$ " in the first line of a console');
  let next = line + 1;
  return parts.map((part) => {
    const here = next;
    next += part.split('\n').length - 1;
    const [command = '', ...output] = part.replaceAll('\\\n> ', '').split('\n');
    return { line: here, text: command, output: output.join('\n') };
  });
}
