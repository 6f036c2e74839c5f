import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { RELEASE } from '../../../hack/testenv/controller.ts';
import { controllerOf } from '../../../src/cli/check/controller.ts';
import { controllerRights } from '../../../src/cli/check/rights.ts';
import { Chart, container, podTemplate } from '../../support/cluster/chart.ts';
import { rightsOf } from '../../support/cluster/rights.ts';

describe('the rights of the controller that check reviews', () => {
  let chart: Chart;
  before(async () => {
    chart = await Chart.open();
  });

  const cases = [[], ['shop', 'payments']].flatMap((namespaces) => [
    { namespaces, discovery: undefined, markPods: false, admission: false },
    { namespaces, discovery: undefined, markPods: false, admission: true },
    { namespaces, discovery: undefined, markPods: false, admission: false, direct: true },
    ...['all', 'enabled-per-namespace', 'enabled-per-resource'].flatMap((discovery) =>
      [false, true].map((markPods) => ({ namespaces, discovery, markPods, admission: false })),
    ),
  ]);
  for (const { namespaces, discovery, markPods, admission, ...others } of cases) {
    const direct = 'direct' in others;
    const title = `${namespaces.length === 0 ? 'all namespaces' : 'two namespaces'}, discovery ${discovery ?? 'off'}`;
    it(`are those that the chart grants: ${title}${markPods ? ', marking pods' : ''}${admission ? ', with the webhook' : ''}${direct ? ', without writing Secrets' : ''}`, () => {
      const mode = discovery ?? 'all';
      const settings = { enabled: discovery !== undefined, resourceInclusion: { mode }, markPods };
      const delivery = direct ? { delivery: 'Direct', writeSecrets: false } : {};
      const config = { discovery: settings, ...delivery };
      const values = { namespaces, config, admission: { enabled: admission } };
      const objects = chart.objects({ release: RELEASE, namespace: RELEASE, values });
      const controller = controllerOf({
        ...{ namespace: RELEASE, name: RELEASE, labels: {}, created: '', replicas: 2, ready: 2, image: '' },
        serviceAccount: RELEASE,
        args: container(podTemplate(objects)).args,
      });
      assert.deepEqual(controller.namespaces, namespaces.length === 0 ? 'all' : namespaces);
      assert.deepEqual(controller.lease, { namespace: RELEASE, name: RELEASE });
      assert.deepEqual(controller.scanTypes, ['trivy-image*', 'trivy-sbom-image*']);
      const role = objects.find(({ rules, metadata }) => rules !== undefined && metadata.name === RELEASE);
      assert.deepEqual(
        controllerRights(controller)
          .map(({ verb, resource, group }) => `${verb} ${resource}.${group}`)
          .toSorted(),
        rightsOf(role?.rules ?? []).toSorted(),
      );
    });
  }
});
