import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { RELEASE, type RunningController, startController } from '../../../hack/testenv/controller.ts';
import type { KubeObject } from '../../../src/object/index.ts';
import { Cluster, SECRETS } from '../../support/cluster/cluster.ts';
import { until } from '../../support/until.ts';

const NAME = 'webhook';
const PLACE = { namespace: RELEASE, name: NAME };
const REVERSIONS = 9;

type Secret = KubeObject & { readonly data?: Readonly<Record<string, string>> };

describe('the Secret with the certificate of the webhook', () => {
  let cluster: Cluster;

  before(async () => {
    // With all namespaces, the rights of the ClusterRole would include this Secret.
    cluster = await Cluster.start({ lacksRights: true, namespaces: ['shop'], values: ['namespaces={shop}'] });
    await cluster.controlPlane.kubectl([
      ...['create', 'role', NAME, '--namespace', RELEASE, '--verb=get,update'],
      ...['--resource=secrets', `--resource-name=${NAME}`],
    ]);
    await cluster.controlPlane.kubectl([
      ...['create', 'rolebinding', NAME, '--namespace', RELEASE, `--role=${NAME}`],
      `--serviceaccount=${RELEASE}:${RELEASE}`,
    ]);
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  const start = () =>
    startController(
      cluster.controlPlane,
      ['--namespaces', 'shop', '--admission', '127.0.0.1:0', '--admission-secret', NAME],
      { until: 'serving' },
    );
  const loaded = async (controller: RunningController) =>
    (await controller.log()).match(/admission certificate loaded/g)?.length ?? 0;

  async function filled(): Promise<Secret> {
    return until(async () => {
      const secret = await cluster.client.get<Secret>(SECRETS, PLACE);
      return secret.data?.['tls.crt'] === undefined ? undefined : secret;
    }, 'a certificate to be created');
  }

  it('is read until it exists, even if the controller may not watch it', async () => {
    const controller = await start();
    assert.equal(await loaded(controller), 0);
    await cluster.controlPlane.kubectl(['create', 'secret', 'generic', NAME, '--namespace', RELEASE]);
    await until(async () => (await loaded(controller)) > 0, 'the certificate to be loaded');
    await controller.process.stop();
  });

  it('is written less and less often if another client empties it each time', async () => {
    await cluster.controlPlane.kubectl([
      ...['patch', 'role', NAME, '--namespace', RELEASE, '--type=json', '--patch'],
      JSON.stringify([{ op: 'replace', path: '/rules/0/verbs', value: ['get', 'list', 'watch', 'update'] }]),
    ]);
    const controller = await start();
    await until(async () => (await loaded(controller)) > 0, 'the certificate to be loaded');
    const begun = performance.now();
    for (let count = 0; count < REVERSIONS; count += 1) {
      const { data: _, ...empty } = await filled();
      await cluster.client.replace(SECRETS, empty);
    }
    await filled();
    // Load only makes this longer.
    const seconds = (performance.now() - begun) / 1_000;
    assert.ok(seconds > 3, `${REVERSIONS} reversions took ${seconds} s`);
    await controller.process.stop();
  });
});
