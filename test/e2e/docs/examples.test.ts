/**
 * Executes everything that README.md and the pages of docs/ tell a reader to do. test/support/docs/example.ts defines
 * how a page marks its examples, and test/support/docs/setups.ts what each page needs. A new example or page needs no
 * other change.
 */
import { globSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { ROOT } from '../../../hack/root.ts';
import { ReaderCluster, readPage, SETUPS, type Tally, Walk } from '../../support/docs/index.ts';

/** Decisions contain no examples, and the reference is generated. */
const pages = globSync(['README.md', 'docs/**/*.md'], {
  cwd: ROOT,
  exclude: ['docs/adr/**', 'docs/reference/**'],
});
const inOrder = [...Object.keys(SETUPS), ...pages.filter((path) => !Object.hasOwn(SETUPS, path)).toSorted()];

describe('the examples of the documentation', () => {
  let cluster: ReaderCluster;
  const tally: Tally = { commands: 0, manifests: 0, parsed: {} };

  before(async () => {
    cluster = await ReaderCluster.start();
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  for (const path of inOrder) {
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
