/**
 * Refuses phrases that AGENTS.md, "Language", rules out, in comments, Markdown, and comments and descriptions of YAML files.
 * Text in quotation marks or backticks does not count.
 *
 * Exits with 1 if it finds any.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from '../root.ts';

/** The phrase, and what to write instead. */
const PHRASES: readonly (readonly [RegExp, string])[] = [
  [/\bbut for\b/i, 'except'],
  [/\bunless told\b/i, 'by default'],
  [/\bso (?:many|long)\b(?! as)/i, 'how many, how long, or the number'],
  [/\bhears? of\b/i, 'is enqueued, is notified'],
  [/\bwhat is there\b/i, 'the present state, or the name of the thing'],
  [/\b(?:is|are|was|were) told\b/i, 'is reported'],
  [/\bhas it that\b/i, 'the subject and a verb'],
  [/\bstands? (?:for|in|under|behind|beside|before|there|to|meanwhile)\b/i, 'is'],
  [/\b(?:is|are) to be done\b/i, 'the imperative, or who does it'],
  [/\bfor ever\b/i, 'forever, permanently'],
  [/\bwithout an end\b/i, 'permanently'],
  [/\bends right\b/i, 'ends correctly'],
  [/\banew\b/i, 'again'],
  [/\bwhoever\b/i, 'the user, the caller'],
  [/\blet(?:s)? go(?: of)?\b/i, 'unbind'],
  [/\bhand(?:ed|s)? over\b/i, 'deliver'],
];

interface Line {
  readonly number: number;
  readonly text: string;
}

/** The lines of a file that are prose, without quotations. */
export function proseOf(file: string, text: string): readonly Line[] {
  const lines = text.split('\n').map((line, index) => ({ number: index + 1, text: line }));
  const prose = file.endsWith('.md') ? outsideFences(lines) : lines.flatMap(commentIn(file));
  return prose.map(({ number, text: line }) => ({ number, text: withoutQuotations(line) }));
}

function outsideFences(lines: readonly Line[]): readonly Line[] {
  let isFenced = false;
  return lines.filter(({ text }) => {
    const isFence = /^\s*(?:```|~~~)/.test(text);
    if (isFence) isFenced = !isFenced;
    return !isFenced && !isFence;
  });
}

const CODE_COMMENT = /^\s*(?:\/\*\*?|\*|\/\/)(?<comment>.*)$|\s\/\/\s(?<trailing>.*)$/;
const YAML_PROSE =
  /^\s*#(?<comment>.*)$|\s#\s(?<trailing>.*)$|^\s*(?:description|summary|message):(?<value>.*)$|^\s+(?<text>[A-Za-z][^:{}[\]]*)$/;

function commentIn(file: string): (line: Line) => readonly Line[] {
  const pattern = /\.ya?ml$/.test(file) ? YAML_PROSE : CODE_COMMENT;
  return ({ number, text }) => {
    const found = Object.values(pattern.exec(text)?.groups ?? {}).find((group) => group !== undefined);
    return found === undefined ? [] : [{ number, text: found }];
  };
}

function withoutQuotations(text: string): string {
  return text.replaceAll(/`[^`]*`|"[^"]*"|“[^”]*”|'[^']*'(?!\w)/g, '…');
}

/** The banned phrases in a file, as messages. */
export function bannedIn(file: string, text: string): readonly string[] {
  return proseOf(file, text).flatMap(({ number, text: line }) =>
    PHRASES.flatMap(([phrase, instead]) => {
      const found = phrase.exec(line)?.[0];
      return found === undefined ? [] : [`${file}:${number}: "${found}": write ${instead}`];
    }),
  );
}

function main(): void {
  const files = execFileSync('git', ['ls-files', '-z', '*.ts', '*.js', '*.md', '*.yaml', '*.grit'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  const checked = files
    .split('\0')
    .filter(
      (file) =>
        file !== '' &&
        !/\/generated\/|^test\/support\/fixtures\/|hack\/lint\/phrases(?:\.test)?\.ts$/.test(file),
    );
  const banned = checked.flatMap((file) => bannedIn(file, readFileSync(join(ROOT, file), 'utf8')));
  for (const message of banned) process.stderr.write(`${message}\n`);
  if (banned.length > 0) process.exitCode = 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main();
