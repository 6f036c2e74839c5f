import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { RELEASE } from '../../../hack/testenv/controller.ts';
import { Cluster, SECRETS, type TestNamespace } from '../../support/cluster/cluster.ts';
import { type Ran, runCommand } from '../../support/cluster/command.ts';
import { hasTerminal, runOnTerminal } from '../../support/cluster/terminal.ts';

const AUTHS = { 'reg.example': { auth: btoa('user:pass') } };

describe('unbind, before it writes', () => {
  let cluster: Cluster;

  before(async () => {
    cluster = await Cluster.start();
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  async function unbind(args: readonly string[], kubeconfig?: string): Promise<Ran> {
    return runCommand(cluster.controlPlane, ['unbind', '--lease-namespace', RELEASE, ...args], kubeconfig);
  }

  /** A namespace with a scan that a controller, which has stopped, has bound. */
  async function boundNamespace() {
    const namespace = await cluster.namespace();
    await namespace.scan('scan');
    const before = JSON.stringify((await namespace.rawScan('scan')).spec);
    const controller = await cluster.startController();
    await namespace.pullSecret('pull', AUTHS);
    await namespace.binding('app');
    const { secretName } = await namespace.bound('scan');
    assert.deepEqual(await controller.process.stop(), { code: 0, signal: null });
    return { namespace, before, secretName };
  }

  async function assertReverted(namespace: TestNamespace, before: string, secretName: string): Promise<void> {
    assert.equal(JSON.stringify((await namespace.rawScan('scan')).spec), before);
    assert.equal(await namespace.get(SECRETS, secretName), undefined);
  }

  /** The requests that the command has sent since `from`, except reads. */
  async function writesSince(from: number): Promise<readonly string[]> {
    return (await cluster.controlPlane.auditEvents())
      .slice(from)
      .filter(({ userAgent, verb }) => userAgent === 'unbind' && verb !== 'get' && verb !== 'list')
      .map(({ verb, objectRef }) => `${verb} ${objectRef?.resource}`);
  }

  it('lists with --dry-run what it would write, and writes nothing', async () => {
    const { namespace, before, secretName } = await boundNamespace();
    const other = await cluster.namespace();
    const from = (await cluster.controlPlane.auditEvents()).length;
    const { code, stdout, stderr } = await unbind(['-n', `${namespace.name},${other.name}`, '--dry-run']);
    assert.deepEqual([code, stderr], [0, '']);
    assert.deepEqual(stdout.split('\n'), [
      `would unbind ScheduledScan ${namespace.name}/scan`,
      `would delete Secret ${namespace.name}/${secretName}`,
      'would unbind 1 ScheduledScan, and delete 1 Secret; nothing was changed (--dry-run)',
      '',
    ]);
    assert.deepEqual(await writesSince(from), []);
    assert.equal((await namespace.bound('scan')).secretName, secretName);
    // The real run writes exactly what the preview listed.
    await unbind(['-n', namespace.name]);
    assert.deepEqual(await writesSince(from), ['update scheduledscans', 'delete secrets']);
    await assertReverted(namespace, before, secretName);
  });

  it('does not wait for the leader with --dry-run, and needs only the rights to list', async () => {
    const { namespace } = await boundNamespace();
    const kubectl = (...args: readonly string[]) =>
      cluster.controlPlane.kubectl([...args, '--namespace', namespace.name]);
    await kubectl('create', 'serviceaccount', 'someone');
    const kubeconfig = await cluster.controlPlane.kubeconfigFor({
      namespace: namespace.name,
      name: 'someone',
    });
    const refused = await unbind(['-n', namespace.name, '--dry-run'], kubeconfig);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /expected permission to list scheduledscans, scans and secrets in/);
    const resources = 'secrets,scheduledscans.execution.securecodebox.io,scans.execution.securecodebox.io';
    await kubectl('create', 'role', 'lister', '--verb=list', `--resource=${resources}`);
    await kubectl(
      ...['create', 'rolebinding', 'lister', '--role=lister'],
      `--serviceaccount=${namespace.name}:someone`,
    );
    const controller = await cluster.startController();
    const { code, stdout } = await unbind(['-n', namespace.name, '--dry-run'], kubeconfig);
    assert.deepEqual([code, stdout.split('\n').length], [0, 4]);
    await controller.process.stop();
  });

  describe('on a terminal', { skip: !hasTerminal() }, () => {
    const flags = ['--lease-namespace', RELEASE];

    it('asks for confirmation with the number of objects, and changes nothing without a yes', async () => {
      const { namespace, before, secretName } = await boundNamespace();
      const args = ['unbind', '-n', namespace.name, ...flags];
      const what = 'Do you want to unbind 1 ScheduledScan, and delete 1 Secret with copies of credentials';
      const question = new RegExp(
        `^${what}, in the cluster at ${cluster.controlPlane.server} \\(context "[^"]+"\\)\\? \\[y/N\\]`,
        'm',
      );
      const from = (await cluster.controlPlane.auditEvents()).length;
      // \x04 is Ctrl-D, the end of the input. \x03 is Ctrl-C.
      for (const [input, expected] of [
        ['n\n', 1],
        ['\n', 1],
        ['yesterday\n', 1],
        ['\x04', 1],
        ['\x03', 130],
      ] as const) {
        const { code, output } = await runOnTerminal(cluster.controlPlane, args, input);
        assert.equal(code, expected, output);
        assert.match(output, question);
        if (expected === 1) assert.match(output, /error: not confirmed; nothing was changed/);
      }
      assert.deepEqual(await writesSince(from), []);
      const yes = await runOnTerminal(cluster.controlPlane, args, 'y\n');
      assert.equal(yes.code, 0, yes.output);
      assert.match(yes.output, /^unbound 1 ScheduledScan, deleted 1 Secret$/m);
      await assertReverted(namespace, before, secretName);
      // There is nothing to confirm.
      const again = await runOnTerminal(cluster.controlPlane, args, '');
      assert.deepEqual([again.code, again.output], [0, 'unbound 0 ScheduledScans, deleted 0 Secrets\n']);
    });

    it('does not ask with --yes', async () => {
      const { namespace, before, secretName } = await boundNamespace();
      const args = ['unbind', '-n', namespace.name, '--yes', ...flags];
      const { code, output } = await runOnTerminal(cluster.controlPlane, args, '');
      assert.equal(code, 0, output);
      assert.doesNotMatch(output, /\[y\/N\]/);
      await assertReverted(namespace, before, secretName);
    });
  });
});
