import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { RunningController } from '../../../hack/testenv/controller.ts';
import { builtProgram } from '../../../hack/testenv/program.ts';
import {
  Cluster,
  SCHEDULED_SCANS,
  SECRETS,
  type Secret,
  secretNameOf,
  settled,
  type TestNamespace,
} from '../../support/cluster/cluster.ts';
import { until } from '../../support/until.ts';

const AUTHS = { 'reg.example': { auth: btoa('user:pass') } };

describe('the controller under adverse conditions', () => {
  let cluster: Cluster;
  let controller: RunningController;

  before(async () => {
    // An API server that has just started does not know the Roles for a moment.
    cluster = await Cluster.start({ lacksRights: true });
    controller = await cluster.startController('--unused-secret-grace', '1s');
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  /** Creates a namespace with a pull secret, a scan and a binding. */
  async function bound(): Promise<{ namespace: TestNamespace; secretName: string }> {
    const namespace = await cluster.namespace();
    await namespace.pullSecret('pull', AUTHS);
    await namespace.scan('scan');
    await namespace.binding('app');
    const { secretName } = await namespace.bound('scan');
    return { namespace, secretName };
  }

  async function apply(...objects: readonly object[]): Promise<void> {
    const input = objects.map((object) => JSON.stringify(object)).join('\n');
    await cluster.controlPlane.kubectl(['apply', '--filename', '-'], { input });
  }

  it('deletes the copy of a login after the grace period if its owner removes the login from the pull secret', async () => {
    const { namespace, secretName } = await bound();
    await namespace.pullSecret('pull', { 'another.example': { auth: btoa('user:pass') } });
    await until(
      async () => (await namespace.get(SECRETS, secretName)) === undefined,
      'the copy to be deleted',
    );
    // The scan stays bound. It gets the credential again when the owner restores the login.
    await namespace.pullSecret('pull', AUTHS);
    await until(
      async () => (await namespace.get(SECRETS, secretName)) !== undefined,
      'the copy to be created again',
    );
    assert.equal((await namespace.bound('scan')).secretName, secretName);
  });

  it('binds the other scans if a policy refuses one, names that one, and binds it once the policy is gone', async () => {
    const namespace = await cluster.namespace();
    await apply(
      {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingAdmissionPolicy',
        metadata: { name: 'refuse' },
        spec: {
          matchConstraints: {
            resourceRules: [
              {
                apiGroups: ['execution.securecodebox.io'],
                apiVersions: ['v1'],
                operations: ['UPDATE'],
                resources: ['scheduledscans'],
              },
            ],
          },
          validations: [
            { expression: 'object.metadata.name != "refused"', message: 'a text that must not be reported' },
          ],
        },
      },
      {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingAdmissionPolicyBinding',
        metadata: { name: 'refuse' },
        spec: { policyName: 'refuse', validationActions: ['Deny'] },
      },
    );
    await namespace.scan('refused');
    await until(async () => {
      await namespace
        .put(SCHEDULED_SCANS, (await namespace.rawScan('refused')) as never)
        .catch((error: Error) => {
          if (!error.message.includes('must not be reported')) throw error;
        });
      const denied = (await cluster.controlPlane.auditEvents()).some(
        ({ objectRef, responseStatus }) => objectRef?.name === 'refused' && responseStatus?.code === 422,
      );
      return denied;
    }, 'the policy to take effect');
    await namespace.pullSecret('pull', AUTHS);
    for (let index = 0; index < 20; index += 1) await namespace.scan(`scan-${index}`);
    await namespace.binding('app');
    const { status } = await namespace.condition('app', 'Ready', 'False ScanUpdateFailed');
    assert.deepEqual({ ...status?.scans, names: [] }, { matched: 21, bound: 20, failing: 1, names: [] });
    assert.equal(status?.scans?.names?.[0]?.name, 'refused');
    assert.doesNotMatch(JSON.stringify(status), /must not be reported/);
    await until(async () => failsUnderItsId(await controller.log()), 'the log to report a failed reconcile');
    await cluster.controlPlane.kubectl(['delete', 'validatingadmissionpolicybinding', 'refuse']);
    await cluster.controlPlane.kubectl(['delete', 'validatingadmissionpolicy', 'refuse']);
    await namespace.condition('app', 'Ready', 'True Ready');
  });

  it('reports that a policy changes its Secret, and stops rewriting it at full speed', async () => {
    await apply(
      {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'MutatingAdmissionPolicy',
        metadata: { name: 'mark' },
        spec: {
          matchConstraints: {
            resourceRules: [
              {
                apiGroups: [''],
                apiVersions: ['v1'],
                operations: ['CREATE', 'UPDATE'],
                resources: ['secrets'],
              },
            ],
          },
          matchConditions: [{ name: 'ours', expression: 'object.metadata.name.startsWith("trivy-marked-")' }],
          failurePolicy: 'Fail',
          reinvocationPolicy: 'Never',
          mutations: [
            {
              patchType: 'ApplyConfiguration',
              applyConfiguration: { expression: 'Object{data: {"extra": "eA=="}}' },
            },
          ],
        },
      },
      {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'MutatingAdmissionPolicyBinding',
        metadata: { name: 'mark' },
        spec: { policyName: 'mark' },
      },
    );
    const namespace = await cluster.namespace();
    await until(async () => {
      await namespace.put(SECRETS, { metadata: { name: 'trivy-marked-probe' }, type: 'Opaque', data: {} });
      return (await namespace.get<Secret>(SECRETS, 'trivy-marked-probe'))?.data?.['extra'] !== undefined;
    }, 'the policy to take effect');
    await namespace.pullSecret('marked', AUTHS);
    await namespace.scan('scan');
    await namespace.binding('app', { imagePullSecrets: [{ name: 'marked' }] });
    const { status } = await namespace.condition('app', 'Ready', 'False TrivySecretFailed');
    assert.match(JSON.stringify(status?.conditions), /a policy or webhook changes it/);
    const writes = async () =>
      (await cluster.writesOfController()).filter(({ objectRef }) => objectRef?.namespace === namespace.name)
        .length;
    const early = await writes();
    const begun = performance.now();
    await until(() => performance.now() - begun > 2000, 'two seconds to pass');
    assert.ok((await writes()) - early < 12, `${(await writes()) - early} writes in 2 s`);
    await cluster.controlPlane.kubectl(['delete', 'mutatingadmissionpolicybinding', 'mark']);
    await cluster.controlPlane.kubectl(['delete', 'mutatingadmissionpolicy', 'mark']);
    await namespace.condition('app', 'Ready', 'True Ready');
  });

  it('recreates its Secret if another client made it immutable', async () => {
    const { namespace, secretName } = await bound();
    await cluster.controlPlane.kubectl([
      'patch',
      'secret',
      secretName,
      '--namespace',
      namespace.name,
      '--patch',
      '{"immutable":true}',
    ]);
    await until(
      async () =>
        (await namespace.get<Secret & { immutable?: boolean }>(SECRETS, secretName))?.immutable === undefined,
      'the Secret to be recreated',
    );
    await namespace.pullSecret('pull', { 'reg.example': { auth: btoa('user:new') } });
    await until(
      async () => JSON.stringify(await namespace.trivyConfig(secretName))?.includes(btoa('user:new')),
      'the new password',
    );
  });

  it('reports a scan once if the mount path is taken by another volume', async () => {
    const namespace = await cluster.namespace();
    const volumeMounts = [{ name: 'theirs', mountPath: '/var/run/secrets/image-credential-binding' }];
    await namespace.pullSecret('pull', AUTHS);
    await namespace.scan('scan', undefined, {
      scanSpec: { volumes: [{ name: 'theirs', emptyDir: {} }], volumeMounts },
    });
    await namespace.binding('app');
    const { status } = await namespace.condition('app', 'Ready', 'False MountPathTaken');
    assert.match(JSON.stringify(status?.conditions), /Mount that volume at another path/);
    await settled(cluster);
    const from = (await cluster.controlPlane.auditEvents()).length;
    for (const label of ['one', 'two', 'three']) {
      await cluster.controlPlane.kubectl([
        'label',
        'scheduledscan',
        'scan',
        `note=${label}`,
        '--overwrite',
        '--namespace',
        namespace.name,
      ]);
    }
    await namespace.scan('other');
    await namespace.bound('other');
    const writes = (await cluster.writesOfController(from)).map(
      ({ verb, objectRef }) => `${verb} ${objectRef?.resource}`,
    );
    assert.deepEqual(
      writes.filter((write) => write === 'create events' || write.startsWith('patch')).length <= 2,
      true,
      writes.join(),
    );
    assert.equal(writes.filter((write) => write === 'update scheduledscans').length, 1);
  });

  it('backs off from a client that reverts its writes, and binds the scan in the end', async () => {
    const { namespace } = await bound();
    const { spec } = await namespace.rawScan('scan');
    const bare = JSON.stringify({ spec: { scanSpec: { volumes: [] } } });
    const place = { namespace: namespace.name, name: 'scan' };
    await settled(cluster);
    const from = (await cluster.controlPlane.auditEvents()).length;
    const begun = performance.now();
    while (performance.now() - begun < 3000) {
      if (secretNameOf(await namespace.rawScan('scan')) !== undefined) {
        await cluster.client.patch(SCHEDULED_SCANS, place, JSON.parse(bare) as object);
      }
    }
    const updates = (await cluster.writesOfController(from)).filter(({ verb }) => verb === 'update').length;
    assert.ok(updates >= 3 && updates <= 12, `${updates} updates in 3 s`);
    await namespace.bound('scan');
    assert.deepEqual((await namespace.rawScan('scan')).spec.scanSpec.volumes, spec.scanSpec.volumes);
  });

  it('deletes its Secret when another entry is chosen and no scan mounts it', async () => {
    const namespace = await cluster.namespace();
    await namespace.pullSecret('second', AUTHS);
    await namespace.binding('app', { imagePullSecrets: [{ name: 'first' }, { name: 'second' }] });
    const { status } = await namespace.condition('app', 'Ready', 'True Ready');
    const before_ = status?.trivySecret?.name ?? '';
    await namespace.pullSecret('first', AUTHS);
    await until(
      async () => (await namespace.get(SECRETS, before_)) === undefined,
      'the Secret of the previous entry to be deleted',
    );
  });

  it('keeps its Secret while a run mounts it, and deletes it afterwards', async () => {
    const { namespace, secretName } = await bound();
    const { spec } = await namespace.rawScan('scan');
    const scans = { ...SCHEDULED_SCANS, plural: 'scans', kind: 'Scan' };
    await namespace.put(scans, { metadata: { name: 'run' }, spec: { ...spec.scanSpec } });
    await namespace.delete(SCHEDULED_SCANS, 'scan');
    await namespace.delete(
      {
        ...SCHEDULED_SCANS,
        group: 'credentials.securecodebox.io',
        version: 'v1alpha1',
        plural: 'imagecredentialbindings',
        kind: 'ImageCredentialBinding',
      },
      'app',
    );
    const marked = await until(async () => {
      const secret = await namespace.get(SECRETS, secretName);
      return secret?.metadata.annotations?.['credentials.securecodebox.io/unused-since'];
    }, 'the Secret to be marked as unused');
    await until(() => Date.now() - Date.parse(marked) > 1500, 'the grace period to pass');
    assert.notEqual(await namespace.get(SECRETS, secretName), undefined);
    await cluster.controlPlane.kubectl([
      'patch',
      'scan',
      'run',
      '--namespace',
      namespace.name,
      '--subresource=status',
      '--type=merge',
      '--patch',
      '{"status":{"state":"Done"}}',
    ]);
    await until(
      async () => (await namespace.get(SECRETS, secretName)) === undefined,
      'the Secret to be deleted',
    );
  });

  it('continues after an outage of the API server', async () => {
    const { namespace, secretName } = await bound();
    await cluster.controlPlane.restartApiServer();
    await until(async () => {
      await namespace.pullSecret('pull', { 'reg.example': { auth: btoa('user:after') } });
      return true;
    }, 'the API server to accept a write');
    await until(
      async () => JSON.stringify(await namespace.trivyConfig(secretName))?.includes(btoa('user:after')),
      'the new password',
      90,
    );
    assert.equal(secretNameOf(await namespace.rawScan('scan')), secretName);
  });

  it('exits with 0 on SIGTERM before it has reached the API server', async () => {
    const kubeconfig = join(cluster.controlPlane.directory, 'nowhere.kubeconfig');
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
      users: [{ name: 'u', user: { token: 't' } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    };
    await writeFile(kubeconfig, JSON.stringify(config));
    const child = await cluster.controlPlane.group.spawn(
      'nowhere',
      process.execPath,
      [await builtProgram(), 'controller', '--serve', '127.0.0.1:0'],
      {
        env: { KUBECONFIG: kubeconfig },
        graceMilliseconds: 10_000,
      },
    );
    const log = await until(async () => {
      const text = await child.logTail(100);
      return text.includes('trying again') && text;
    }, 'a failed attempt to reach the API server');
    const port = /"port":(\d+)/.exec(log)?.[1];
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
    assert.equal(ready.status, 503);
    assert.match(await ready.text(), /waiting for the list of imagecredentialbindings/);
    assert.deepEqual(await child.stop(), { code: 0, signal: null });
  });

  /** Whether the log line of a failed reconcile has the same reconcile ID as the writes before it. */
  function failsUnderItsId(log: string): boolean {
    const lines = log
      .split('\n')
      .filter((line) => line.endsWith('}'))
      .map((line) => JSON.parse(line) as { readonly msg: string; readonly reconcile?: string });
    const failed = lines.find(({ msg }) => msg === 'reconcile failed, trying again');
    return (
      failed?.reconcile !== undefined &&
      lines.some(({ msg, reconcile }) => msg === 'scheduled scan written' && reconcile === failed.reconcile)
    );
  }

  it('writes no password to its log', async () => {
    assert.doesNotMatch(
      await controller.log(),
      new RegExp(['pass', 'new', 'after'].map((word) => `user:${word}|${btoa(`user:${word}`)}`).join('|')),
    );
  });
});
