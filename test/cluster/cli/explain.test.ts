import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Cluster, type TestNamespace } from '../../support/cluster/cluster.ts';
import { runExplain } from '../../support/explain.ts';

const PASSWORD = 'Canary-7Hq2';
const entry = (username: string) => ({ username, password: PASSWORD });

describe('explain from a cluster', () => {
  let cluster: Cluster;
  let namespace: TestNamespace;

  before(async () => {
    cluster = await Cluster.start();
    namespace = await cluster.namespace();
    await namespace.pullSecret('pull', { 'reg.example': entry('named') });
    await namespace.pullSecret('another', { 'reg.example/app': entry('not-named') });
    await namespace.put(
      { group: '', version: 'v1', plural: 'secrets', kind: 'Secret' },
      {
        metadata: { name: 'old' },
        type: 'kubernetes.io/dockercfg',
        data: { '.dockercfg': btoa(JSON.stringify({ 'old.example': entry('old') })) },
      },
    );
    await namespace.binding('app');
    await namespace.scan('scan');
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  const ask = (image: string, ...args: readonly string[]) => {
    const { status, stdout, stderr } = runExplain([image, ...args], '', {
      KUBECONFIG: cluster.controlPlane.kubeconfig,
    });
    assert.ok(!`${stdout}${stderr}`.includes(PASSWORD));
    return { status, stdout, stderr };
  };
  const usernames = (stdout: string) =>
    (JSON.parse(stdout) as readonly { candidates: readonly { username: string }[] }[]).map(({ candidates }) =>
      candidates.map(({ username }) => username),
    );

  it('takes the secrets that the binding names', () => {
    const { status, stdout, stderr } = ask('reg.example/app:1.0', '-n', namespace.name, '-o', 'json');
    assert.deepEqual([status, stderr, usernames(stdout)], [0, '', [['named']]]);
    const text = ask('reg.example/app:1.0', '-n', namespace.name).stdout;
    assert.match(text, /binding {5}app\n[\s\S]*ScheduledScans\n {4}scan {2}served by app, not bound yet\n$/);
  });

  it('says that no ScheduledScan of the namespace has the image of a binding', async () => {
    await namespace.binding('lonely', { image: 'reg.example/lonely' });
    const { status, stderr } = ask('reg.example/lonely', '-n', namespace.name);
    assert.equal(status, 0);
    assert.match(
      stderr,
      /^no ScheduledScan of this namespace has the image reg\.example\/lonely, and a binding/m,
    );
  });

  it('takes all pull secrets of the namespace, of both types, where no binding serves the image', () => {
    const { stdout } = ask('reg.example/application', '-n', namespace.name, '-o', 'json');
    // The kubelet compares paths by their beginning: `app` fits `application`.
    assert.deepEqual(usernames(stdout), [['not-named', 'named']]);
    const old = ask('old.example/app', '-n', namespace.name, '-o', 'json');
    assert.deepEqual([old.status, usernames(old.stdout)], [0, [['old']]]);
  });

  it('asks the namespace of the context unless told, and that is where nothing is', () => {
    const { status, stdout } = ask('reg.example/app', '-o', 'json');
    assert.deepEqual([status, usernames(stdout)], [1, [[]]]);
  });

  it('says what is wrong: the namespace, the rights, the server, the credential', async () => {
    const nowhere = ask('reg.example/app', '-n', 'nowhere');
    assert.deepEqual([nowhere.status, nowhere.stdout], [2, '']);
    assert.match(nowhere.stderr, /found no "nowhere"; correct --namespace/);

    await cluster.controlPlane.kubectl(['create', 'serviceaccount', 'nobody', '-n', namespace.name]);
    const account = { namespace: namespace.name, name: 'nobody' };
    const kubeconfig = await cluster.controlPlane.kubeconfigFor(account);
    const refused = runExplain(['reg.example/app', '-n', namespace.name], '', { KUBECONFIG: kubeconfig });
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /forbidden.*expected to be allowed to list secrets.*ask for a Role there/);

    const text = await readFile(kubeconfig, 'utf8');
    const changed = async (name: string, from: RegExp, to: string) => {
      const file = join(cluster.controlPlane.directory, name);
      await writeFile(file, text.replace(from, to));
      return runExplain(['reg.example/app'], '', { KUBECONFIG: file });
    };
    const unreachable = await changed('no-server.yaml', /server: \S+/, 'server: https://127.0.0.1:1');
    assert.equal(unreachable.status, 2);
    assert.match(
      unreachable.stderr,
      /expected an answer of the API server at https:\/\/127\.0\.0\.1:1, found none/,
    );
    const unknown = await changed('no-token.yaml', /token: \S+/, 'token: wrong');
    assert.equal(unknown.status, 2);
    assert.match(unknown.stderr, /does not accept the credential of the kubeconfig; sign in again/);
  });

  it('does without secureCodeBox, and says how to install the CRD where that is missing', async () => {
    const remove = (name: string) => cluster.controlPlane.removeCrds([name]);
    await remove('scheduledscans.execution.securecodebox.io');
    const { status, stdout, stderr } = ask('reg.example/app', '-n', namespace.name, '-o', 'json');
    assert.deepEqual([status, usernames(stdout)], [0, [['named']]]);
    assert.match(stderr, /this cluster knows no ScheduledScans: secureCodeBox is not installed/);
    assert.doesNotMatch(stderr, /no ScheduledScan of this namespace/);
    await remove('imagecredentialbindings.credentials.securecodebox.io');
    const without = ask('reg.example/app', '-n', namespace.name);
    assert.equal(without.status, 2);
    assert.match(without.stderr, /install it \(kubectl apply --server-side --filename crds\/\)/);
  });
});
