import assert from 'node:assert/strict';

/** An element, as {@link readPage} found it. */
export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly (Element | string)[];
}

const VOID = new Set(['meta', 'input', 'wbr']);
/** Elements whose content is no markup. */
const RAW = new Set(['script', 'style']);
const TAG = /^<(\/?)([a-z][a-z0-9]*)((?: [a-z-]+="[^"<>]*")*)>/;
const ATTRIBUTE = / ([a-z-]+)="([^"]*)"/g;
const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  '#39': "'",
};

/**
 * Parses a page strictly, stricter than a browser: each element is closed, each attribute is in double quotes, and each `<`,
 * `>` and `&` belongs to a tag or an entity.
 *
 * @throws AssertionError if the page is not well-formed
 */
export function readPage(text: string): Element {
  const start = '<!doctype html>\n';
  assert.ok(text.startsWith(start));
  const top: OpenElement = { name: '', attributes: {}, children: [] };
  const open = [top];
  for (let rest = text.slice(start.length); rest !== ''; ) rest = rest.slice(readPart(rest, open));
  assert.deepEqual(
    open.map(({ name }) => name),
    [''],
    'elements are not closed',
  );
  const [page, ...others] = top.children.filter((child) => typeof child !== 'string');
  assert.ok(page !== undefined && others.length === 0);
  return page;
}

interface OpenElement extends Element {
  readonly children: (Element | string)[];
}

/** Reads a tag or a text. Returns its length. */
function readPart(rest: string, open: OpenElement[]): number {
  const parent = open.at(-1);
  assert.ok(parent !== undefined);
  const isRaw = RAW.has(parent.name);
  const text = textBefore(rest, isRaw ? `</${parent.name}>` : '<');
  if (text !== '') parent.children.push(isRaw ? text : decoded(text));
  return text.length || readTag(rest, parent, open);
}

function textBefore(rest: string, mark: string): string {
  const end = rest.indexOf(mark);
  return end < 0 ? rest : rest.slice(0, end);
}

function readTag(rest: string, parent: OpenElement, open: OpenElement[]): number {
  const [tag, slash, name = '', attributes = ''] = TAG.exec(rest) ?? [];
  assert.ok(tag !== undefined, `no tag: ${rest.slice(0, 100)}`);
  if (slash === '/') assert.equal(open.pop()?.name, name);
  else openElement(parent, open, name, attributes);
  return tag.length;
}

function openElement(parent: OpenElement, open: OpenElement[], name: string, attributes: string): void {
  const element: OpenElement = {
    name,
    attributes: Object.fromEntries(
      Array.from(attributes.matchAll(ATTRIBUTE), ([, key = '', value = '']) => [key, decoded(value)]),
    ),
    children: [],
  };
  parent.children.push(element);
  if (!VOID.has(name)) open.push(element);
}

function decoded(text: string): string {
  assert.doesNotMatch(text, /[<>]/);
  return text.replaceAll(/&([^;]{0,6};)?/g, (_, entity: string | undefined) => {
    const character = ENTITIES[(entity ?? '').slice(0, -1)];
    assert.ok(character !== undefined, `no entity: ${text}`);
    return character;
  });
}

/** The element and all elements in it, in the order of the page. */
export function elementsIn(element: Element): readonly Element[] {
  return [
    element,
    ...element.children.flatMap((child) => (typeof child === 'string' ? [] : elementsIn(child))),
  ];
}

/** The text that a reader sees of an element. */
export function textOf(element: Element): string {
  return element.children.map((child) => (typeof child === 'string' ? child : textOf(child))).join('');
}
