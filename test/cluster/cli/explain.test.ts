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

  const explain = (image: string, ...args: readonly string[]) => {
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

  it('uses the Secrets that the binding names', () => {
    const { status, stdout, stderr } = explain(
      'reg.example/app:1.0',
      '-n',
      namespace.name,
      '-o',
      'json',
      '--show-usernames',
    );
    assert.deepEqual([status, stderr, usernames(stdout)], [0, '', [['named']]]);
    const text = explain('reg.example/app:1.0', '-n', namespace.name).stdout;
    assert.match(
      text,
      /binding {5}app\n[\s\S]*ScheduledScans\n {4}scan {2}not yet bound to app\n {2}Trivy gets\n/,
    );
  });

  it('reports that no ScheduledScan in the namespace uses the image of a binding', async () => {
    await namespace.binding('lonely', { image: 'reg.example/lonely' });
    const { status, stderr } = explain('reg.example/lonely', '-n', namespace.name);
    assert.equal(status, 0);
    assert.match(
      stderr,
      /^no ScheduledScan in this namespace uses the image reg\.example\/lonely, and a binding/m,
    );
  });

  it('uses all pull secrets in the namespace, of both types, if no binding matches the image', () => {
    const { stdout } = explain(
      'reg.example/application',
      '-n',
      namespace.name,
      '-o',
      'json',
      '--show-usernames',
    );
    // The kubelet compares paths by prefix: `app` fits `application`.
    assert.deepEqual(usernames(stdout), [['not-named', 'named']]);
    const old = explain('old.example/app', '-n', namespace.name, '-o', 'json', '--show-usernames');
    assert.deepEqual([old.status, usernames(old.stdout)], [0, [['old']]]);
  });

  it('reads the namespace of the kubeconfig context by default, which contains no Secret here', () => {
    const { status, stdout } = explain('reg.example/app', '-o', 'json', '--show-usernames');
    assert.deepEqual([status, usernames(stdout)], [1, [[]]]);
  });

  it('reports a missing namespace, missing permissions, an unreachable server and a rejected credential', async () => {
    const nowhere = explain('reg.example/app', '-n', 'nowhere');
    assert.deepEqual([nowhere.status, nowhere.stdout], [2, '']);
    assert.match(nowhere.stderr, /the namespace "nowhere" does not exist; correct --namespace/);

    await cluster.controlPlane.kubectl(['create', 'serviceaccount', 'nobody', '-n', namespace.name]);
    const account = { namespace: namespace.name, name: 'nobody' };
    const kubeconfig = await cluster.controlPlane.kubeconfigFor(account);
    const refused = runExplain(['reg.example/app', '-n', namespace.name], '', { KUBECONFIG: kubeconfig });
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /forbidden.*expected permission to list secrets.*request a Role there/);

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
      /expected an answer from the API server at https:\/\/127\.0\.0\.1:1, found none/,
    );
    const unknown = await changed('no-token.yaml', /token: \S+/, 'token: wrong');
    assert.equal(unknown.status, 2);
    assert.match(
      unknown.stderr,
      /the API server rejected the credential of the user .* in the kubeconfig .*; log in again/,
    );
  });

  it('works without secureCodeBox, and tells the user how to install a missing CRD', async () => {
    const remove = (name: string) => cluster.controlPlane.removeCrds([name]);
    await remove('scheduledscans.execution.securecodebox.io');
    const { status, stdout, stderr } = explain(
      'reg.example/app',
      '-n',
      namespace.name,
      '-o',
      'json',
      '--show-usernames',
    );
    assert.deepEqual([status, usernames(stdout)], [0, [['named']]]);
    assert.match(stderr, /this cluster has no API for ScheduledScans: secureCodeBox is not installed/);
    assert.doesNotMatch(stderr, /no ScheduledScan in this namespace/);
    await remove('imagecredentialbindings.credentials.securecodebox.io');
    const without = explain('reg.example/app', '-n', namespace.name);
    assert.equal(without.status, 2);
    assert.match(
      without.stderr,
      /install the CRD \(helm show crds <chart> \| kubectl apply --server-side --filename -\)/,
    );
  });
});
