/** The `helm upgrade` commands of pages, and whether they keep the values of the release. */
import type { Block, Page } from './markdown.ts';

/** A `helm upgrade` with its arguments, in one line. */
export interface HelmUpgrade {
  /** Such as `docs/alerts.md:7`; without the line for a command in the middle of a sentence. */
  readonly where: string;
  readonly text: string;
}

/** Helm's own flags and variables of the shell may precede the subcommand. */
const UPGRADE = /^(?:\$ |run: )?(?:[A-Z_]+=\S+ )*helm (?:-\S+ )*upgrade\b/;
/** In a sentence, `helm upgrade` alone names the command and its result, and is not to be typed. */
const MENTION = /^helm upgrade(?: --install)?$/;

/**
 * All `helm upgrade` commands of a page: in blocks of any language, also those that tests only parse, and between backticks
 * in the text.
 */
export function helmUpgradesIn({ path, blocks, codes }: Page): readonly HelmUpgrade[] {
  const inBlocks = blocks.flatMap((block) => upgradesOf(block));
  const inText = codes
    .filter((text) => UPGRADE.test(text) && !MENTION.test(text))
    .map((text) => ({ where: path, text }));
  return [...inBlocks, ...inText];
}

function upgradesOf({ page, line, text }: Block): readonly HelmUpgrade[] {
  let next = line + 1;
  // A backslash joins a line to the next one, which begins with "> " in a console.
  return text.split(/(?<!\\)\n/).flatMap((whole) => {
    const where = `${page}:${next}`;
    next += whole.split('\n').length;
    const joined = whole.replaceAll(/\\\n(?:> )?\s*/g, '');
    return joined
      .split(/&&|\|\||[;|]/)
      .map((part) => part.trim())
      .filter((part) => UPGRADE.test(part))
      .map((part) => ({ where, text: part }));
  });
}

/**
 * Why a command may reset values that a user has set before, and what to write; `undefined`: it keeps them.
 *
 * This also applies to `helm upgrade --install`: it upgrades if the release exists, for example because the reader comes from
 * another page. On a release that does not exist, the flag has no effect. `helm install` needs no check, because it fails if
 * the release exists.
 */
export function resetsValues({ where, text }: HelmUpgrade): string | undefined {
  const words = text.split(/\s+/).map((word) => word.replace(/=true$/, ''));
  const has = (flag: string) => words.includes(flag);
  if (has('--reset-values'))
    return `${where}: --reset-values discards the values that the user has set: remove it from "${text}"`;
  if (has('--reuse-values'))
    return `${where}: --reuse-values lacks the defaults of a newer chart: replace it with --reset-then-reuse-values in "${text}"`;
  if (!has('--reset-then-reuse-values'))
    return `${where}: the command discards the values that the user has set: add --reset-then-reuse-values to "${text}"`;
  return undefined;
}
