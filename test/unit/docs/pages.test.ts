/** Checks what pages say about settings, log lines and tests. `links.test.ts` checks their links, test/e2e runs their examples. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { load } from 'js-yaml';
import { CHART, DOCS, ROOT } from '../../../hack/root.ts';
import { auditCommand } from '../../../src/cli/audit/command.ts';
import { checkCommand } from '../../../src/cli/check/command.ts';
import { completionCommand } from '../../../src/cli/completion/command.ts';
import { controllerCommand } from '../../../src/cli/controller/command.ts';
import { explainCommand } from '../../../src/cli/explain/command.ts';
import { registerWebhookCommand } from '../../../src/cli/register-webhook/command.ts';
import { unbindCommand } from '../../../src/cli/unbind/command.ts';
import { unregisterWebhookCommand } from '../../../src/cli/unregister-webhook/command.ts';
import { validateCommand } from '../../../src/cli/validate/command.ts';
import { versionCommand } from '../../../src/cli/version/command.ts';
import { type Page, type Rows, readPage } from '../../support/docs/markdown.ts';

const pages = new Map(
  globSync('**/*.md', { cwd: ROOT, exclude: ['**/node_modules'] }).map((path) => [path, readPage(path)]),
);

function pageAt(path: string): Page {
  const page = pages.get(path);
  if (page === undefined) throw new Error(`expected the page ${path}, found none`);
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

  it('are in docs/operations.md, each flag with its variable and default', () => {
    const documented = settings.flatMap(([, flag = '', variable = '', fallback = '']) =>
      flag === '' ? [] : [`${flag} ${variable} ${fallback}`],
    );
    const existing = controllerCommand().options.map(
      ({ long, envVar, defaultValue, defaultValueDescription }) =>
        `${long} ${envVar ?? ''} ${defaultValueDescription ?? defaultValue ?? ''}`,
    );
    assert.deepEqual(documented.toSorted(), existing.toSorted());
  });

  it('are in docs/operations.md with exactly the chart values of the controller', () => {
    const documented = settings.flatMap(([value = '']) => (value === '' ? [] : [value]));
    const others = ['namespaces', 'admission.enabled', 'admission.certificates.source'];
    const existing = values.filter((path) => others.includes(path) || path.startsWith('config.'));
    assert.deepEqual(documented.toSorted(), existing.toSorted());
  });

  for (const { path, codes } of pages.values()) {
    const named = codes.filter((code) => /^config\.[\w.]+$/.test(code) && !path.startsWith('docs/adr/'));
    const theirs = [
      /** Values of secureCodeBox's chart auto-discovery-kubernetes. */
      ...['config.containerAutoDiscovery', 'config.imagePullSecretConfig', 'config.resourceInclusion'],
    ];
    if (named.length > 0)
      it(`that ${path} names exist`, () => {
        const wrong = named.filter(
          (code) =>
            !theirs.some((prefix) => code.startsWith(prefix)) &&
            !values.some((value) => value === code || value.startsWith(`${code}.`)),
        );
        // config.json is the name of a file.
        assert.deepEqual(
          wrong.filter((code) => code !== 'config.json'),
          [],
        );
      });
  }

  it('exist for each environment variable that pages name', () => {
    const variables = new Set(
      [controllerCommand(), unbindCommand()].flatMap(({ options }) => options.map(({ envVar }) => envVar)),
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

/** The paths of all values that are not objects. */
function leavesOf(value: unknown, path = ''): readonly string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || Object.keys(value).length === 0)
    return [path];
  return Object.entries(value).flatMap(([key, inner]) =>
    leavesOf(inner, path === '' ? key : `${path}.${key}`),
  );
}

describe('the flags of', () => {
  const commands = [
    ...[explainCommand(), validateCommand(), auditCommand(), checkCommand('0'), unbindCommand()],
    ...[registerWebhookCommand(), unregisterWebhookCommand(), versionCommand('0'), completionCommand()],
  ];
  for (const command of commands)
    it(`${command.name()} are on its page, or on that of all commands`, () => {
      const own = pages.get(`docs/${command.name()}.md`)?.text ?? '';
      const text = `${pageAt('docs/cli.md').text}\n${own}`;
      const isNamed = (flag: string | undefined) =>
        flag !== undefined && new RegExp(`${flag}(?![\\w-])`).test(text);
      const missing = command.options.filter(({ long, short }) => !isNamed(long) && !isNamed(short));
      assert.deepEqual(
        missing.map(({ flags }) => flags),
        [],
      );
    });
});

describe('docs/operations.md', () => {
  it('lists only log messages that exist', () => {
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

  /** `…` at the end of a message is a placeholder for a value. */
  function isLogged(source: string, message: string): boolean {
    const [begin = '', rest] = message.split('…');
    return [`'${begin}`, `\`${begin}`].some((text) =>
      source.includes(rest === undefined ? `${text}'` : text),
    );
  }

  it('lists only texts that /readyz can return', () => {
    const source = readFileSync(join(ROOT, 'src/manager/probes.ts'), 'utf8');
    const texts = tableBelow('docs/operations.md', 'Probes').flatMap(([cell = '']) =>
      [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text.replaceAll(/ ?… ?/g, '')),
    );
    const known = [/^ok, (?:leading|following)$/, /^stopping$/];
    for (const text of texts)
      assert.ok(source.includes(text) || known.some((pattern) => pattern.test(text)), text);
  });
});

describe('docs/security.md', () => {
  // [words](../test/file.test.ts) “title”, “title”
  const CITED = /\]\((?<file>\.\.\/test\/[^)]+)\)(?<titles>(?:,?\s“[^”]+”)+)/g;

  it('cites only titles of existing tests', () => {
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

  it('cites each test file with a title', () => {
    const { text, links } = pageAt('docs/security.md');
    const named = links.filter(({ target }) => target.startsWith('../test/'));
    assert.equal(named.length, [...text.matchAll(CITED)].length);
  });
});

/** The titles of the tests in a file, with `…` in place of interpolated values. */
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

  it('shows the two commands to begin with', () => {
    const scripts = pageAt('README.md').blocks.filter(({ words }) => words.join(' ') === 'sh scripts');
    assert.deepEqual(
      scripts.map(({ text }) => text),
      ['npm ci && npm run demo\n', 'npm ci && npm test\n'],
    );
  });

  it('names only npm scripts that exist, like the other pages', () => {
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
