/** What documented commands and values say about a release of the chart: the tag of its image, and the deletion of its objects. */
import { loadAll } from 'js-yaml';
import type { Page } from './markdown.ts';

/** A tag in a `--set` of Helm. An empty one removes the tag that a user has set. */
const SET_TAG = /\bimage\.tag=["']?[^\s"'`,]+/;
const DELETION = /\bkubectl (?:-\S+ )*delete\b.*/;
const ALL_NAMESPACES = /\s(?:-A|--all-namespaces)\b/;
/** The labels of the chart. Releases in different namespaces may have the same ones. */
const RELEASE_LABEL = /app\.kubernetes\.io\/(?:instance|name)\b/;
const IMAGE = /\/image-credential-binding:(?<tag>\d[\w.-]*)/g;

/**
 * Commands and values of a page that pin the tag of the controller's image. A later upgrade keeps such a value, so it would
 * run the old image with the new chart.
 */
export function pinnedTagsIn(page: Page): readonly string[] {
  const commands = linesOf(page).filter(({ text }) => SET_TAG.test(text));
  const values = page.blocks.filter(({ words, text }) => words[0] === 'yaml' && hasTag(text));
  return [
    ...commands,
    ...values.map(({ page: path, line, text }) => ({ where: `${path}:${line}`, text })),
  ].map(({ where, text }) => `${where}: image.tag is kept by later upgrades: remove it from "${text}"`);
}

/** Commands of a page that delete the objects of releases of the same name in other namespaces, too. */
export function foreignDeletionsIn(page: Page): readonly string[] {
  return linesOf(page)
    .filter(({ text }) => DELETION.test(text) && ALL_NAMESPACES.test(text) && RELEASE_LABEL.test(text))
    .map(
      ({ where, text }) =>
        `${where}: this also deletes objects of other releases: name the objects in "${text}"`,
    );
}

/** The tags of the controller's image that a page builds, pushes, copies or loads. */
export function imageTagsIn({ text }: Page): readonly string[] {
  return [...text.matchAll(IMAGE)].map(({ groups }) => groups?.['tag'] ?? '');
}

/** The commands of blocks, each in one line, and the texts between backticks. */
function linesOf({
  path,
  blocks,
  codes,
}: Page): readonly { readonly where: string; readonly text: string }[] {
  const inBlocks = blocks.flatMap(({ line, text }) =>
    text
      .replaceAll(/\\\n(?:> )?\s*/g, '')
      .split('\n')
      .map((command) => ({ where: `${path}:${line}`, text: command })),
  );
  return [...inBlocks, ...codes.map((text) => ({ where: path, text }))];
}

function hasTag(yaml: string): boolean {
  const documents = loadAll(yaml) as readonly ({ readonly image?: { readonly tag?: unknown } } | null)[];
  return documents.some((each) => Boolean(each?.image?.tag));
}
