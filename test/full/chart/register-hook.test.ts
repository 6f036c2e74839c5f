import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { CHART } from '../../../hack/root.ts';
import { makeCertificate } from '../../../hack/testenv/certificate.ts';
import { CONTROLLER_USER, RELEASE } from '../../../hack/testenv/controller.ts';
import { BINDING_ANNOTATION } from '../../../src/api/names.ts';
import { issueAuthority, issueServing } from '../../../src/certificate/issue.ts';
import { splitCertificates } from '../../../src/certificate/key-pair.ts';
import type { RawScan } from '../../../src/scan/raw-scan.ts';
import { CertificateFolder, createScan, secretOf } from '../../support/cluster/admission.ts';
import { Cluster, type TestNamespace } from '../../support/cluster/cluster.ts';
import { runCommand } from '../../support/cluster/command.ts';
import {
  AdmissionRelease,
  HOOK,
  OFF_HOOK,
  type Replica,
  WEBHOOK,
  WEBHOOK_HOST,
} from '../../support/cluster/registration.ts';
import { refused, rightsGiven, rightsUsed } from '../../support/cluster/rights.ts';
import { ServiceNetwork } from '../../support/cluster/service-network.ts';
import { until } from '../../support/until.ts';

const AUTHS = { 'reg.example': { auth: btoa('user:pass') } };
const HOOK_USER = `system:serviceaccount:${RELEASE}:${HOOK}`;
const DAY = 86_400_000;

const isBound = (scan: RawScan) => secretOf(scan) !== undefined;

async function ten<T>(create: () => Promise<T>): Promise<readonly T[]> {
  return Promise.all(Array.from({ length: 10 }, create));
}

async function assertBound(scans: readonly RawScan[], release: AdmissionRelease): Promise<void> {
  assert.equal(scans.filter(isBound).length, scans.length, await release.failedCalls());
}

async function loaded(replica: Replica, times: number): Promise<void> {
  await until(
    async () => ((await replica.log()).match(/admission certificate loaded/g)?.length ?? 0) >= times,
    'the certificate to be loaded',
    30,
  );
}

