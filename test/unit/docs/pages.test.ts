/** What pages say of things that stand elsewhere: links, settings, log lines, tests. Their examples are run in test/e2e. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, it } from 'node:test';
import { load } from 'js-yaml';
import { CHART, DOCS, ROOT } from '../../../hack/root.ts';
import { controllerCommand } from '../../../src/cli/controller/command.ts';
import { releaseCommand } from '../../../src/cli/release/command.ts';
import { type Link, type Page, type Rows, readPage } from '../../support/docs/markdown.ts';

const EXTERNAL = /^(?:https?|mailto):/;

const pages = new Map(
  globSync('**/*.md', { cwd: ROOT, exclude: ['**/node_modules'] }).map((path) => [path, readPage(path)]),
);

describe('a link', () => {
  for (const { path, links } of pages.values()) {
    const inside = links.filter(({ target }) => !EXTERNAL.test(target));
    if (inside.length > 0)
      it(`of ${path} leads somewhere`, () => assert.deepEqual(inside.flatMap(problemOf), []));
  }

  it('leads to each page of docs from its index', () => {
    const named = pageAt('docs/README.md').links.map(({ target }) => join('docs', target));
    const missing = [...pages.keys()].filter(
      (path) => /^docs\/(?!adr\/)(?!README\.md)/.test(path) && !named.includes(path),
    );
    assert.deepEqual(missing, []);
  });
});

/** What is wrong with a link within the repository; none: nothing. */
function problemOf({ page, line, target }: Link): readonly string[] {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : normalize(join(dirname(page), path));
  const said = `${page}:${line}: ${target}`;
  if (!existsSync(join(ROOT, file))) return [`${said}: there is no ${file}`];
  if (anchor === undefined || pages.get(file)?.anchors.has(anchor)) return [];
  return [`${said}: ${file} has no heading for #${anchor}`];
}

function pageAt(path: string): Page {
  const page = pages.get(path);
  if (page === undefined) throw new Error(`there is no page ${path}`);
  return page;
}

function tableBelow(path: string, heading: string): Rows {
  const rows = pageAt(path).tables.get(heading);
  if (rows === undefined) throw new Error(`${path} has no table below "${heading}"`);
  return rows;
}

const bare = (cell: string) => cell.replaceAll('`', '');

describe('settings', () => {
  const values = leavesOf(load(readFileSync(join(CHART, 'values.yaml'), 'utf8')));
  const settings = tableBelow('docs/operations.md', 'Settings').map((row) => row.map(bare));

  it('are on the page of operations, each flag with its variable and its default', () => {
    const told = settings.flatMap(([, flag = '', variable = '', fallback = '']) =>
      flag === '' ? [] : [`${flag} ${variable} ${fallback}`],
    );
    const there = controllerCommand().options.map(
      ({ long, envVar, defaultValue, defaultValueDescription }) =>
        `${long} ${envVar ?? ''} ${defaultValueDescription ?? defaultValue ?? ''}`,
    );
    assert.deepEqual(told.toSorted(), there.toSorted());
  });

  it('are on it with each value of the chart that is about the controller, and no other', () => {
    const told = settings.flatMap(([value = '']) => (value === '' ? [] : [value]));
    const there = values.filter((path) => path === 'namespaces' || path.startsWith('config.'));
    assert.deepEqual(told.toSorted(), there.toSorted());
  });

  for (const { path, codes } of pages.values()) {
    const named = codes.filter((code) => /^config\.[\w.]+$/.test(code) && !path.startsWith('docs/adr/'));
    const theirs = [
      /** Of secureCodeBox's chart auto-discovery-kubernetes. */
      ...['config.containerAutoDiscovery', 'config.imagePullSecretConfig', 'config.resourceInclusion'],
    ];
    if (named.length > 0)
      it(`that ${path} names are there`, () => {
        const wrong = named.filter(
          (code) =>
            !theirs.some((prefix) => code.startsWith(prefix)) &&
            !values.some((value) => value === code || value.startsWith(`${code}.`)),
        );
        // A file of that name is no value.
        assert.deepEqual(
          wrong.filter((code) => code !== 'config.json'),
          [],
        );
      });
  }

  it('by variables that pages name are there', () => {
    const variables = new Set(
      [controllerCommand(), releaseCommand()].flatMap(({ options }) => options.map(({ envVar }) => envVar)),
    );
    const named = [...pages.values()].flatMap(({ path, codes }) =>
      path.startsWith('docs/') ? codes.filter((code) => /^ICB_[A-Z_]+$/.test(code)) : [],
    );
    assert.ok(named.length > 20);
    assert.deepEqual(
      named.filter((name) => !variables.has(name)),
      [],
    );
  });
});

