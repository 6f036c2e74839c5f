import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { pino } from 'pino';
import { JOBS, PODS } from '../../../hack/acceptance/workspace.ts';
import { ROOT } from '../../../hack/root.ts';
import { type Registry, startRegistry } from '../../../hack/testenv/registry/registry.ts';
import {
  type SecureCodeBox,
  secureCodeBoxAccess,
  startSecureCodeBox,
  trivyImageScanType,
} from '../../../hack/testenv/securecodebox/index.ts';
import type { Scan } from '../../../hack/testenv/securecodebox/objects.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';
import { hasReason } from '../../../src/kube/errors.ts';
import { NAMESPACES } from '../../../src/object/resources.ts';
import {
  CertificateFolder,
  grantAdmission,
  registerWebhooks,
  startAdmitting,
} from '../../support/cluster/admission.ts';
import { Cluster } from '../../support/cluster/cluster.ts';
import { until } from '../../support/until.ts';
import { Script } from './script.ts';

const acceptance = join(ROOT, 'hack/acceptance/acceptance.ts');

const USER = 'scanner';
const PASSWORDS = {
  first: 'canary-first-7Kd',
  changed: 'canary-changed-2Wm',
  second: 'canary-second-9Rt',
  wrong: 'canary-wrong-4Yb',
};
const REVEALED = new RegExp(['canary-', ...Object.values(PASSWORDS).map(loginOf), 'eyJhdXRocy'].join('|'));

