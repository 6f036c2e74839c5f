import { globSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { ROOT } from '../../../hack/root.ts';
import { ReaderCluster } from './cluster.ts';
import { readPage } from './markdown.ts';
import { SETUPS } from './setups.ts';
import { type Tally, Walk } from './walk.ts';

/** The pages that take the longest, in two parts. Each test file executes one part on a cluster of its own. */
const LONGEST = {
  'the first steps': ['docs/getting-started.md', 'docs/quickstart-kind.md', 'README.md', 'docs/observe.md'],
  'the operation': [
    'docs/from-the-init-container.md',
    'docs/discovery.md',
    'docs/operations.md',
    'docs/unbind.md',
    'docs/uninstalling.md',
  ],
} as const;

/** The parts of the documentation. Each page is in exactly one of them. */
type Part = keyof typeof LONGEST | 'all other pages';

/** Declares the tests that execute the examples of one part of the documentation. */
export function describeExamples(part: Part): void {
  describe(`the examples of the documentation: ${part}`, () => {
    let cluster: ReaderCluster;
    const tally: Tally = { commands: 0, manifests: 0, parsed: {} };

    before(async () => {
      cluster = await ReaderCluster.start();
    });
    after(async () => cluster?.[Symbol.asyncDispose]());

    for (const path of pagesOf(part)) {
      const page = readPage(path);
      if (page.blocks.length === 0) continue;
      it(`can be executed: ${path}`, async () => {
        const setup = SETUPS[path] ?? {};
        const reader = await cluster.reader(setup.chart ?? 'Installed');
        await setup.before?.(reader, cluster);
        await new Walk(cluster, reader, { setup, tally }).through(page);
        await setup.after?.(reader, cluster);
      });
    }

    it('are counted by kind', (context) => {
      const { commands, manifests, parsed } = tally;
      const only = Object.entries(parsed).map(([need, count]) => `${count} without ${need}`);
      context.diagnostic(
        `${commands} commands run, ${manifests} manifests accepted; only parsed: ${only.join(', ')}`,
      );
    });
  });
}

/** The paths of the pages of a part, in the order of execution. */
function pagesOf(part: Part): readonly string[] {
  if (part !== 'all other pages') return LONGEST[part];
  const longest = new Set<string>(Object.values(LONGEST).flat());
  // Decisions contain no examples, and the reference is generated.
  const pages = globSync(['README.md', 'docs/**/*.md'], {
    cwd: ROOT,
    exclude: ['docs/adr/**', 'docs/reference/**'],
  });
  const inOrder = [
    ...Object.keys(SETUPS),
    ...pages.filter((path) => !Object.hasOwn(SETUPS, path)).toSorted(),
  ];
  return inOrder.filter((path) => !longest.has(path));
}