describe('the webhook that the chart registers', () => {
  let network: ServiceNetwork;
  let cluster: Cluster;
  let release: AdmissionRelease;
  let namespace: TestNamespace;
  let replicas: readonly Replica[] = [];

  before(async () => {
    cluster = await Cluster.start({ services: true });
    network = await ServiceNetwork.start(cluster.controlPlane);
    release = await AdmissionRelease.of(cluster);
    namespace = await cluster.namespace();
    await namespace.pullSecret('pull', AUTHS);
    await namespace.binding('app');
  });
  after(async () => {
    try {
      await network?.[Symbol.asyncDispose]();
    } finally {
      await cluster?.[Symbol.asyncDispose]();
    }
  });

  async function scan(spec: object = {}): Promise<RawScan> {
    return createScan(cluster, namespace.name, { spec });
  }
  async function upgrade(): Promise<string> {
    return release.registering(() => release.upgrade({}));
  }

  it('is trusted by API servers after helm upgrade, with exactly the rights that the Job needs', async () => {
    let given: readonly string[] = [];
    const printed = await release.registering(
      () => release.upgrade({}),
      async () => {
        given = await rightsGiven(cluster.controlPlane, RELEASE, [`role/${HOOK}`, `clusterrole/${HOOK}`]);
      },
    );
    assert.equal(
      printed,
      `created an authority; wrote its certificate into MutatingWebhookConfiguration ${RELEASE}\n`,
    );
    const requests = (await cluster.controlPlane.auditEvents()).filter(
      ({ user }) => user.username === HOOK_USER,
    );
    assert.deepEqual(refused(requests), []);
    assert.deepEqual([...rightsUsed(requests)].sort(), [...given].sort());
    assert.deepEqual(await release.rightsOfJob(), []);
    assert.equal(await release.get('job', HOOK), undefined);
    assert.equal(await release.trusted(), (await release.content()).authority.certificate);
  });

  it('is called through its Service for a Scan, and API servers verify its certificate', async () => {
    replicas = [
      await release.startReplica(),
      await release.startReplica({ keepLease: true, until: 'following' }),
    ];
    network.targets = replicas.map(({ port }) => port);
    await namespace.condition('app', 'Ready', 'True Ready');
    assert.ok(isBound(await scan()));
    await release.addEndpoint();
    assert.match(
      (await release.check(namespace.name)).stdout,
      /^ok +admission +API servers call the webhook for Scans; its authority is valid until 20/m,
    );
    const own = (await cluster.controlPlane.auditEvents()).filter(
      ({ user, objectRef }) =>
        user.username === CONTROLLER_USER && objectRef?.resource === 'mutatingwebhookconfigurations',
    );
    assert.equal(own.length, 0);
  });

  it('is called for the configured scan types alone, as --scan-types means them', async () => {
    const types = [
      'trivy-image',
      'trivy-image-autodiscovery',
      'trivy-sbom-image',
      'nmap',
      'a-trivy-image',
      '',
    ];
    const scans = types.map((scanType) => scan({ scanType }));
    assert.deepEqual((await Promise.all(scans)).map(isBound), [true, true, true, false, false, false]);
  });

  it('is called in the configured namespaces and for the configured scan types, of which check tries one', async () => {
    const settings = { namespaces: [namespace.name], config: { scanTypes: ['trivy-sbom-image*'] } };
    const inherited = { metadata: { annotations: { [BINDING_ANNOTATION]: 'parent' } } };
    /** Whether the webhook has removed what a Scan without a binding has inherited. */
    const isCalled = async (where: string, scanType: string) => {
      const spec = { scanType, parameters: ['reg.example/other:1.0'] };
      const { metadata } = await createScan(cluster, where, { ...inherited, spec });
      return metadata.annotations?.[BINDING_ANNOTATION] === undefined;
    };
    await release.registering(() => release.upgrade({}, settings));
    await until(async () => !(await isCalled('default', 'trivy-sbom-image')), 'the API server to know it');
    assert.equal(await isCalled(namespace.name, 'trivy-sbom-image'), true);
    assert.equal(await isCalled(namespace.name, 'trivy-image'), false);
    assert.match((await release.check(namespace.name)).stdout, /^ok +admission +API servers call/m);
    assert.doesNotMatch((await release.check('default')).stdout, / admission /);
    await upgrade();
    await until(async () => isBound(await scan()), 'the API server to know it');
  });

  it('is not confused with a webhook of another program, which register-webhook leaves alone', async () => {
    const { webhooks = [] } = await release.configuration();
    const service = { name: 'other', namespace: RELEASE, path: '/', port: 443 };
    const other = {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: 'other' },
      webhooks: webhooks.map((webhook) => ({ ...webhook, rules: [], clientConfig: { service } })),
    };
    await cluster.controlPlane.kubectl(['apply', '-f', '-'], { input: JSON.stringify(other) });
    const names = ['--namespace', RELEASE, '--secret', WEBHOOK, '--configuration', 'other'];
    const { code, stderr } = await runCommand(cluster.controlPlane, ['register-webhook', ...names]);
    assert.equal(code, 2);
    assert.ok(stderr.includes(`that calls the Service ${WEBHOOK_HOST}, found none`), stderr);
    const { stdout } = await cluster.controlPlane.kubectl([
      ...['get', 'mutatingwebhookconfiguration', 'other', '--output=jsonpath={..caBundle}'],
    ]);
    assert.equal(stdout, '');
    await cluster.controlPlane.kubectl(['delete', 'mutatingwebhookconfiguration', 'other']);
  });

  it('keeps its certificates over helm upgrade, helm rollback, and an apply of the rendered chart', async () => {
    const { data } = await release.secret();
    const caBundle = await release.trusted();
    const unchanged = `kept the authority; its certificate already is in MutatingWebhookConfiguration ${RELEASE}\n`;
    assert.equal(await upgrade(), unchanged);
    assert.equal(await release.registering(() => release.helm(['rollback', RELEASE])), unchanged);
    const render = () =>
      release.helm(['template', RELEASE, CHART, '--no-hooks', '--kube-version=1.31.0', '--values', '-'], {
        admission: { enabled: true },
      });
    const { stdout: rendered } = await render();
    assert.equal((await render()).stdout, rendered);
    for (const flags of [[], ['--server-side', '--force-conflicts', '--field-manager=argocd-controller']])
      await cluster.controlPlane.kubectl(['apply', ...flags, '--namespace', RELEASE, '--filename', '-'], {
        input: rendered,
      });
    assert.deepEqual((await release.secret()).data, data);
    assert.equal(await release.trusted(), caBundle);
    assert.ok(isBound(await scan()));
  });

  describe('with certificates of the controller', () => {
    /**
     * Creates 10 Scans at once, again and again, until `work` is done, and at least this number. Then 10 more, for which the API
     * server has to open new connections. Asserts that all of them were bound when they were created.
     */
    async function assertBoundWhile(work: () => Promise<unknown>, least: number): Promise<void> {
      const scans: RawScan[] = [];
      let isDone = false;
      const working = work().finally(() => {
        isDone = true;
      });
      while (!isDone || scans.length < least) {
        scans.push(...(await ten(() => scan())));
        await delay(200);
      }
      await working;
      await assertBound(scans, release);
      // No request is under way. The API server has to notice that its connections are closed.
      network.cut();
      await delay(3_000);
      await assertBound(await ten(() => scan()), release);
    }

    it('is called for all of 200 Scans while the leader renews the certificate', async () => {
      const { authority, previous } = await release.content();
      // 20 days remain.
      const due = await issueServing(authority, WEBHOOK_HOST, Date.now() - 70 * DAY);
      await assertBoundWhile(async () => {
        await release.putContent({ authority, previous, serving: due });
        await until(
          async () => (await release.content()).serving.certificate !== due.certificate,
          'the certificate to be renewed',
          30,
        );
        const { serving } = await release.content();
        assert.notEqual(serving.certificate, due.certificate);
        await delay(6_000);
      }, 200);
      const renewals = await Promise.all(
        replicas.map(
          async (replica) => (await replica.log()).match(/admission certificate renewed/g)?.length,
        ),
      );
      assert.deepEqual(renewals, [1, undefined]);
      for (const replica of replicas) await loaded(replica, 2);
    });

    it('is called for all Scans while helm upgrade replaces an old authority', async () => {
      const long = Date.now() - 1_900 * DAY;
      const old = await issueAuthority(long);
      const serving = await issueServing(old, WEBHOOK_HOST, Date.now());
      await release.putContent({ authority: old, previous: [], serving });
      await upgrade();
      // The upgrade has replaced this authority at once. From here, replicas serve with the next one.
      const { authority, previous } = await release.content();
      assert.deepEqual(previous, [old.certificate]);
      assert.deepEqual(splitCertificates(await release.trusted()), [authority.certificate, old.certificate]);
      await until(async () => isBound(await scan()), 'the replicas to serve with the new authority', 30);
      await assertBoundWhile(async () => {
        await release.putContent({ authority: old, previous: [], serving });
        await delay(6_000);
        await upgrade();
        await delay(6_000);
      }, 50);
    });

    it('is repaired by helm upgrade after a user has emptied or deleted the Secret', async () => {
      await release.putData({});
      await until(
        async () => (await release.secret()).data?.['tls.crt'],
        'a replica to create new certificates',
        30,
      );
      await until(async () => {
        // A connection that was opened before a replica has loaded the new certificate stays trusted.
        network.cut();
        const { code, stdout } = await release.check(namespace.name);
        return code === 1 && /^missing +admission +.+the webhook did not answer for a Scan/m.test(stdout);
      }, 'check to report that API servers do not trust the certificate');
      assert.equal(
        await upgrade(),
        `kept the authority; wrote its certificate into MutatingWebhookConfiguration ${RELEASE}\n`,
      );
      await until(async () => isBound(await scan()), 'the API server to trust the new authority', 30);
      await cluster.controlPlane.kubectl(['delete', 'secret', WEBHOOK, '--namespace', RELEASE]);
      const [replica] = replicas;
      assert.ok(replica !== undefined);
      await until(
        async () => (await replica.log()).includes(`expected the Secret ${RELEASE}/${WEBHOOK}`),
        'the replica to report the missing Secret',
        30,
      );
      assert.ok(isBound(await scan()), 'the replicas serve with the last certificate');
      assert.match(await upgrade(), /authority; wrote/);
      await until(async () => isBound(await scan()), 'the replicas to serve with the new certificate', 30);
    });

    it('leaves no rights behind if the Job fails, and no key in any message', async () => {
      const user = `request.userInfo.username.startsWith('system:serviceaccount:${RELEASE}:')`;
      const matched = {
        apiGroups: [''],
        apiVersions: ['v1'],
        operations: ['UPDATE'],
        resources: ['secrets'],
      };
      const policy = {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingAdmissionPolicy',
        metadata: { name: 'quote' },
        spec: {
          failurePolicy: 'Fail',
          matchConstraints: { resourceRules: [matched] },
          matchConditions: [{ name: 'release', expression: user }],
          validations: [{ expression: 'false', messageExpression: "'found ' + object.data['ca.key']" }],
        },
      };
      const binding = {
        ...policy,
        kind: 'ValidatingAdmissionPolicyBinding',
        spec: { policyName: 'quote', validationActions: ['Deny'] },
      };
      for (const object of [policy, binding])
        await cluster.controlPlane.kubectl(['apply', '-f', '-'], { input: JSON.stringify(object) });
      const logs = async () => (await Promise.all(replicas.map((replica) => replica.log()))).join('');
      const failure = `updating Secret ${RELEASE}/${WEBHOOK} failed: Invalid (422)`;
      await until(async () => {
        await release.putData({});
        await delay(6_000);
        return (await logs()).includes(failure);
      }, 'the policy to refuse the update');
      const stderr = await release.failing(() => release.upgrade({}));
      assert.ok(stderr.includes(failure), stderr);
      for (const text of [stderr, await logs()]) assert.doesNotMatch(text, /PRIVATE KEY|LS0tLS1CRUdJTi/);
      assert.deepEqual(await release.rightsOfJob(), []);
      assert.ok((await release.get('job', HOOK)) !== undefined, 'its log can be read');
      await cluster.controlPlane.kubectl(['delete', 'validatingadmissionpolicybinding', 'quote']);
      // The back-off is as long as the failure was.
      await until(async () => (await release.secret()).data?.['tls.crt'], 'the replicas to create it', 60);
      await upgrade();
      await until(async () => isBound(await scan()), 'the replicas to serve with the new certificate', 30);
    });
  });

  /** Switches to certificates of the user. Returns the folder that the Secret is mounted to. */
  async function ownCertificate(options: { readonly expired?: boolean } = {}): Promise<CertificateFolder> {
    const made = await makeCertificate(cluster.controlPlane.group, [WEBHOOK_HOST], options);
    const certificates = { source: 'secret', secret: { name: 'own', caBundle: made.ca } };
    const { code, stderr } = await release.upgrade({ certificates });
    assert.equal(code, 0, stderr);
    const folder = await CertificateFolder.create(cluster, 'own');
    await folder.put(made);
    return folder;
  }

  it('lets a Scan pass within its time-out if the certificate has expired', async () => {
    for (const replica of replicas) await replica.process.stop();
    const folder = await ownCertificate({ expired: true });
    assert.equal(await release.get('secret', WEBHOOK), undefined);
    const flags = ['--admission-cert-dir', folder.path];
    const replica = await release.startReplica({ until: 'serving' }, flags);
    network.targets = [replica.port];
    await until(
      async () => (await (await fetch(`${replica.url}/readyz`)).text()).includes('has expired'),
      'the probe to report it',
    );
    const begun = performance.now();
    const passed = await scan();
    assert.ok(performance.now() - begun < 3_000);
    assert.equal(isBound(passed), false);
    const valid = await makeCertificate(cluster.controlPlane.group, [WEBHOOK_HOST]);
    await folder.put(valid);
    await release.upgrade({
      certificates: { source: 'secret', secret: { name: 'own', caBundle: valid.ca } },
    });
    await until(
      async () => isBound(await scan()) || Promise.reject(new Error(await release.failedCalls())),
      'the next certificate to be loaded',
      60,
    );
    await replica.process.stop();
  });

  it('leaves nothing behind when it is switched off', async () => {
    const printed = await release.withHook(OFF_HOOK, () => release.upgrade({ enabled: false }));
    assert.equal(printed, `deleted MutatingWebhookConfiguration ${RELEASE}; resumed 0 held Scans\n`);
    for (const kind of ['service', 'secret']) assert.equal(await release.get(kind, WEBHOOK), undefined);
    assert.equal(await release.get('mutatingwebhookconfiguration', RELEASE), undefined);
    const missing = await runCommand(cluster.controlPlane, [
      ...['register-webhook', '--namespace', RELEASE, '--secret', WEBHOOK, '--configuration', RELEASE],
    ]);
    assert.equal(missing.code, 2);
    assert.match(missing.stderr, /expected the Secret .+ found none; run helm upgrade/);
  });
});
