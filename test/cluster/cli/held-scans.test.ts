import assert from 'node:assert/strict';
import { it } from 'node:test';
import { heldScanItems } from '../../../src/cli/check/held-scans.ts';
import { SCANS } from '../../../src/object/resources.ts';
import type { RawScan } from '../../../src/scan/raw-scan.ts';
import { holdScan } from '../../../src/scan/scan.ts';
import { Cluster } from '../../support/cluster/cluster.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

it('check names the Scans that are held for longer than the controller holds them', async () => {
  await using cluster = await Cluster.start({ chart: false, auditLog: false });
  const namespace = await cluster.namespace();
  const created = Date.now();
  const scan = (name: string): RawScan => ({
    metadata: { name, namespace: namespace.name },
    spec: { scanType: 'trivy-image', parameters: ['reg.example/app:1.0'] },
  });
  const scans = [holdScan(scan('short')), holdScan(scan('long'), true), scan('running')];
  for (const one of scans) await namespace.put(SCANS, { ...one });
  const namedAfter = async (milliseconds: number) => {
    const scope = { kind: 'Namespaces', names: [namespace.name] } as const;
    const [item] = await heldScanItems(cluster.client, scope, created + milliseconds);
    return item?.message.split(': ')[1];
  };
  assert.equal(await namedAfter(30 * SECOND), undefined);
  assert.equal(await namedAfter(2 * MINUTE), `${namespace.name}/short`);
  assert.equal(await namedAfter(10 * MINUTE), `${namespace.name}/short`);
  assert.match((await namedAfter(12 * MINUTE)) ?? '', /\/long.*\/short|\/short.*\/long/);
});
