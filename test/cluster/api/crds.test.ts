import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { dump, load } from 'js-yaml';
import { CHART, CRDS } from '../../../hack/root.ts';
import { RELEASE, startController } from '../../../hack/testenv/controller.ts';
import { secureCodeBoxCrds } from '../../../hack/testenv/securecodebox/crds.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';
import { Cluster } from '../../support/cluster/cluster.ts';
import { runCommand } from '../../support/cluster/command.ts';
import { until } from '../../support/until.ts';

const CRD = join(CRDS, 'credentials.securecodebox.io_imagecredentialbindings.yaml');
const OURS = 'imagecredentialbindings.credentials.securecodebox.io';
const SCHEDULED_SCANS = 'scheduledscans.execution.securecodebox.io';
const SCANS = 'scans.execution.securecodebox.io';

interface Line {
  readonly msg: string;
  readonly resource?: string;
  readonly err?: { readonly message: string };
}

interface Crd {
  readonly spec: {
    readonly versions: readonly {
      readonly schema: {
        readonly openAPIV3Schema: {
          readonly properties: { readonly status: { readonly properties: Record<string, unknown> } };
        };
      };
    }[];
  };
}

describe('a controller that finds missing or older CRDs', () => {
  let cluster: Cluster;

  before(async () => {
    cluster = await Cluster.start();
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  const linesOf = async (controller: { log(): Promise<string> }): Promise<readonly Line[]> =>
    (await controller.log())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);

  /** The notes that Helm prints after an upgrade. */
  const notes = async (): Promise<string> => {
    const { helm } = await tools(['helm'], () => undefined);
    const { controlPlane } = cluster;
    const env = { KUBECONFIG: controlPlane.kubeconfig };
    const args = ['upgrade', RELEASE, CHART, '--namespace', RELEASE, '--set', 'admission.enabled=false'];
    const { code, stdout, stderr } = await controlPlane.group.run(helm, args, { env });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /Wait until a pod is the leader/);
    return stdout;
  };

  it('reports each missing CRD once, with the CRD to install, and continues once all are installed', async () => {
    const names = [OURS, SCHEDULED_SCANS, SCANS];
    await cluster.controlPlane.removeCrds(names);
    const controller = await startController(cluster.controlPlane, [], { until: 'serving' });
    const missing = async () =>
      (await linesOf(controller))
        .filter(({ msg }) => msg.startsWith('the API server does not know this resource'))
        .map(({ msg }) => msg.split('install the CRD ')[1]);
    await until(async () => (await missing()).length >= 3, 'the controller to report three missing CRDs');
    const audit = await runCommand(cluster.controlPlane, ['audit', '-A']);
    assert.equal(audit.code, 2);
    assert.match(
      audit.stderr,
      /expected the API of ImageCredentialBindings, but this cluster does not have it; install the CRD \(helm show crds/,
    );
    assert.equal((await fetch(`${controller.url}/readyz`)).status, 503);
    assert.match(
      await notes(),
      /the CRD of ImageCredentialBindings is not installed[\s\S]*secureCodeBox is not installed/,
    );
    await cluster.controlPlane.installCrds([CRD, ...secureCodeBoxCrds()]);
    await until(async () => (await fetch(`${controller.url}/readyz`)).ok, 'the controller to be ready', 40);
    await until(async () => !(await notes()).includes('WARNING'), 'Helm to find the CRDs');
    assert.deepEqual((await missing()).toSorted(), [OURS, SCANS, SCHEDULED_SCANS]);
    assert.deepEqual(await controller.process.stop(), { code: 0, signal: null });
  });

  it('reports that an older CRD must be upgraded, and writes the complete status once it is', async () => {
    const crd = load(await readFile(CRD, 'utf8')) as Crd;
    for (const { schema } of crd.spec.versions)
      delete schema.openAPIV3Schema.properties.status.properties['platform'];
    const older = join(cluster.controlPlane.directory, 'older.yaml');
    await writeFile(older, dump(crd));
    await cluster.controlPlane.installCrds([older]);
    const namespace = await cluster.namespace();
    const controller = await cluster.startController();
    await namespace.scan('scan');
    await namespace.pullSecret('pull', { 'reg.example': { auth: btoa('user:pass') } });
    await namespace.binding('app');
    // Scans are bound nevertheless.
    await namespace.bound('scan');
    await until(
      async () =>
        (await linesOf(controller)).some(({ err }) =>
          /^the CRD in the cluster does not accept \.status\.platform as .*; upgrade the CRD with the chart of this version \(helm show crds /.test(
            err?.message ?? '',
          ),
        ),
      'the controller to ask for the upgrade',
    );
    await cluster.controlPlane.installCrds([CRD]);
    await namespace.condition('app', 'Ready', 'True Ready', 60);
    assert.deepEqual(await controller.process.stop(), { code: 0, signal: null });
  });
});
