/** No documented command resets values that an earlier page set. A reader may come from any other page. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { CHART, ROOT } from '../../../hack/root.ts';
import { helmUpgradesIn, resetsValues } from '../../support/docs/helm.ts';
import { parsePage, readPage } from '../../support/docs/markdown.ts';

const pages = globSync(['README.md', 'docs/**/*.md', 'charts/*/README.md'], { cwd: ROOT });

describe('each helm upgrade of the documentation', () => {
  for (const path of pages) {
    const upgrades = helmUpgradesIn(readPage(path));
    if (upgrades.length > 0)
      it(`keeps the values of the release: ${path}`, () =>
        assert.deepEqual(upgrades.map(resetsValues).filter(Boolean), []));
  }

  it('is found', () => {
    const upgrades = pages.flatMap((path) => helmUpgradesIn(readPage(path)));
    assert.ok(upgrades.length > 8, `${upgrades.length}`);
  });

  it('keeps the values of the release: the notes that the chart prints', () => {
    const notes = readFileSync(join(CHART, 'templates/NOTES.txt'), 'utf8');
    const commands = [...notes.matchAll(/helm upgrade \S.*/g)].map(([text]) => text);
    assert.ok(commands.length > 0);
    for (const text of commands) assert.match(text, / --reset-then-reuse-values\b/);
  });
});

describe('the check of helm upgrade', () => {
  const FLAG = '--reset-then-reuse-values';
  const problemsIn = (text: string) => helmUpgradesIn(parsePage('page.md', text)).map(resetsValues);

  for (const [what, text] of [
    ['a command with the flag', `\`\`\`sh\nhelm upgrade a chart ${FLAG} --set b=c\n\`\`\``],
    ['a command that continues in the next line', `\`\`\`sh\nhelm upgrade a chart \\\n  ${FLAG}\n\`\`\``],
    ['an installation that keeps the values', `\`\`\`sh\nhelm upgrade --install a chart ${FLAG}\n\`\`\``],
    ['a command in a sentence', `Run \`helm upgrade a chart ${FLAG}\`.`],
  ] as const)
    it(`accepts ${what}`, () => assert.deepEqual(problemsIn(text), [undefined]));

  for (const [what, text] of [
    ['helm install, which fails if the release exists', '```sh\nhelm install a chart\n```'],
    ['a mention', 'Restore it (`helm upgrade`), or use `helm upgrade --install`.'],
  ] as const)
    it(`ignores ${what}`, () => assert.deepEqual(problemsIn(text), []));

  for (const [what, text, message] of [
    ['a command', '```sh\n# first\nhelm upgrade a chart --set b=c\n```', /^page\.md:3: .*add --reset-then/],
    ['an installation', '```sh\nhelm upgrade --install a chart\n```', /add --reset-then/],
    ['a command in a console', '```console\n$ helm upgrade a \\\n> chart\nok\n```', /upgrade a chart"$/],
    ['the second command of a line', '```sh\nhelm list && helm upgrade a chart\n```', /"helm upgrade a/],
    ['a command that tests only parse', '```sh internet\nhelm upgrade a oci://b\n```', /add --reset-then/],
    ['a step of a workflow', '```yaml\n- run: x\n  run: helm upgrade a chart\n```', /add --reset-then/],
    ['flags of Helm before the subcommand', '```sh\nhelm --debug upgrade a chart\n```', /add --reset/],
    ['a command in a sentence', 'Run `helm upgrade a chart`.', /^page\.md: .*add --reset-then/],
    [
      'a command that reuses old defaults',
      '```sh\nhelm upgrade a b --reuse-values\n```',
      /lacks the defaults/,
    ],
    ['a command that resets', `\`\`\`sh\nhelm upgrade a b ${FLAG} --reset-values\n\`\`\``, /remove it/],
    ['a flag that is off', `\`\`\`sh\nhelm upgrade a b ${FLAG}=false\n\`\`\``, /add --reset-then/],
  ] as const)
    it(`refuses ${what}`, () => {
      const [problem, ...others] = problemsIn(text);
      assert.deepEqual(others, []);
      assert.match(problem ?? '', message);
    });
});
