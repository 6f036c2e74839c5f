/** Checks that links, paths and names of pages lead somewhere: in Markdown, in source code, and in the chart. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, it } from 'node:test';
import { ROOT } from '../../../hack/root.ts';
import { type Link, type Page, parsePage, readPage, slugOf } from '../../support/docs/markdown.ts';

const EXTERNAL = /^(?:https?|mailto):/;
/** Where the pages are once they are published. The chart and `--help` link to them there. */
const PUBLISHED = 'https://github.com/secureCodeBox/image-credential-binding/blob/main/';

const pages = new Map(
  globSync('**/*.md', { cwd: ROOT, exclude: ['**/node_modules', 'dist'] }).map((path) => [
    path,
    readPage(path),
  ]),
);

describe('a link', () => {
  for (const { path, links } of pages.values()) {
    const inside = links.map(asRelative).filter(({ target }) => !EXTERNAL.test(target));
    if (inside.length > 0)
      it(`in ${path} has an existing target`, () => assert.deepEqual(inside.flatMap(problemOf), []));
  }

  it('in the index of docs leads to each page', () => {
    const named = pages.get('docs/README.md')?.links.map(({ target }) => join('docs', target)) ?? [];
    const missing = [...pages.keys()].filter(
      (path) => /^docs\/(?!adr\/)(?!README\.md)/.test(path) && !named.includes(path),
    );
    assert.deepEqual(missing, []);
  });

  it('in the index of decisions leads to each decision', () => {
    const named = pages.get('docs/adr/README.md')?.links.map(({ target }) => join('docs/adr', target)) ?? [];
    const decisions = [...pages.keys()].filter((path) => /^docs\/adr\/\d/.test(path));
    assert.deepEqual(
      decisions.filter((path) => !named.includes(path)),
      [],
    );
  });

  const WRONG: readonly (readonly [string, string])[] = [
    ['[a](missing.md)', 'docs/missing.md does not exist'],
    ['[a](cli.md#no-such-heading)', 'docs/cli.md has no heading for #no-such-heading'],
    ['[a](../src/missing.ts)', 'src/missing.ts does not exist'],
    ['![a](missing.svg)', 'docs/missing.svg does not exist'],
    ['<img alt="a" src="missing.svg">', 'docs/missing.svg does not exist'],
    [`[a](${PUBLISHED}docs/missing.md)`, 'docs/missing.md does not exist'],
    ['[a]: missing.md\n\n[a]', 'docs/missing.md does not exist'],
  ];
  for (const [text, problem] of WRONG)
    it(`is found to lead nowhere: ${text.split('\n', 1)[0]}`, () => {
      const problems = parsePage('docs/x.md', `${text}\n`).links.map(asRelative).flatMap(problemOf);
      assert.equal(problems.length, 1);
      assert.ok(problems[0]?.endsWith(problem), problems[0]);
    });
});

/** A link to a published page, as one from the page that contains it. */
function asRelative(link: Link): Link {
  if (!link.target.startsWith(PUBLISHED)) return link;
  const up = dirname(link.page)
    .split('/')
    .map((part) => (part === '.' ? '.' : '..'))
    .join('/');
  return { ...link, target: `${up}/${link.target.slice(PUBLISHED.length)}` };
}

/** What is wrong with a link within the repository; empty: nothing. */
function problemOf({ page, line, target }: Link): readonly string[] {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : normalize(join(dirname(page), path));
  const where = `${page}:${line}: ${target}`;
  if (!existsSync(join(ROOT, file))) return [`${where}: ${file} does not exist`];
  return anchor === undefined || pages.get(file)?.anchors.has(anchor)
    ? []
    : [`${where}: ${file} has no heading for #${anchor}`];
}