describe('the acceptance run', { concurrency: 4 }, () => {
  let cluster: Cluster;
  let secureCodeBox: SecureCodeBox;
  /** Its password changes in the run with discovery. */
  let first: Registry;
  let second: Registry;
  let digest: string;

  before(async () => {
    const log = (line: string) => process.stderr.write(`${line}\n`);
    const { trivy } = await tools(['trivy'], log);
    cluster = await Cluster.start({
      ...{ namespaces: ['registries', 'scanners'], controllerManager: true, auditLog: false },
      values: ['config.discovery.enabled=true'],
    });
    const { group } = cluster.controlPlane;
    [first, second] = (await Promise.all(
      [PASSWORDS.first, PASSWORDS.second].map((password) =>
        startRegistry({ user: { username: USER, password }, group, log }),
      ),
    )) as [Registry, Registry];
    digest = await first.pushImage('shop/payments:1.0', { 'app/hello.txt': 'hello' });
    for (const name of ['shop/payments:1.0', 'team/payments:1.0'])
      assert.equal(await second.pushImage(name, { 'app/hello.txt': 'hello' }), digest);
    await apply([
      ...secureCodeBoxAccess('scanners'),
      trivyImageScanType('scanners'),
      pullSecret('first', first, PASSWORDS.first),
      pullSecret('changed', first, PASSWORDS.changed),
      pullSecret('second', second, PASSWORDS.second),
      pullSecret('wrong', second, PASSWORDS.wrong),
    ]);
    secureCodeBox = await startSecureCodeBox({
      kubeconfig: await cluster.controlPlane.kubeconfigFor({
        namespace: 'scanners',
        name: 'securecodebox-operator',
      }),
      programs: { trivy },
      log: pino({ level: 'silent' }),
      // The stand-in creates no Job. Here, its pod remains Pending.
      beforeStatusUpdate: async (_scheduledScan, scan) => {
        if (scan.metadata.namespace === 'failing') await createJob(scan);
      },
    });
    await grantAdmission(cluster);
    const certificates = await CertificateFolder.create(cluster, 'certificates');
    const { ca } = await certificates.renew();
    const controller = await startAdmitting(cluster, certificates, {
      flags: [
        ...['--discovery', 'enabled-per-namespace', '--runs-per-minute', '6000'],
        ...['--local-addresses', '127.0.0.1', '--insecure-registries', `${first.host},${second.host}`],
      ],
    });
    // API servers do not call the webhook in the namespaces of the other runs, as if it were off.
    await registerWebhooks(cluster, { webhooks: [{ url: controller.webhook, namespace: 'admitted' }], ca });
  });
  after(async () => {
    await secureCodeBox?.stop();
    await cluster?.[Symbol.asyncDispose]();
  });

  async function apply(items: readonly object[]): Promise<void> {
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
    await cluster.controlPlane.kubectl(['apply', '--filename', '-'], { input });
  }

  /** Creates a Job of a Scan, and waits for its pod. Does not start kubectl, because Trivy runs at the same time. */
  async function createJob({ metadata: { namespace = '', name, uid = '' } }: Scan): Promise<void> {
    const owner = { apiVersion: 'execution.securecodebox.io/v1', kind: 'Scan', name, uid, controller: true };
    const containers = [{ name: 'trivy', image: 'docker.io/aquasec/trivy' }];
    const job = {
      ...{ apiVersion: 'batch/v1', kind: 'Job', metadata: { namespace, name, ownerReferences: [owner] } },
      spec: { template: { spec: { restartPolicy: 'Never', containers } } },
    };
    await cluster.client.create(JOBS, job);
    await until(async () => {
      const { items } = await cluster.client.list(PODS, { namespace, labelSelector: `job-name=${name}` });
      return items.length > 0;
    }, `a pod of the Job ${name}`);
  }

  const start = (context: TestContext, ...args: readonly string[]) =>
    new Script(context, acceptance, args, { KUBECONFIG: cluster.controlPlane.kubeconfig });

  async function assertNoNamespace(name: string): Promise<void> {
    await assert.rejects(cluster.client.get(NAMESPACES, { namespace: undefined, name }), (error) =>
      hasReason(error, 'NotFound'),
    );
  }

  it('goes from a workload to the deletion of its discovered binding, each step with its time', async (context) => {
    const changing = await onRequest(context, () => first.setPassword(PASSWORDS.changed));
    const { stdout, stderr, code } = await start(
      context,
      ...['--image', `${first.host}/shop/payments@${digest}`, '--pull-secret', 'registries/first'],
      ...['--rotated-pull-secret', 'registries/changed', '--rotate-command', changing],
      ...['--new-image', `${second.host}/team/payments`, '--new-pull-secret', 'registries/second'],
      ...['--trivy-args=--insecure', '--namespace', 'discovered', '--yes'],
    ).ended;
    assert.equal(code, 0, stdout + stderr);
    const steps = stepsIn(stdout);
    assert.equal(steps.length, 8);
    for (const step of steps) assert.match(step, /^\S+Z +\d\. .+\n +ok, \d+\.\d s: /);
    const [, , binding, refused, scan, rotation, migration, unbind] = steps;
    assert.match(binding ?? '', /, discovered; CredentialVerified is True \(/);
    assert.match(refused ?? '', /Scan acceptance-\d+ is Errored, as expected without a credential/);
    assert.match(scan ?? '', /started by the controller, is Done; CredentialVerified is True \(Accepted\)/);
    assert.match(rotation ?? '', /new credential, the ScheduledScan was not written; Scan \S+ is Done/);
    assert.match(
      migration ?? '',
      new RegExp(
        `names ${second.host}/team/payments@${digest} and mounts the credential of the new repository`,
      ),
    );
    assert.match(unbind ?? '', /has its original spec, except for the migrated image/);
    assert.match(stdout, /\nEvery step succeeded \(\d+\.\d s\)\.\n/);
    assert.doesNotMatch(stdout + stderr, REVEALED);
    await assertNoNamespace('discovered');
  });

  it('creates the binding itself on request, and says which steps it skips', async (context) => {
    const { stdout, stderr, code } = await start(
      context,
      ...['--image', `${second.host}/shop/payments:1.0`, '--pull-secret', 'registries/second'],
      ...['--new-image', `${second.host}/team/payments`, '--scan-type', 'scanners/trivy-image'],
      ...['--create-binding', '--namespace', 'created', '--yes'],
    ).ended;
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /acceptance, created by this command; /);
    assert.match(
      stdout,
      /Change the password, and scan again\n +skipped: --rotated-pull-secret is not given/,
    );
    assert.match(stdout, /mounts the same credential; Scan \S+ is Done/);
    assert.match(stdout, /\nNo step failed \(\d+\.\d s\)\. Skipped: Change the password, and scan again\.\n/);
    await assertNoNamespace('created');
  });

  it('says that the first Scan already has its credential if the webhook binds it', async (context) => {
    const { stdout, stderr, code } = await start(
      context,
      ...['--image', `${second.host}/shop/payments:1.0`, '--pull-secret', 'registries/second'],
      ...['--namespace', 'admitted', '--yes'],
    ).ended;
    assert.equal(code, 0, stdout + stderr);
    const [, , , first, scan] = stepsIn(stdout);
    assert.match(first ?? '', /Scan acceptance-\d+, which was bound when it was created, is Done/);
    assert.match(scan ?? '', /Scan acceptance-\d+, started by this command, is Done/);
    await assertNoNamespace('admitted');
  });

  it('prints what was expected and found, conditions, Events and the Scan if a step fails', async (context) => {
    const { stdout, stderr, code } = await start(
      context,
      ...['--image', `${second.host}/shop/payments:1.0`, '--pull-secret', 'registries/second'],
      ...['--rotated-pull-secret', 'registries/wrong', '--namespace', 'failing', '--yes'],
    ).ended;
    assert.equal(code, 1, stdout + stderr);
    const failed = stepsIn(stdout).at(-1) ?? '';
    assert.match(failed, /Change the password, and scan again\n +FAILED, \d+\.\d s\n/);
    assert.match(
      failed,
      /Expected: a new Scan of \S+\/shop\/payments:1\.0 that mounts the Trivy Secret \S+ to be Done/,
    );
    assert.match(failed, /Found: Scan acceptance-\d+ in the state Errored: .+UNAUTHORIZED/s);
    assert.match(
      failed,
      /What to do: check that the registry accepts the credential in --rotated-pull-secret/,
    );
    assert.match(failed, /ImageCredentialBinding \S+ of \S+\/shop\/payments:\n +Ready \w+ \w+: /);
    assert.match(failed, /The latest \d+ of \d+ Events:\n.*ImageCredentialBinding\//s);
    assert.match(failed, /The newest Scan: Scan acceptance-\d+ in the state Errored/);
    assert.match(
      failed,
      /pod acceptance-\S+ is Pending\n +The log of its container trivy ends with:\n +\(empty\)/,
    );
    assert.doesNotMatch(stdout + stderr, REVEALED);
    await assertNoNamespace('failing');
  });

  it('says at once that the registry refuses the credential', async (context) => {
    const { stdout, code } = await start(
      context,
      ...['--image', `${second.host}/shop/payments:1.0`, '--pull-secret', 'registries/wrong'],
      ...['--namespace', 'refused', '--yes'],
    ).ended;
    assert.equal(code, 1, stdout);
    assert.match(stdout, /Expected: the registry to accept the credential\n +Found: Denied: /);
    await assertNoNamespace('refused');
  });

  it('deletes its namespace and exits with 130 on Ctrl-C', async (context) => {
    const run = start(
      context,
      ...['--image', `${second.host}/shop/payments:1.0`, '--pull-secret', 'registries/second'],
      ...['--namespace', 'interrupted', '--yes'],
    );
    await run.prints(/ 3\. Get a binding/);
    run.process.kill('SIGINT');
    const { code, stdout } = await run.ended;
    assert.equal(code, 130, stdout);
    assert.match(stdout, /\nStopped by SIGINT\.\nDeleting the namespace interrupted …\n +ok, /);
    assert.doesNotMatch(stdout, / 8\. /);
    await assertNoNamespace('interrupted');
  });

  it('does nothing without --yes, but says what it would do, and to which cluster', async (context) => {
    const { stdout, stderr, code } = await start(
      context,
      ...['--image', `${second.host}/shop/payments:1.0`, '--pull-secret', 'registries/second'],
      ...['--namespace', 'unconfirmed'],
    ).ended;
    assert.equal(code, 2);
    assert.match(stdout, / +context +admin\n/);
    assert.ok(stdout.includes(cluster.controlPlane.server));
    assert.match(stdout, / +namespace +unconfirmed, created, and deleted at the end\n/);
    assert.match(stderr, /nothing was done.+--yes/);
    await assertNoNamespace('unconfirmed');
  });

  it('leaves an existing namespace alone', async (context) => {
    const { stderr, code } = await start(
      context,
      ...['--image', `${second.host}/shop/payments:1.0`, '--pull-secret', 'registries/second'],
      ...['--namespace', 'registries', '--yes'],
    ).ended;
    assert.equal(code, 2);
    assert.match(stderr, /the namespace "registries" exists/);
    const { metadata } = await cluster.client.get(NAMESPACES, { namespace: undefined, name: 'registries' });
    assert.equal(metadata.deletionTimestamp, undefined);
  });

  it('creates nothing if a Secret does not exist', async (context) => {
    const { stderr, code } = await start(
      context,
      ...['--image', `${second.host}/shop/payments:1.0`, '--pull-secret', 'registries/none'],
      ...['--namespace', 'none', '--yes'],
    ).ended;
    assert.equal(code, 2);
    assert.match(stderr, /the Secret registries\/none does not exist; create it/);
    await assertNoNamespace('none');
  });
});

/** The steps of the output, each with its time and all that it prints. */
function stepsIn(stdout: string): readonly string[] {
  return stdout.split(/^(?=\d{4}-\S+Z {2}\d\. )/m).slice(1);
}

function loginOf(password: string): string {
  return Buffer.from(`${USER}:${password}`).toString('base64');
}

function pullSecret(name: string, { host }: Registry, password: string): object {
  const config = JSON.stringify({ auths: { [host]: { auth: loginOf(password) } } });
  return {
    ...{ apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/dockerconfigjson' },
    metadata: { name, namespace: 'registries' },
    stringData: { '.dockerconfigjson': config },
  };
}

/** A shell command that makes this process do something, and waits for it. */
async function onRequest(context: TestContext, act: () => Promise<void>): Promise<string> {
  const server = createServer((_request, response) => {
    void act().then(() => response.end());
  });
  context.after(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return `exec '${process.execPath}' -e 'fetch("http://127.0.0.1:${port}").then((reply) => process.exit(reply.ok ? 0 : 1))'`;
}
