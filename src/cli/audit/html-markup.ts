import { printable } from '../../text/index.ts';

/** A part of a page in which every text has been escaped. Only {@link html} and {@link trusted} create it. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What {@link html} inserts: markup as it is, any other value as text. */
type Insertion = string | number | Markup | readonly Markup[];

/**
 * A template for markup. Escapes each inserted text, so that it can be neither an element nor the end of an attribute.
 * Attributes must be in double quotes. A text must not be inserted in `<script>` or `<style>`, into the name of an element
 * or attribute, or into an attribute that holds an address or a program.
 */
export function html(parts: TemplateStringsArray, ...values: readonly Insertion[]): Markup {
  const text = parts.map((part, index) => (index === 0 ? part : shown(values[index - 1]) + part));
  return new Markup(text.join(''));
}

/** A constant of this program as markup. Must not be called with text from a cluster. */
export function trusted(text: string): Markup {
  return new Markup(text);
}

function shown(value: Insertion | undefined): string {
  if (value instanceof Markup) return value.text;
  if (typeof value === 'object') return value.map(({ text }) => text).join('');
  return escapeText(String(value ?? ''));
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Also shows control characters, and characters that change the writing direction, as `\u202e`. */
function escapeText(text: string): string {
  return printable(text).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
