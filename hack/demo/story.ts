import { styleText } from 'node:util';

const INDENT = '  ';

/** Tells what happens, in plain text; with bold and dim letters where somebody watches a terminal. */
export class Story {
  readonly #write: (text: string) => void;
  readonly #colour: boolean;

  constructor(write: (text: string) => void, { colour }: { readonly colour: boolean }) {
    this.#write = write;
    this.#colour = colour;
  }

  /** Begins a part. */
  heading(text: string): void {
    this.#write(`\n${this.#styled('bold', text)}\n`);
  }

  /** Explains, in lines that are short enough as they are. */
  say(text: string): void {
    this.#write(`\n${text}\n`);
  }

  /** Shows a command line, as it is about to run. */
  command(line: string): void {
    this.#write(`\n${INDENT}${this.#styled('bold', `$ ${line}`)}\n`);
  }

  /** Shows what a program wrote. */
  output(text: string): void {
    const lines = text.trimEnd().split('\n');
    this.#write(lines.map((line) => `${`${INDENT}${this.#styled('dim', line)}`.trimEnd()}\n`).join(''));
  }

  #styled(style: 'bold' | 'dim', text: string): string {
    return this.#colour ? styleText(style, text, { validateStream: false }) : text;
  }
}
