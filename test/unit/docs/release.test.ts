/** Documented commands and values leave the choice of the image's tag to the chart, and delete only objects of one release. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { load } from 'js-yaml';
import { CHART, ROOT } from '../../../hack/root.ts';
import { parsePage, readPage } from '../../support/docs/markdown.ts';
import { foreignDeletionsIn, imageTagsIn, pinnedTagsIn } from '../../support/docs/release.ts';

const pages = globSync(['README.md', 'docs/**/*.md', 'charts/*/README.md', 'charts/*/templates/NOTES.txt'], {
  cwd: ROOT,
}).map(readPage);

describe('the documentation', () => {
  it('has no installation that pins image.tag, because an upgrade would then run the old image', () =>
    assert.deepEqual(pages.flatMap(pinnedTagsIn), []));

  it('has no values file that pins image.tag', () => {
    for (const path of globSync('docs/examples/**/values.yaml', { cwd: ROOT })) {
      const values = load(readFileSync(join(ROOT, path), 'utf8')) as {
        readonly image?: { readonly tag?: string };
      };
      assert.equal(values.image?.tag, undefined, path);
    }
  });

  it('builds the image with the tag that the chart pulls by default', () => {
    const chart = load(readFileSync(join(CHART, 'Chart.yaml'), 'utf8')) as { readonly appVersion: string };
    const tags = pages.flatMap(imageTagsIn);
    assert.ok(tags.length > 5, `${tags.length}`);
    assert.deepEqual([...new Set(tags)], [chart.appVersion]);
  });

  it('has no command that deletes by the labels of a release in all namespaces', () =>
    assert.deepEqual(pages.flatMap(foreignDeletionsIn), []));
});

describe('the check of commands', () => {
  const sh = (text: string) => parsePage('page.md', `\`\`\`sh\n${text}\n\`\`\``);

  for (const [what, text] of [
    ['an empty tag, which removes an earlier one', 'helm upgrade a b --set image.tag='],
    ['an image without a tag', 'helm install a b --set image.repository=c/d'],
  ] as const)
    it(`accepts ${what}`, () => assert.deepEqual(pinnedTagsIn(sh(text)), []));

  for (const [what, text] of [
    ['a tag in the second line of a command', 'helm upgrade a b \\\n  --set c=d --set image.tag=0.1.0'],
    ['a tag in quotes after another value', 'helm install a b --set image.repository=c,image.tag="1"'],
  ] as const)
    it(`refuses ${what}`, () =>
      assert.match(pinnedTagsIn(sh(text)).join(), /^page\.md:1: image\.tag is kept/));

  it('refuses values with a tag', () => {
    const page = parsePage('page.md', '```yaml values a.yaml\nimage:\n  tag: 0.1.0\n```');
    assert.equal(pinnedTagsIn(page).length, 1);
  });

  for (const [what, text] of [
    ['a deletion in one namespace', 'kubectl delete roles -l app.kubernetes.io/instance=a --namespace b'],
    ['a deletion by the label of the controller', 'kubectl delete icb -A -l app.kubernetes.io/managed-by=a'],
    ['a list of the objects in all namespaces', 'kubectl get roles -A -l app.kubernetes.io/instance=a'],
  ] as const)
    it(`accepts ${what}`, () => assert.deepEqual(foreignDeletionsIn(sh(text)), []));

  for (const [what, text] of [
    [
      'a deletion by the release in all namespaces',
      'kubectl delete roles --all-namespaces --selector app.kubernetes.io/instance=a',
    ],
    [
      'a deletion by the chart in all namespaces, in two lines',
      'kubectl delete roles -A \\\n  -l app.kubernetes.io/name=a',
    ],
  ] as const)
    it(`refuses ${what}`, () => assert.match(foreignDeletionsIn(sh(text)).join(), /name the objects/));
});