describe('a path in backticks', () => {
  /** A path from the root of the repository. `*` and `<name>` are placeholders, and the number of a decision is enough. */
  const PATH = /^(?:src|test|hack|docs|charts|crds|\.github)\/[\w./*<>-]*$/;
  const isThere = (path: string) => {
    const pattern = path.replace(/<[^>]+>/g, '*').replace(/\/$/, '');
    return globSync(/^docs\/adr\/\d{4}$/.test(pattern) ? `${pattern}-*` : pattern, { cwd: ROOT }).length > 0;
  };

  for (const { path, codes } of pages.values()) {
    const named = codes.filter((code) => PATH.test(code));
    if (named.length > 0)
      it(`in ${path} exists`, () =>
        assert.deepEqual(
          named.filter((code) => !isThere(code)),
          [],
        ));
  }

  it('is found to be missing', () => {
    assert.ok(isThere('docs/cli.md') && isThere('src/controllers/*/triggers.ts') && isThere('docs/adr/0017'));
    assert.ok(!isThere('src/kube/missing.ts') && !isThere('docs/adr/9999'));
  });
});

describe('the name of a page', () => {
  const FILES = ['src', 'hack', 'test', 'charts', 'crds', '.github'].map(
    (folder) => `${folder}/**/*.{ts,js,mjs,yaml,yml,tpl,txt,grit,json,gotmpl}`,
  );
  /** A page, by its path or by its address, with an anchor or not. Other addresses may also contain `docs/`. */
  const NAME = new RegExp(
    String.raw`(?:${RegExp.escape(PUBLISHED)}|(?<![\w/.-]))(?<path>(?:docs|hack|test)/(?:[\w.-]+/)*[\w.-]+\.md)(?:#(?<anchor>[\w-]+))?`,
    'g',
  );
  const DECISION = /(?<![\w/.-])docs\/adr\/(?<number>\d{4})\b/g;

  const texts = globSync([...FILES, '*.{json,js,ts}', 'Dockerfile'], {
    cwd: ROOT,
    exclude: ['**/node_modules', 'test/support/fixtures', 'test/unit/docs/links.test.ts'],
  }).map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));

  it('in source code, the chart and --help is that of an existing page and heading', () => {
    const named = texts.flatMap(({ path, text }) =>
      [...text.matchAll(NAME)].map(({ groups }) => {
        const { path: page = '', anchor } = groups ?? {};
        return { path, target: anchor === undefined ? page : `${page}#${anchor}` };
      }),
    );
    assert.ok(named.length > 10, String(named.length));
    assert.deepEqual(
      named.filter(({ target }) => problemOf({ page: 'README.md', line: 1, target }).length > 0),
      [],
    );
  });

  it('in source code and the chart is that of an existing decision', () => {
    const numbers = texts.flatMap(({ path, text }) =>
      [...text.matchAll(DECISION)].map(({ groups }) => [path, groups?.['number'] ?? ''] as const),
    );
    assert.ok(numbers.length > 5, String(numbers.length));
    const decisions = globSync('docs/adr/*.md', { cwd: ROOT });
    assert.deepEqual(
      numbers.filter(([, number]) => !decisions.some((path) => path.startsWith(`docs/adr/${number}-`))),
      [],
    );
  });

  it('with the title of a section has that section', () => {
    const SECTION = /`(?<path>[\w./-]+\.md)`, "(?<title>[^"]+)"/g;
    const named = [...pages.values()].flatMap(({ path, text }) =>
      [...text.matchAll(SECTION)].map(({ groups }) => ({ in: path, ...sectionOf(groups) })),
    );
    assert.ok(named.length > 0);
    assert.deepEqual(
      named
        .filter(({ page, title }) => !page?.anchors.has(slugOf(title)))
        .map(({ in: path, title }) => [path, title]),
      [],
    );
  });

  function sectionOf(groups: Readonly<Record<string, string | undefined>> | undefined): {
    readonly page: Page | undefined;
    readonly title: string;
  } {
    return { page: pages.get(groups?.['path'] ?? ''), title: groups?.['title'] ?? '' };
  }
});
