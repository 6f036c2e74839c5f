import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { RELEASE, type RunningController } from '../../../../hack/testenv/controller.ts';
import { imageCredentialBindings } from '../../../../src/api/index.ts';
import {
  type Binding,
  Cluster,
  SECRETS,
  secretNameOf,
  type TestNamespace,
} from '../../../support/cluster/cluster.ts';
import { runCommand } from '../../../support/cluster/command.ts';
import { createPod } from '../../../support/cluster/pods.ts';
import { until } from '../../../support/until.ts';

const FLAGS = ['--unused-secret-grace', '1s', '--discovery', 'all'];
const login = (password: string) => ({ 'reg.example': { auth: btoa(`user:${password}`) } });

describe('a ScheduledScan whose pull secret is mounted itself', () => {
  let cluster: Cluster;
  let controller: RunningController;
  let namespace: TestNamespace;
  let original: string;
  /** Everything that was ever a Secret in the namespace. */
  let secrets: { readonly stop: () => Promise<readonly { readonly metadata: { readonly name: string } }[]> };

  before(async () => {
    const discovery = ['config.discovery.enabled=true', 'config.discovery.resourceInclusion.mode=all'];
    cluster = await Cluster.start({ values: discovery });
    namespace = await cluster.namespace();
    secrets = namespace.record(SECRETS);
    controller = await cluster.startController('--delivery', 'Direct', ...FLAGS);
    await namespace.pullSecret('pull', login('first'));
    await namespace.scan('scan');
    original = await specOf('scan');
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  async function specOf(name: string): Promise<string> {
    return JSON.stringify((await namespace.rawScan(name)).spec);
  }

  async function mounts(wanted: RegExp | undefined): Promise<void> {
    await until(
      async () => {
        const name = secretNameOf(await namespace.rawScan('scan'));
        return wanted === undefined ? name === undefined : wanted.test(name ?? '');
      },
      `the scan to mount ${wanted ?? 'nothing'}`,
    );
  }

  it('is bound without a copy of the credential', async () => {
    await namespace.binding('app');
    await namespace.condition('app', 'Ready', 'True Ready');
    await mounts(/^pull$/);
    const { volumes } = (await namespace.rawScan('scan')).spec.scanSpec;
    assert.deepEqual(volumes, [
      {
        name: 'image-credential-binding',
        secret: {
          secretName: 'pull',
          optional: true,
          defaultMode: 0o444,
          items: [{ key: '.dockerconfigjson', path: 'config.json' }],
        },
      },
    ]);
    const names = (await secrets.stop()).map(({ metadata }) => metadata.name);
    assert.deepEqual([...new Set(names)], ['pull']);
  });

  it('is not written when the password changes', async () => {
    const from = (await cluster.controlPlane.auditEvents()).length;
    await namespace.pullSecret('pull', { ...login('second'), 'new.example': { auth: btoa('user:new') } });
    // Only the new version of the Secret has this entry.
    await namespace.binding('new', { image: 'new.example/app' });
    await namespace.scan('new', ['new.example/app:1.0']);
    await namespace.bound('new');
    const written = (await cluster.writesOfController(from)).filter(({ verb }) => verb === 'update');
    assert.deepEqual(
      written.map(({ objectRef }) => `${objectRef?.resource} ${objectRef?.name}`),
      ['scheduledscans new'],
    );
  });

  it('is rebound when the delivery changes, and the unused Trivy Secret is deleted', async () => {
    await namespace.binding('app', { delivery: 'Shared' });
    await mounts(/^trivy-pull-/);
    const copy = secretNameOf(await namespace.rawScan('scan')) ?? '';
    assert.deepEqual(await namespace.trivyConfig(copy), { auths: login('second') });
    await namespace.binding('app', { delivery: 'Direct' });
    await mounts(/^pull$/);
    await until(async () => (await namespace.get(SECRETS, copy)) === undefined, 'the copy to be deleted');
  });

  it('is unbound when Trivy would read something else from the Secret, and bound again afterwards', async () => {
    await namespace.pullSecret('pull', {
      'reg.example/app': login('x')['reg.example'],
      'other.example': { auth: 'dTpwYQ' },
    });
    await mounts(undefined);
    assert.equal(await specOf('scan'), original);
    const { status } = await stalled();
    const [ready] = status?.conditions?.filter(({ type }) => type === 'Ready') ?? [];
    assert.match(ready?.message ?? '', /entry "other\.example": expected base64 with padding/);
    await namespace.pullSecret('pull', login('third'));
    await mounts(/^pull$/);
    await namespace.condition('app', 'Ready', 'True Ready');
  });

  async function stalled() {
    return until(async () => {
      const binding = await namespace.get<Awaited<ReturnType<TestNamespace['condition']>>>(
        imageCredentialBindings,
        'app',
      );
      const reasons = binding?.status?.conditions?.map(({ type, reason }) => `${type} ${reason}`);
      return reasons?.includes('Stalled NotDirect') ? binding : undefined;
    }, 'the binding to be stalled');
  }

  it('is unbound to exactly its original spec when its binding is deleted', async () => {
    await namespace.delete(imageCredentialBindings, 'app');
    await mounts(undefined);
    assert.equal(await specOf('scan'), original);
  });

  it('is bound to a discovered binding, which follows the setting of the installation', async () => {
    await createPod(cluster.client, {
      ...{ namespace: namespace.name, name: 'app-1', deployment: 'app', image: 'reg.example/app:1.0' },
      secrets: ['pull'],
    });
    await mounts(/^pull$/);
    const { items } = await cluster.client.list(imageCredentialBindings, { namespace: namespace.name });
    const found = items.find((item) => (item as Binding).spec.image === 'reg.example/app') as
      | Binding
      | undefined;
    assert.ok(found !== undefined);
    assert.equal(found.spec.delivery, undefined);
  });

  it('is unbound by the command unbind, which leaves the pull secret alone', async () => {
    await namespace.binding('app');
    await mounts(/^pull$/);
    assert.deepEqual(await controller.process.stop(), { code: 0, signal: null });
    const ran = await runCommand(cluster.controlPlane, [
      'unbind',
      '--lease-namespace',
      RELEASE,
      '-n',
      namespace.name,
      '--yes',
    ]);
    assert.equal(ran.code, 0, ran.stderr);
    assert.equal(await specOf('scan'), original);
    assert.notEqual(await namespace.get(SECRETS, 'pull'), undefined);
  });
});
