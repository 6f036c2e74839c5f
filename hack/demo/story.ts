import { styleText } from 'node:util';

const INDENT = '  ';

/** The output of the demo: plain text, with bold and dim letters on a terminal. */
export class Story {
  readonly #write: (text: string) => void;
  readonly #colour: boolean;

  constructor(write: (text: string) => void, { colour }: { readonly colour: boolean }) {
    this.#write = write;
    this.#colour = colour;
  }

  /** Prints the heading of a part. */
  heading(text: string): void {
    this.#write(`\n${this.#styled('bold', text)}\n`);
  }

  /** Prints an explanation. Its lines are not wrapped. */
  say(text: string): void {
    this.#write(`\n${text}\n`);
  }

  /** Prints a command line before it runs. */
  command(line: string): void {
    this.#write(`\n${INDENT}${this.#styled('bold', `$ ${line}`)}\n`);
  }

  /** Prints the output of a program. */
  output(text: string): void {
    const lines = text.trimEnd().split('\n');
    this.#write(lines.map((line) => `${`${INDENT}${this.#styled('dim', line)}`.trimEnd()}\n`).join(''));
  }

  #styled(style: 'bold' | 'dim', text: string): string {
    return this.#colour ? styleText(style, text, { validateStream: false }) : text;
  }
}
