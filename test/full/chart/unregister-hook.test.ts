import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { RELEASE } from '../../../hack/testenv/controller.ts';
import { HELD_ANNOTATION } from '../../../src/api/names.ts';
import { SCANS } from '../../../src/object/resources.ts';
import type { RawScan } from '../../../src/scan/raw-scan.ts';
import { secretOf } from '../../support/cluster/admission.ts';
import { Cluster, type TestNamespace } from '../../support/cluster/cluster.ts';
import { AdmissionRelease, OFF_HOOK } from '../../support/cluster/registration.ts';
import { refused, rightsGiven, rightsUsed } from '../../support/cluster/rights.ts';
import { until } from '../../support/until.ts';

const AUTHS = { 'reg.example': { auth: btoa('user:pass') } };
const HOOK_USER = `system:serviceaccount:${RELEASE}:${OFF_HOOK}`;

describe('helm upgrade that switches the webhook off', () => {
  let cluster: Cluster;
  let release: AdmissionRelease;
  let namespace: TestNamespace;

  before(async () => {
    cluster = await Cluster.start();
    release = await AdmissionRelease.of(cluster);
    namespace = await cluster.namespace();
    await namespace.pullSecret('pull', AUTHS);
    await namespace.binding('app');
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  async function put(name: string, held: string): Promise<void> {
    await namespace.put(SCANS, {
      metadata: { name, annotations: { [HELD_ANNOTATION]: held } },
      spec: { scanType: 'trivy-image', parameters: ['reg.example/app:1.0'], suspend: true },
    });
  }
  const get = async (name: string) => (await namespace.get<RawScan>(SCANS, name)) ?? assert.fail(name);

  const cases = [
    { watched: 'all namespaces', values: () => ({}), roles: () => [] },
    {
      watched: 'a list of namespaces',
      values: () => ({ namespaces: [namespace.name] }),
      roles: () => rightsGiven(cluster.controlPlane, namespace.name, [`role/${OFF_HOOK}`]),
    },
  ];
  for (const [index, { watched, values, roles }] of cases.entries())
    describe(`with ${watched}`, () => {
      it('lets the leader decide on held Scans before it loses its rights, with exactly the rights that the Job needs', async () => {
        await release.registering(() => release.upgrade({}, values()));
        const [held, marked] = [`held-${index}`, `marked-${index}`];
        await put(held, 'resume');
        const given: string[] = [];
        const from = (await cluster.controlPlane.auditEvents()).length;
        const printed = await release.withHook(
          OFF_HOOK,
          () => release.upgrade({ enabled: false }, values()),
          async () => {
            given.push(...(await rightsGiven(cluster.controlPlane, RELEASE, [`clusterrole/${OFF_HOOK}`])));
            given.push(...(await roles()));
            const leader = await release.startReplica();
            await until(
              async () => (await get(held)).spec.suspend === false,
              'the leader to resume the Scan',
              60,
            );
            await leader.process.stop();
            await put(marked, 'keep-suspended');
          },
        );
        assert.equal(printed, `deleted MutatingWebhookConfiguration ${RELEASE}; resumed 0 held Scans\n`);
        assert.notEqual(secretOf(await get(held)), undefined);
        const { spec, metadata } = await get(marked);
        assert.deepEqual([spec.suspend, metadata.annotations?.[HELD_ANNOTATION]], [true, undefined]);
        const requests = (await cluster.controlPlane.auditEvents())
          .slice(from)
          .filter(({ user }) => user.username === HOOK_USER);
        assert.deepEqual(refused(requests), []);
        assert.deepEqual([...rightsUsed(requests)].sort(), given.toSorted());
        for (const kind of ['serviceaccount', 'clusterrole', 'clusterrolebinding', 'job'])
          assert.equal(await release.get(kind, OFF_HOOK), undefined, kind);
        const again = await release.upgrade({ enabled: false }, values());
        assert.equal(again.code, 0, again.stderr);
        assert.equal(await release.get('job', OFF_HOOK), undefined);
      });
    });
});
