import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import { makeCertificate } from '../../../hack/testenv/certificate.ts';
import { startControlPlane } from '../../../hack/testenv/control-plane/control-plane.ts';
import { ProcessGroup } from '../../../hack/testenv/processes/process-group.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';
import { Cluster, type TestNamespace } from '../../support/cluster/cluster.ts';
import { type Ran, runCommand } from '../../support/cluster/command.ts';
import { until } from '../../support/until.ts';

const AUTHS = { 'reg.example': { auth: btoa('user:Canary-7Hq2') } };

describe('the connection of the command line to a real API server', () => {
  let cluster: Cluster;
  let namespace: TestNamespace;
  let folder: string;
  let ca: string;
  let token: string;

  before(async () => {
    cluster = await Cluster.start();
    namespace = await cluster.namespace();
    await namespace.pullSecret('pull', AUTHS);
    await namespace.binding('app');
    folder = join(cluster.controlPlane.directory, 'connection');
    await mkdir(folder);
    ca = (await readFile(cluster.controlPlane.caFile)).toString('base64');
    token = /token: (\S+)/.exec(await readFile(cluster.controlPlane.kubeconfig, 'utf8'))?.[1] ?? '';
    assert.notEqual(token, '');
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  /** Writes a kubeconfig for the API server. `change` changes the entries of the cluster and the user. */
  async function kubeconfig(change: { readonly cluster?: object; readonly user?: object }): Promise<string> {
    const file = join(folder, 'config');
    const place = {
      server: cluster.controlPlane.server,
      'certificate-authority-data': ca,
      ...change.cluster,
    };
    const config = {
      clusters: [{ name: 'c', cluster: place }],
      users: [{ name: 'u', user: change.user ?? { token } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: namespace.name } }],
      'current-context': 'x',
    };
    await writeFile(file, JSON.stringify(config));
    return file;
  }

  async function explain(change: Parameters<typeof kubeconfig>[0]): Promise<Ran> {
    const ran = await runCommand(
      cluster.controlPlane,
      ['explain', 'reg.example/app'],
      await kubeconfig(change),
    );
    assert.ok(!(ran.stdout + ran.stderr).includes(token));
    return ran;
  }

  async function plugin(script: string): Promise<object> {
    const command = join(folder, 'plugin');
    await writeFile(command, `#!/bin/sh\n${script}\n`);
    await chmod(command, 0o755);
    const env = [{ name: 'EXTRA', value: 'extra' }];
    const apiVersion = 'client.authentication.k8s.io/v1';
    return { exec: { apiVersion, command, args: ['get', 'token'], env, provideClusterInfo: true } };
  }

  it('uses the credential of a plug-in, which receives its arguments, environment and the cluster', async () => {
    const status = JSON.stringify({ kind: 'ExecCredential', status: { token } });
    const script = `echo "$@ $EXTRA $KUBERNETES_EXEC_INFO" >> '${folder}/received'; echo '${status}'`;
    const { code, stderr } = await explain({ user: await plugin(script) });
    assert.equal(code, 0, stderr);
    const [received = '', ...more] = (await readFile(join(folder, 'received'), 'utf8')).trim().split('\n');
    assert.deepEqual(more, []);
    assert.match(received, /^get token extra \{/);
    const { kind, apiVersion, spec } = JSON.parse(received.replace('get token extra ', ''));
    assert.deepEqual([kind, apiVersion], ['ExecCredential', 'client.authentication.k8s.io/v1']);
    assert.equal(spec.interactive, false);
    assert.equal(spec.cluster.server, cluster.controlPlane.server);
    assert.equal(spec.cluster['certificate-authority-data'], ca);
  });

  it('works through kubectl proxy on loopback, without a credential or with one that is not sent', async () => {
    const { kubectl } = await tools(['kubectl'], (line) => process.stderr.write(`${line}\n`));
    const proxy = await cluster.controlPlane.group.spawn('kubectl-proxy', kubectl, ['proxy', '--port=0'], {
      env: { KUBECONFIG: cluster.controlPlane.kubeconfig, PATH: dirname(kubectl) },
    });
    const server = await until(
      async () => /127\.0\.0\.1:\d+/.exec(await proxy.logTail())?.[0],
      'kubectl proxy to listen',
    );
    for (const user of [{}, { token: 'wrong' }, { exec: { command: 'aws-of-nobody' } }]) {
      const { code, stdout, stderr } = await explain({ cluster: { server: `http://${server}` }, user });
      assert.equal(code, 0, stderr);
      assert.match(stdout, /Secret pull/);
    }
    // Without any kubeconfig, the flag is enough.
    const flags = ['--server', `http://${server}`, '--token', 'wrong', '-n', namespace.name];
    const bare = await runCommand(cluster.controlPlane, ['explain', 'reg.example/app', ...flags], '');
    assert.equal(bare.code, 0, bare.stderr);
    const overTls = await explain({ cluster: { server: `https://${server}` } });
    assert.match(
      overTls.stderr,
      new RegExp(
        `found a server without TLS: .*; correct the port, or write http: instead of https: in the kubeconfig if ${server} is`,
      ),
    );
    await proxy.stop();
  });

  it('reads the token from a file beside the kubeconfig, which takes precedence over a token', async () => {
    await writeFile(join(folder, 'token'), `${token}\n`);
    const user = { tokenFile: 'token', token: 'wrong', exec: { command: 'aws-of-nobody' } };
    const { code, stderr } = await explain({ user });
    assert.equal(code, 0, stderr);
    const ran = await explain({ user: { token: `${token}\n` } });
    assert.equal(ran.code, 0, ran.stderr);
  });

  const rejected: readonly {
    readonly title: string;
    readonly change: () => Promise<Parameters<typeof kubeconfig>[0]>;
    readonly says: RegExp;
  }[] = [
    {
      title: 'a wrong token',
      change: async () => ({ user: { token: 'wrong' } }),
      says: /^error: the API server rejected the credential of the user "u" \(context "x"\) in the kubeconfig \(.*Unauthorized\); log in again\n$/,
    },
    {
      title: 'a plug-in with a wrong token',
      change: async () => ({ user: await plugin(`echo '{"status":{"token":"wrong"}}'`) }),
      says: /the API server rejected the credential of the user "u" \(context "x"\).*; log in again\n$/,
    },
    {
      title: 'no credential',
      change: async () => ({ user: {} }),
      says: /the API server received no credential of the user "u" \(context "x"\) in the kubeconfig \(.*system:anonymous.*\); log in again, or choose/,
    },
    {
      title: 'a token with a control character',
      change: async () => ({ user: { token: 'Canary-7Hq2\u0000x' } }),
      says: /the token of the user "u" \(context "x"\) in the kubeconfig cannot be used: expected printable ASCII characters, found others/,
    },
    {
      title: 'a token with a line break inside',
      change: async () => ({ user: { token: 'Canary-7Hq2\nx' } }),
      says: /expected printable ASCII characters, found others; correct the token/,
    },
    {
      title: 'a token file that does not exist',
      change: async () => ({ user: { tokenFile: '/nonexistent/token' } }),
      says: /the credential of the user "u" \(context "x"\) in the kubeconfig cannot be used: expected a file that can be read at "\/nonexistent\/token", found none \(ENOENT\)/,
    },
    {
      title: 'a certificate file that does not exist',
      change: async () => ({
        user: { 'client-certificate': '/nonexistent/crt', 'client-key': '/nonexistent/key' },
      }),
      says: /expected a file that can be read at "\/nonexistent\/crt", found none \(ENOENT\); correct the path/,
    },
    {
      title: 'a client certificate that is not PEM',
      change: async () => ({ user: { 'client-certificate-data': btoa('x'), 'client-key-data': btoa('x') } }),
      says: /found certificates or keys in the kubeconfig that cannot be used: .*; correct certificate-authority, client-certificate and client-key/,
    },
    {
      title: 'an auth-provider that kubectl no longer has',
      change: async () => ({ user: { 'auth-provider': { name: 'gcp', config: {} } } }),
      says: /expected the auth-provider "gcp" to provide a token, found that it failed; log in again, or let the tool of your cloud/,
    },
    {
      title: 'an unknown authority of the server',
      change: async () => {
        const other = await makeCertificate(cluster.controlPlane.group, ['localhost']);
        return { cluster: { 'certificate-authority-data': btoa(other.ca) } };
      },
      says: /found a certificate of an authority that is not trusted \(x509\): .*; correct certificate-authority in the kubeconfig/,
    },
    {
      title: 'another name of the server',
      change: async () => ({ cluster: { 'tls-server-name': 'other.example' } }),
      says: /found a certificate for another name: .*; correct the server in the kubeconfig, or set its tls-server-name/,
    },
    {
      title: 'plain HTTP on the port of the API server',
      change: async () => ({ cluster: { server: cluster.controlPlane.server.replace('https:', 'http:') } }),
      says: /found a server that does not speak plain HTTP: .*; write https: instead of http:/,
    },
    {
      title: 'a name that does not exist',
      change: async () => ({ cluster: { server: 'https://api.example.invalid:6443' } }),
      says: /found no address for the name "api\.example\.invalid": .*; correct the name of the server in the kubeconfig, or check DNS and the VPN\n$/,
    },
    {
      title: 'a proxy that is not a URL',
      change: async () => ({ cluster: { 'proxy-url': 'proxy:3128:Canary-7Hq2' } }),
      says: /the cluster "c" of the kubeconfig has an invalid proxy-url: expected a URL such as http:/,
    },
  ];
  for (const { title, change, says } of rejected) {
    it(`fails with ${title}, and the error says what to do`, async () => {
      const { code, stdout, stderr } = await explain(await change());
      assert.match(stderr, says);
      assert.deepEqual([code, stdout], [2, '']);
      assert.doesNotMatch(stderr, /Canary|check that the server is running/);
    });
  }

  it('says of unbind without a credential that there is none, and not that a right is missing', async () => {
    const file = await kubeconfig({ user: {} });
    const { code, stderr } = await runCommand(cluster.controlPlane, ['unbind', '-A'], file);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^error: the API server received no credential of the user "u" .*; log in again, or choose/,
    );
  });

  it('names an expired certificate of the server', async () => {
    const { group } = cluster.controlPlane;
    const {
      ca: authority,
      certificate,
      key,
    } = await makeCertificate(group, ['127.0.0.1'], { expired: true });
    // An HTTPS server of our own, because the API server makes its certificate itself.
    await using server = createServer({ cert: certificate, key });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    // A TCP server that listens has an AddressInfo.
    const { port } = server.address() as AddressInfo;
    const place = { server: `https://127.0.0.1:${port}`, 'certificate-authority-data': btoa(authority) };
    const { code, stderr } = await explain({ cluster: place });
    assert.equal(code, 2);
    assert.match(
      stderr,
      /found a certificate of the server that is not valid now: .*; check the clock of this computer, or renew/,
    );
  });

  describe('with the global flags of kubectl', () => {
    /** The cluster and the user of the context are wrong. `good` is the right cluster and user. */
    async function wrongContext(): Promise<string> {
      const place = { server: cluster.controlPlane.server, 'certificate-authority-data': ca };
      const wrong = {
        ...place,
        server: 'https://api.example.invalid:6443',
        'tls-server-name': 'other.example',
      };
      const file = join(folder, 'wrong');
      const config = {
        clusters: [
          { name: 'wrong', cluster: wrong },
          { name: 'good', cluster: place },
        ],
        users: [
          { name: 'wrong', user: { exec: { command: 'aws-of-nobody' } } },
          { name: 'good', user: { token } },
        ],
        contexts: [{ name: 'x', context: { cluster: 'wrong', user: 'wrong', namespace: namespace.name } }],
        'current-context': 'x',
      };
      await writeFile(file, JSON.stringify(config));
      return file;
    }

    it('uses the cluster, server, user and token that the flags name, and keeps the namespace of the context', async () => {
      const file = await wrongContext();
      const { server } = cluster.controlPlane;
      for (const flags of [
        ['--cluster', 'good', '--user', 'good'],
        ['--server', server, '--user', 'good'],
        ['-s', server, '--token', token],
        ['--cluster=good', `--token=${token}`, '--request-timeout=1m'],
      ])
        for (const args of [['audit'], ['explain', 'reg.example/app'], ['unbind', '--dry-run']]) {
          const { code, stdout, stderr } = await runCommand(cluster.controlPlane, [...args, ...flags], file);
          assert.ok(code === 0 || (code === 1 && args[0] === 'audit'), `${args} ${flags}: ${stderr}`);
          assert.match(stdout, /reg\.example\/app|would unbind 0 ScheduledScans/);
          assert.ok(!(stdout + stderr).includes(token));
        }
      const rejected = await runCommand(
        cluster.controlPlane,
        ['audit', '--cluster=good', '--token=Canary-7Hq2'],
        file,
      );
      assert.equal(rejected.code, 2);
      assert.match(
        rejected.stderr,
        /the API server rejected the credential of the user "wrong" \(context "x"\)/,
      );
      assert.doesNotMatch(rejected.stderr, /Canary/);
    });

    it('impersonates the user and the groups of --as and --as-group, or of the kubeconfig', async () => {
      const inNamespace = ['--namespace', namespace.name];
      const kubectl = (...args: readonly string[]) => cluster.controlPlane.kubectl([...args, ...inNamespace]);
      const resource = '--resource=imagecredentialbindings.credentials.securecodebox.io';
      await kubectl('create', 'role', 'lister', '--verb=list', resource);
      const user = { token, as: 'jane', 'as-groups': ['devs', 'ops'] };
      for (const { change, flags } of [
        { change: {}, flags: ['--as', 'jane', '--as-group', 'devs', '--as-group', 'ops'] },
        { change: { user }, flags: [] },
        {
          change: { user: { ...user, as: 'john' } },
          flags: ['--as=jane', '--as-group=devs', '--as-group=ops'],
        },
      ]) {
        const audit = async () =>
          runCommand(cluster.controlPlane, ['audit', ...flags], await kubeconfig(change));
        const refused = await audit();
        assert.equal(refused.code, 2);
        assert.match(refused.stderr, /User "jane" cannot list resource "imagecredentialbindings"/);
        await kubectl('create', 'rolebinding', 'lister', '--group=ops', '--role=lister');
        const from = (await cluster.controlPlane.auditEvents()).length;
        assert.match((await audit()).stdout, /reg\.example\/app/);
        const seen = (await cluster.controlPlane.auditEvents())
          .slice(from)
          .filter(({ userAgent }) => userAgent === 'audit')
          .map(({ impersonatedUser }) => [impersonatedUser?.username, ...(impersonatedUser?.groups ?? [])]);
        assert.ok(seen.length > 0);
        for (const one of seen) assert.deepEqual(one.slice(0, 3), ['jane', 'devs', 'ops']);
        await kubectl('delete', 'rolebinding', 'lister');
      }
    });
  });

  it('names a user that the kubeconfig does not have', async () => {
    const file = await kubeconfig({});
    await writeFile(file, (await readFile(file, 'utf8')).replace('"user":"u"', '"user":"gone"'));
    const { code, stderr } = await runCommand(cluster.controlPlane, ['audit'], file);
    assert.equal(code, 2);
    assert.match(stderr, /has no user "gone", which its context "x" names; correct the user of the context/);
  });
});

describe('an expired client certificate', () => {
  it('is rejected by a real API server, and the error says when it expired', async () => {
    await using group = await ProcessGroup.start();
    const { ca, certificate, key } = await makeCertificate(group, ['someone'], { expired: true });
    const authority = join(group.directory, 'client-ca.crt');
    await writeFile(authority, ca);
    await using controlPlane = await startControlPlane({
      extraApiServerArgs: [`--client-ca-file=${authority}`],
    });
    const config = new KubeConfig();
    config.loadFromFile(controlPlane.kubeconfig);
    const users = config.users.map(({ name }) => ({ name, certData: btoa(certificate), keyData: btoa(key) }));
    config.loadFromOptions({ ...config, users });
    const file = join(controlPlane.directory, 'expired');
    await writeFile(file, config.exportConfig());
    const { code, stderr } = await runCommand(controlPlane, ['audit'], file);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^error: the API server rejected the credential of the user "admin" \(context "admin"\) in the kubeconfig \(its client certificate expired on \d{4}-\d\d-\d\dT[\d:]+Z\); log in again\n$/,
    );
  });
});