/** The paths of all that is no object. */
function leavesOf(value: unknown, path = ''): readonly string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || Object.keys(value).length === 0)
    return [path];
  return Object.entries(value).flatMap(([key, inner]) =>
    leavesOf(inner, path === '' ? key : `${path}.${key}`),
  );
}

describe('the page of operations', () => {
  it('names lines of the log that there are', () => {
    const source = globSync('src/**/*.ts', { cwd: ROOT })
      .map((path) => readFileSync(join(ROOT, path), 'utf8'))
      .join('\n');
    const messages = tableBelow('docs/operations.md', 'The log').flatMap(([cell = '']) =>
      [...cell.matchAll(/`([^`]+)`/g)].map(([, message = '']) => message),
    );
    assert.ok(messages.length > 15);
    assert.deepEqual(
      messages.filter((message) => !isLogged(source, message)),
      [],
    );
  });

  /** `…` at the end of a line stands for what is filled in. */
  function isLogged(source: string, message: string): boolean {
    const [begin = '', rest] = message.split('…');
    return [`'${begin}`, `\`${begin}`].some((text) =>
      source.includes(rest === undefined ? `${text}'` : text),
    );
  }

  it('shows all that /readyz may begin with', () => {
    const source = readFileSync(join(ROOT, 'src/manager/probes.ts'), 'utf8');
    const texts = tableBelow('docs/operations.md', 'Probes').flatMap(([cell = '']) =>
      [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text.replaceAll(/ ?… ?/g, '')),
    );
    const known = [/^ok, (?:leading|following)$/, /^stopping$/];
    for (const text of texts)
      assert.ok(source.includes(text) || known.some((pattern) => pattern.test(text)), text);
  });
});

describe('the page of security', () => {
  // [words](../test/file.test.ts) “title”, “title”
  const CITED = /\]\((?<file>\.\.\/test\/[^)]+)\)(?<titles>(?:,?\s“[^”]+”)+)/g;

  it('names tests that there are, by their titles', () => {
    const { text } = pageAt('docs/security.md');
    const cited = [...text.matchAll(CITED)].flatMap(({ groups }) =>
      [...(groups?.['titles'] ?? '').matchAll(/“([^”]+)”/g)].map(
        ([, title = '']) => [groups?.['file'] ?? '', title] as const,
      ),
    );
    assert.ok(cited.length > 30, String(cited.length));
    const missing = cited.filter(([file, title]) => !titlesIn(join(DOCS, file)).has(title));
    assert.deepEqual(missing, []);
  });

  it('names no test without a title', () => {
    const { text, links } = pageAt('docs/security.md');
    const named = links.filter(({ target }) => target.startsWith('../test/'));
    assert.equal(named.length, [...text.matchAll(CITED)].length);
  });
});

/** The titles of a file's tests, with `…` for what is filled in. */
function titlesIn(file: string): ReadonlySet<string> {
  const text = readFileSync(file, 'utf8');
  const titles = [...text.matchAll(/\bit\(\s*(?:'((?:[^'\\]|\\.)*)'|`((?:[^`\\]|\\.)*)`|"([^"]*)")/g)];
  return new Set(
    titles.map(([, single, template, double]) =>
      (single ?? template ?? double ?? '').replaceAll(/\$\{[^}]*\}/g, '…'),
    ),
  );
}

describe('README.md', () => {
  it('shows the binding of docs/examples', () => {
    const example = readFileSync(join(DOCS, 'examples/binding.yaml'), 'utf8');
    assert.ok(pageAt('README.md').blocks.some(({ text }) => text === example));
  });

  it('tells the two commands by which everybody begins', () => {
    const scripts = pageAt('README.md').blocks.filter(({ words }) => words.join(' ') === 'sh scripts');
    assert.deepEqual(
      scripts.map(({ text }) => text),
      ['npm ci && npm run demo\n', 'npm ci && npm test\n'],
    );
  });

  it('names scripts that there are', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      readonly scripts: object;
    };
    const named = [...pages.values()].flatMap(({ path, text }) =>
      /^(?:README|CONTRIBUTING|AGENTS|docs\/)/.test(path)
        ? [...text.matchAll(/\bnpm run (?:-s )?([a-z][\w:-]*)/g)].map(([, name = '']) => name)
        : [],
    );
    assert.ok(named.length > 10);
    assert.deepEqual(
      named.filter((name) => !Object.hasOwn(scripts, name)),
      [],
    );
  });
});
