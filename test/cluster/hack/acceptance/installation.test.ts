import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { readInstallation } from '../../../../hack/acceptance/installation.ts';
import { RELEASE } from '../../../../hack/testenv/controller.ts';
import type { Resource } from '../../../../src/object/object.ts';
import { Cluster } from '../../../support/cluster/cluster.ts';

const DEPLOYMENTS: Resource = { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment' };

describe('the installation that the acceptance run finds', () => {
  let cluster: Cluster;

  before(async () => {
    cluster = await Cluster.start({ auditLog: false });
    // It works in all namespaces.
    await cluster.controlPlane.kubectl(['delete', 'deployment', RELEASE, '--namespace', RELEASE]);
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  /** Creates the Deployment of a controller that works in one namespace. Returns `<namespace>/<name>` of the Deployment. */
  async function deploy(watched: string, ...flags: readonly string[]): Promise<string> {
    const namespace = await cluster.namespace();
    const labels = { 'app.kubernetes.io/name': 'image-credential-binding' };
    const args = ['controller', `--namespaces=${watched}`, ...flags];
    const containers = [{ name: 'controller', image: 'registry.example/controller:0.1.0', args }];
    const template = { metadata: { labels }, spec: { containers } };
    await namespace.put(DEPLOYMENTS, {
      metadata: { name: 'controller', labels },
      spec: { selector: { matchLabels: labels }, template },
    });
    return `${namespace.name}/controller`;
  }

  it('has the settings of the controller that works in the namespace', async () => {
    await deploy('discovers', '--discovery=all', '--delivery=Direct', '--bind=auto');
    await deploy('silent', '--runs-per-minute=0');
    const found = await Promise.all(
      ['discovers', 'silent', 'none'].map((name) => readInstallation(cluster.client, name)),
    );
    assert.deepEqual(found, [
      { discovers: true, startsRuns: true },
      { discovers: false, startsRuns: false },
      { discovers: false, startsRuns: true },
    ]);
  });

  for (const [namespace, flag] of [
    ['temporary', '--delivery=Temporary'],
    ['scans', '--bind=scans'],
  ] as const)
    it(`is refused if the controller has the flag ${flag}, because it binds no ScheduledScans`, async () => {
      const deployment = await deploy(namespace, flag);
      await assert.rejects(readInstallation(cluster.client, namespace), {
        name: 'UserError',
        message: new RegExp(`found ${flag} in Deployment ${deployment}; set config\\.delivery`),
      });
    });
});
