/** Compares the objects that docs/uninstalling.md deletes with those of the chart. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { RELEASE } from '../../../hack/testenv/controller.ts';
import { Chart } from '../../support/cluster/chart.ts';
import { readPage } from '../../support/docs/markdown.ts';

const LISTED = 'shop';
const page = readPage('docs/uninstalling.md');
const DELETION = /^kubectl delete (?<kinds>\S+) (?<name>\S+-unbind\S*)(?: --namespace (?<namespace>\S+))?/gm;

describe('the page about uninstalling', () => {
  let chart: Chart;
  before(async () => {
    chart = await Chart.open();
  });

  const hookObjects = (namespace: string, namespaces: readonly string[]) =>
    chart
      .objects({ release: RELEASE, namespace, values: { namespaces } })
      .filter(({ metadata }) => metadata.annotations?.['helm.sh/hook'] === 'post-delete')
      .map(({ kind, metadata }) => [kind.toLowerCase(), metadata.name, metadata.namespace ?? ''].join(' '));

  it('deletes each object of the Job by its name, and nothing else', () => {
    const deleted = page.blocks.flatMap(({ text }) =>
      [...text.matchAll(DELETION)].flatMap(({ groups }) =>
        (groups?.['kinds'] ?? '')
          .split(',')
          .map((kind) => [kind, groups?.['name'], groups?.['namespace'] ?? ''].join(' ')),
      ),
    );
    const created = new Set([...hookObjects(RELEASE, []), ...hookObjects(RELEASE, [LISTED])]);
    assert.deepEqual(deleted.toSorted(), [...created].toSorted());
  });

  it('says how the cluster-scoped objects are called in another namespace', () => {
    const [name] = hookObjects('security', [])
      .filter((each) => each.startsWith('clusterrole '))
      .map((each) => each.split(' ')[1]);
    assert.ok(name !== undefined && page.codes.includes(name), name);
  });
});
