/** The parts of a Markdown page that tests read. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lexer, type MarkedToken, type Token, type Tokens, walkTokens } from 'marked';
import { ROOT } from '../../../hack/root.ts';

/** A position in a page, for messages. */
export interface Place {
  /** Relative to the root of the repository, such as `docs/cli.md`. */
  readonly page: string;
  readonly line: number;
}

/** A fenced block. */
export interface Block extends Place {
  /** The words after the fence, such as `sh`, `cloud`. GitHub uses only the first one, for syntax highlighting. */
  readonly words: readonly string[];
  /** With a final line break. */
  readonly text: string;
}

export interface Link extends Place {
  readonly target: string;
}

/** A table's rows without its header, each cell in Markdown. */
export type Rows = readonly (readonly string[])[];

export interface Page {
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
  readonly links: readonly Link[];
  /** What a link can name after `#`. */
  readonly anchors: ReadonlySet<string>;
  /** The texts between backticks. */
  readonly codes: readonly string[];
  /** The first table below each heading, by heading. */
  readonly tables: ReadonlyMap<string, Rows>;
}

/** @param path - relative to the root of the repository */
export function readPage(path: string): Page {
  return parsePage(path, readFileSync(join(ROOT, path), 'utf8'));
}

export function parsePage(path: string, text: string): Page {
  const reading = new Reading();
  let line = 1;
  for (const top of lexer(text)) {
    // walkTokens returns the promises of asynchronous callbacks. This callback is synchronous.
    void walkTokens([top], (token) => reading.note(token, { page: path, line }));
    line += top.raw.split('\n').length - 1;
  }
  const { blocks, links, anchors, codes, tables } = reading;
  return { path, text, blocks, links, anchors, codes, tables };
}

/** What has been found so far. */
class Reading {
  readonly blocks: Block[] = [];
  readonly links: Link[] = [];
  readonly anchors = new Set<string>();
  readonly codes: string[] = [];
  readonly tables = new Map<string, Rows>();
  #heading = '';

  /** @param place - position of the outermost token around this one */
  note(token: Token, place: Place): void {
    // None of marked's generic tokens has these types, because no extensions are used.
    const known = token as MarkedToken;
    switch (known.type) {
      case 'heading':
        this.#heading = known.text;
        this.anchors.add(unused(slugOf(known.text), this.anchors));
        break;
      case 'code':
        this.blocks.push({ ...place, ...blockOf(known) });
        break;
      case 'link':
      case 'image':
        this.links.push({ ...place, target: known.href });
        break;
      case 'html':
        for (const [, target = ''] of known.text.matchAll(/\b(?:href|src)="([^"]+)"/g))
          this.links.push({ ...place, target });
        break;
      case 'codespan':
        this.codes.push(known.text);
        break;
      case 'table':
        if (!this.tables.has(this.#heading)) this.tables.set(this.#heading, rowsOf(known));
    }
  }
}

function blockOf({ lang = '', text }: Tokens.Code): Pick<Block, 'words' | 'text'> {
  return { words: lang.split(/\s+/).filter((word) => word !== ''), text: `${text}\n` };
}

function rowsOf({ rows }: Tokens.Table): Rows {
  return rows.map((row) => row.map(({ text }) => text));
}

/** The anchor that GitHub gives a heading. */
export function slugOf(heading: string): string {
  const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1');
  return plain
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '')
    .replaceAll(' ', '-');
}

function unused(slug: string, used: ReadonlySet<string>): string {
  let candidate = slug;
  for (let count = 1; used.has(candidate); count += 1) candidate = `${slug}-${count}`;
  return candidate;
}
