/**
 * Does all that README.md and the pages of docs/ tell a reader to do: test/support/docs/example.ts says how a page marks its examples,
 * test/support/docs/setups.ts what each page finds. There is nothing else to do for a new example or a new page.
 */
import { globSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { ROOT } from '../../../hack/root.ts';
import { ReaderCluster, readPage, SETUPS, type Tally, Walk } from '../../support/docs/index.ts';

/** Decisions show no examples, and the reference is generated. */
const pages = globSync(['README.md', 'docs/**/*.md'], {
  cwd: ROOT,
  exclude: ['docs/adr/**', 'docs/reference/**'],
});
const inOrder = [...Object.keys(SETUPS), ...pages.filter((path) => !Object.hasOwn(SETUPS, path)).toSorted()];

describe('a reader can do what is said in', () => {
  let cluster: ReaderCluster;
  const tally: Tally = { commands: 0, manifests: 0, parsed: {} };

  before(async () => {
    cluster = await ReaderCluster.start();
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  for (const path of inOrder) {
    const page = readPage(path);
    if (page.blocks.length === 0) continue;
    it(path, async () => {
      const setup = SETUPS[path] ?? {};
      const reader = await cluster.reader(setup.chart ?? 'Installed');
      await setup.before?.(reader, cluster);
      await new Walk(cluster, reader, { setup, tally }).through(page);
      await setup.after?.(reader, cluster);
    });
  }

  it('with this many examples', (context) => {
    const { commands, manifests, parsed } = tally;
    const only = Object.entries(parsed).map(([need, count]) => `${count} for want of ${need}`);
    context.diagnostic(
      `${commands} commands run, ${manifests} manifests taken; only parsed: ${only.join(', ')}`,
    );
  });
});
