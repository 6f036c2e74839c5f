import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  CONTROLLER_USER,
  type RunningController,
  startController,
} from '../../../hack/testenv/controller.ts';
import { imageCredentialBindings, MANAGED_BY, MANAGED_BY_LABEL } from '../../../src/api/index.ts';
import {
  Cluster,
  SCHEDULED_SCANS,
  SECRETS,
  type Secret,
  secretNameOf,
  settled,
} from '../../support/cluster/cluster.ts';
import { until } from '../../support/until.ts';

const AUTHS = { 'reg.example': { auth: btoa('user:pass') } };
const BASIC_AUTH = 'kubernetes.io/basic-auth';
const UNUSED_SINCE = 'credentials.securecodebox.io/unused-since';
const BINDING_ANNOTATION = 'credentials.securecodebox.io/binding';

describe('the controller on a real API server', () => {
  let cluster: Cluster;
  let controller: RunningController;

  before(async () => {
    cluster = await Cluster.start();
    controller = await cluster.startController('--unused-secret-grace', '2s');
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  it('creates the Trivy Secret, binds the scan and reports both', async () => {
    const namespace = await cluster.namespace();
    await namespace.pullSecret('pull', AUTHS);
    await namespace.scan('scan', ['--severity', 'HIGH', 'reg.example/app:1.0'], {
      scanSpec: { env: [{ name: 'A', value: 'theirs' }] },
      metadata: { annotations: { 'example.org/note': 'theirs' } },
    });
    await namespace.binding('app');
    const { status } = await namespace.condition('app', 'Ready', 'True Ready');
    const { scan, secretName } = await namespace.bound('scan');
    assert.deepEqual(await namespace.trivyConfig(secretName), { auths: AUTHS });
    assert.equal(status?.trivySecret?.name, secretName);
    assert.deepEqual(status?.scans, { matched: 1, bound: 1, failing: 0, names: [{ name: 'scan' }] });
    assert.deepEqual(scan.spec.scanSpec.env?.[0], { name: 'A', value: 'theirs' });
    assert.equal(scan.metadata.annotations?.['example.org/note'], 'theirs');
    assert.equal(scan.metadata.annotations?.[BINDING_ANNOTATION], 'app');
    const { stdout } = await cluster.controlPlane.kubectl(['get', 'icb', '--namespace', namespace.name]);
    assert.match(
      stdout,
      /NAME\s+IMAGE\s+PLATFORM\s+SECRET\s+SCANS\s+READY\s+AGE\napp\s+reg\.example\/app\s+Generic\s+pull\s+1\s+True/,
    );
    const events = await cluster.controlPlane.kubectl([
      'events',
      '--for',
      'icb/app',
      '--namespace',
      namespace.name,
    ]);
    assert.match(events.stdout, /Normal\s+Ready\s+ImageCredentialBinding\/app/);
  });

  it('restores the original scan when the binding is deleted, and deletes the Trivy Secret later', async () => {
    const namespace = await cluster.namespace();
    await namespace.pullSecret('pull', AUTHS);
    await namespace.scan('scan', undefined, { scanSpec: { volumes: [{ name: 'cache', emptyDir: {} }] } });
    const { spec, metadata } = await namespace.rawScan('scan');
    await namespace.binding('app');
    const { secretName } = await namespace.bound('scan');
    await namespace.delete(imageCredentialBindings, 'app');
    const after = await until(async () => {
      const scan = await namespace.rawScan('scan');
      return secretNameOf(scan) === undefined && scan;
    }, 'the scan to be unbound');
    assert.equal(JSON.stringify(after.spec), JSON.stringify(spec));
    assert.deepEqual(after.metadata.annotations, metadata.annotations);
    await until(
      async () => (await namespace.get(SECRETS, secretName)) === undefined,
      'the Trivy Secret to be deleted',
    );
  });

  describe('with the Secrets of a binding', () => {
    it('writes one Secret and no scan when the password changes', async () => {
      const namespace = await cluster.namespace();
      await namespace.pullSecret('pull', AUTHS);
      await namespace.scan('scan');
      await namespace.binding('app');
      await namespace.condition('app', 'Ready', 'True Ready');
      const { secretName } = await namespace.bound('scan');
      await settled(cluster);
      const from = (await cluster.controlPlane.auditEvents()).length;
      await namespace.pullSecret('pull', { 'reg.example': { auth: btoa('user:new') } });
      await until(
        async () => JSON.stringify(await namespace.trivyConfig(secretName)).includes(btoa('user:new')),
        'the new password in the Trivy Secret',
      );
      const secret = await namespace.get<Secret>(SECRETS, secretName);
      assert.match(secret?.metadata.annotations?.['credentials.securecodebox.io/rotated'] ?? '', /^\d{4}-/);
      await settled(cluster);
      const writes = (await cluster.writesOfController(from)).map(
        ({ verb, objectRef }) => `${verb} ${objectRef?.resource}`,
      );
      assert.deepEqual(writes, ['update secrets']);
    });

    it('writes a Secret that two bindings share only once when the password changes', async () => {
      const namespace = await cluster.namespace();
      await namespace.pullSecret('pull', AUTHS);
      for (const name of ['one', 'two']) {
        await namespace.scan(name, [`reg.example/${name}:1.0`]);
        await namespace.binding(name, { image: `reg.example/${name}` });
      }
      const { secretName } = await namespace.bound('one');
      assert.equal((await namespace.bound('two')).secretName, secretName);
      await settled(cluster);
      const from = (await cluster.controlPlane.auditEvents()).length;
      await namespace.pullSecret('pull', { 'reg.example': { auth: btoa('user:new') } });
      await until(
        async () => JSON.stringify(await namespace.trivyConfig(secretName)).includes(btoa('user:new')),
        'the new password',
      );
      await settled(cluster);
      assert.equal((await cluster.writesOfController(from)).length, 1);
    });

    it('restores the label of a Trivy Secret from which another client removed it', async () => {
      const namespace = await cluster.namespace();
      await namespace.pullSecret('pull', AUTHS);
      await namespace.scan('scan');
      await namespace.binding('app');
      const { secretName } = await namespace.bound('scan');
      await cluster.controlPlane.kubectl([
        'label',
        'secret',
        secretName,
        `${MANAGED_BY_LABEL}-`,
        '--namespace',
        namespace.name,
      ]);
      await until(async () => {
        const secret = await namespace.get(SECRETS, secretName);
        return secret?.metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY;
      }, 'the label to be back');
      await namespace.condition('app', 'Ready', 'True Ready');
    });

    it('reports a Secret that is missing, of a wrong type or malformed, and recovers within a second once it is fixed', async () => {
      const namespace = await cluster.namespace();
      await namespace.scan('scan');
      await namespace.binding('app');
      await namespace.condition('app', 'Ready', 'False SecretNotFound');
      await namespace.put(SECRETS, { metadata: { name: 'pull' }, type: 'Opaque', data: {} });
      await namespace.condition('app', 'Ready', 'False NotAnnotated');
      await namespace.delete(SECRETS, 'pull');
      await namespace.condition('app', 'Ready', 'False SecretNotFound');
      await namespace.pullSecret('pull', { 'reg.example': { auth: 'no base64!' } });
      const { status } = await namespace.condition('app', 'Ready', 'False SecretMalformed');
      assert.match(
        status?.conditions?.[0]?.message ?? '',
        /pull: entry "reg\.example": expected standard base64/,
      );
      assert.equal(secretNameOf(await namespace.rawScan('scan')), undefined);
      await namespace.pullSecret('pull', AUTHS);
      const fixed = performance.now();
      await namespace.condition('app', 'Ready', 'True Ready');
      assert.ok(performance.now() - fixed < 10_000, `took ${performance.now() - fixed} ms`);
      await namespace.bound('scan');
    });

    it('reads a Secret of the older type, even if it replaces one of the newer type', async () => {
      const namespace = await cluster.namespace();
      const dockercfg = (password: string) => {
        const text = JSON.stringify({ 'https://reg.example/v1/': { auth: btoa(`user:${password}`) } });
        return { type: 'kubernetes.io/dockercfg', data: { '.dockercfg': btoa(text) } };
      };
      await namespace.put(SECRETS, { metadata: { name: 'pull' }, ...dockercfg('old') });
      await namespace.scan('scan');
      await namespace.binding('app');
      await namespace.condition('app', 'Ready', 'True Ready');
      const holds = async (password: string) => {
        const { secretName } = await namespace.bound('scan');
        const config = await namespace.trivyConfig(secretName);
        return (
          JSON.stringify(config) ===
          JSON.stringify({ auths: { 'reg.example': { auth: btoa(`user:${password}`) } } })
        );
      };
      await until(() => holds('old'), 'the credential of the older type');
      await namespace.delete(SECRETS, 'pull');
      await namespace.pullSecret('pull', AUTHS);
      await until(() => holds('pass'), 'the credential of the newer type');
      await namespace.delete(SECRETS, 'pull');
      await namespace.put(SECRETS, { metadata: { name: 'pull' }, ...dockercfg('new') });
      await until(() => holds('new'), 'the credential of the older type again');
      await namespace.condition('app', 'Ready', 'True Ready');
    });

    it('restores a Trivy Secret that another client changed or deleted', async () => {
      const namespace = await cluster.namespace();
      await namespace.pullSecret('pull', AUTHS);
      await namespace.scan('scan');
      await namespace.binding('app');
      const { secretName } = await namespace.bound('scan');
      const { kubectl } = { kubectl: (args: readonly string[]) => cluster.controlPlane.kubectl(args) };
      const patch = JSON.stringify({ data: { 'config.json': btoa('{}'), extra: btoa('x') } });
      await kubectl(['patch', 'secret', secretName, '--namespace', namespace.name, '--patch', patch]);
      await until(async () => {
        const secret = await namespace.get<Secret>(SECRETS, secretName);
        return (
          Object.keys(secret?.data ?? {}).join() === 'config.json' &&
          JSON.stringify(await namespace.trivyConfig(secretName)) === JSON.stringify({ auths: AUTHS })
        );
      }, 'the content to be restored');
      await namespace.delete(SECRETS, secretName);
      await until(
        async () => (await namespace.trivyConfig(secretName)) !== undefined,
        'the Trivy Secret to be created again',
      );
    });

    it("leaves a foreign Secret with the Trivy Secret's name alone, reports it, and continues once it is gone", async () => {
      const namespace = await cluster.namespace();
      await namespace.pullSecret('pull', AUTHS);
      await namespace.binding('app', { mode: 'Observe' });
      await namespace.scan('scan');
      await namespace.condition('app', 'ScansBound', 'Unknown Observing');
      assert.equal(secretNameOf(await namespace.rawScan('scan')), undefined);
      const secretName = await nameOfTrivySecret(cluster);
      await namespace.put(SECRETS, {
        metadata: { name: secretName },
        type: 'Opaque',
        data: { theirs: btoa('x') },
      });
      await namespace.binding('app', { mode: 'Enforce' });
      const { status } = await namespace.condition('app', 'Ready', 'False TrivySecretTaken');
      assert.match(JSON.stringify(status?.conditions), new RegExp(secretName));
      assert.deepEqual((await namespace.get<Secret>(SECRETS, secretName))?.data, { theirs: btoa('x') });
      await namespace.delete(SECRETS, secretName);
      await namespace.condition('app', 'Ready', 'True Ready');
      await namespace.bound('scan');
    });
  });

  it("binds a scan again if another client removed the controller's entries, and keeps that client's own", async () => {
    const namespace = await cluster.namespace();
    await namespace.pullSecret('pull', AUTHS);
    await namespace.scan('scan');
    await namespace.binding('app');
    await namespace.bound('scan');
    const patch = JSON.stringify({
      spec: { scanSpec: { env: [{ name: 'B', value: 'theirs' }], volumes: [], volumeMounts: [] } },
    });
    await cluster.controlPlane.kubectl([
      'patch',
      'scheduledscan',
      'scan',
      '--namespace',
      namespace.name,
      '--type=merge',
      '--patch',
      patch,
    ]);
    const { scan } = await namespace.bound('scan');
    assert.deepEqual(scan.spec.scanSpec.env?.[0], { name: 'B', value: 'theirs' });
    assert.equal(scan.spec.scanSpec.env?.length, 6);
  });

  it('binds a scan to the more exact binding, and back to the other when the exact one is deleted', async () => {
    const namespace = await cluster.namespace();
    await namespace.pullSecret('pull', AUTHS);
    await namespace.pullSecret('spare', AUTHS);
    await namespace.scan('scan');
    await namespace.binding('app');
    const first = await namespace.bound('scan');
    await namespace.binding('exact', { image: 'reg.example/app:1.0', imagePullSecrets: [{ name: 'spare' }] });
    await until(
      async () => secretNameOf(await namespace.rawScan('scan'))?.includes('spare'),
      'the scan to be bound to the exact binding',
    );
    const { status } = await namespace.condition('app', 'ScansBound', 'True Overridden');
    assert.match(JSON.stringify(status), /effective binding: exact\. Delete one of the bindings, or narrow/);
    // Otherwise a reconcile in progress would see the deletion without being triggered by it.
    await settled(cluster);
    await namespace.delete(imageCredentialBindings, 'exact');
    await until(
      async () => secretNameOf(await namespace.rawScan('scan')) === first.secretName,
      'the scan to be bound to the first binding again',
    );
  });

  it('does not write a ScheduledScan whose run is due', async () => {
    const namespace = await cluster.namespace();
    await namespace.pullSecret('pull', AUTHS);
    await namespace.scan('scan', undefined, { spec: { suspend: false } });
    await namespace.binding('app');
    await namespace.condition('app', 'ScansBound', 'False Waiting');
    assert.equal(secretNameOf(await namespace.rawScan('scan')), undefined);
    const status = JSON.stringify({ status: { lastScheduleTime: new Date().toISOString() } });
    await cluster.controlPlane.kubectl([
      'patch',
      'scheduledscan',
      'scan',
      '--namespace',
      namespace.name,
      '--subresource=status',
      '--type=merge',
      '--patch',
      status,
    ]);
    await namespace.bound('scan');
    await namespace.condition('app', 'Ready', 'True Ready');
  });

  it('serves probes and metrics', async () => {
    const get = async (path: string) => {
      const response = await fetch(`${controller.url}${path}`);
      return { status: response.status, text: await response.text() };
    };
    assert.deepEqual(await get('/healthz'), { status: 200, text: 'ok\n' });
    const ready = await get('/readyz');
    assert.equal(ready.status, 200);
    const [first, ...watches] = ready.text.trimEnd().split('\n');
    assert.equal(first, 'ok, leading');
    assert.ok(watches.length >= 4, ready.text);
    for (const watch of watches) assert.match(watch, /^\S.*: Watching, last response \d+ s ago$/);
    assert.equal((await get('/')).status, 404);
    const { text } = await get('/metrics');
    const lines = [
      /icb_kube_requests_total\{verb="watch",resource="imagecredentialbindings",code="200"\} 1$/m,
      /icb_reconcile_duration_seconds_count\{controller="binding",result="success"\} \d+$/m,
      /icb_workqueue_oldest_seconds\{controller="binding"\} 0$/m,
      /icb_watch_state\{watch="imagecredentialbindings",state="Watching"\} 1$/m,
      /icb_watch_idle_seconds\{watch="imagecredentialbindings"\} [\d.]+$/m,
      /icb_leader\{lease="image-credential-binding\/image-credential-binding"\} 1$/m,
    ];
    for (const line of lines) assert.match(text, line);
  });

  it('writes nothing when it restarts on a cluster that has converged', async () => {
    const namespace = await cluster.namespace();
    await namespace.pullSecret('pull', AUTHS);
    for (const name of ['one', 'two', 'three']) await namespace.scan(name);
    await namespace.binding('app');
    await namespace.binding('observing', { mode: 'Observe' });
    await namespace.binding('missing', { image: 'other.example/app', imagePullSecrets: [{ name: 'gone' }] });
    await namespace.condition('missing', 'Ready', 'False SecretNotFound');
    await namespace.condition('app', 'Ready', 'True Ready');
    await until(async () => {
      const { items } = await cluster.client.list(SECRETS, {
        labelSelector: `${MANAGED_BY_LABEL}=${MANAGED_BY}`,
      });
      return items.every(({ metadata }) => metadata.annotations?.[UNUSED_SINCE] === undefined);
    }, 'the Secrets that earlier tests left unused to be deleted');
    await settled(cluster);
    assert.deepEqual(await controller.process.stop(), { code: 0, signal: null });
    const from = (await cluster.controlPlane.auditEvents()).length;
    controller = await cluster.startController('--unused-secret-grace', '2s');
    await until(async () => {
      const text = await (await fetch(`${controller.url}/metrics`)).text();
      const count =
        /icb_reconcile_duration_seconds_count\{controller="binding",result="success"\} (\d+)/.exec(text)?.[1];
      const depth = /icb_workqueue_depth\{controller="binding"\} (\d+)/.exec(text)?.[1];
      return Number(count) >= 3 && depth === '0';
    }, 'every binding to be reconciled');
    await settled(cluster);
    const writes = await cluster.writesOfController(from);
    assert.deepEqual(
      writes.map(({ verb, requestURI }) => `${verb} ${requestURI}`),
      [],
    );
  });

  it('can have a second replica as a follower, which becomes the leader when the first one stops', async () => {
    const flags = ['--unused-secret-grace', '2s'];
    const follower = await startController(cluster.controlPlane, flags, {
      keepLease: true,
      until: 'following',
    });
    assert.deepEqual(await controller.process.stop(), { code: 0, signal: null });
    controller = follower;
    await until(
      async () => (await (await fetch(`${controller.url}/readyz`)).text()).startsWith('ok, leading\n'),
      'the follower to lead',
    );
    const namespace = await cluster.namespace();
    await namespace.pullSecret('pull', AUTHS);
    await namespace.scan('scan');
    await namespace.binding('app');
    await namespace.bound('scan');
    await namespace.condition('app', 'Ready', 'True Ready');
  });

  it("requests an immediate run of a migrated scan by setting an old time in the scan's status", async () => {
    const namespace = await cluster.namespace();
    await namespace.pullSecret('pull', AUTHS);
    await namespace.scan('scan', ['reg.example/old:1'], {
      spec: { suspend: false, interval: undefined, schedule: '0 0 1 1 *' },
    });
    await namespace.binding('app', { replaces: ['reg.example/old'] });
    const lastScheduleTime = await until(
      async () => (await namespace.rawScan('scan')).status?.lastScheduleTime,
      'the run to be requested',
    );
    assert.match(lastScheduleTime, /^20\d\d-12-31T23:59:59Z$/);
  });

  it('reads a credential Secret by name once it is annotated with its registries, and reads no other', async () => {
    const namespace = await cluster.namespace();
    const data = { username: btoa('user'), password: btoa('canary-basic') };
    const annotations = { 'credentials.securecodebox.io/registries': 'reg.example' };
    const unread = [{ name: 'basic' }, { name: 'unannotated' }, { name: 'unnamed', annotations }];
    for (const metadata of unread) await namespace.put(SECRETS, { metadata, type: BASIC_AUTH, data });
    await namespace.scan('scan');
    await namespace.binding('app', { imagePullSecrets: [{ name: 'basic' }] });
    await namespace.condition('app', 'Ready', 'False NotAnnotated');
    const bindings = namespace.record(imageCredentialBindings);
    await namespace.put(SECRETS, { metadata: { name: 'basic', annotations }, type: BASIC_AUTH, data });
    const { secretName } = await namespace.bound('scan');
    await namespace.condition('app', 'Ready', 'True Ready');
    assert.match(
      JSON.stringify(await namespace.trivyConfig(secretName)),
      new RegExp(btoa('user:canary-basic')),
    );
    assert.doesNotMatch(
      JSON.stringify(await bindings.stop()),
      /being read/,
      'no status says that the Secret is being read',
    );

    data.password = btoa('canary-changed');
    await namespace.put(SECRETS, { metadata: { name: 'basic', annotations }, type: BASIC_AUTH, data });
    await until(
      async () =>
        JSON.stringify(await namespace.trivyConfig(secretName)).includes(btoa('user:canary-changed')),
      'the new value to be delivered',
    );
    assert.deepEqual(await secretsRead(namespace.name), ['basic']);

    await namespace.put(SECRETS, { metadata: { name: 'basic' }, type: BASIC_AUTH, data });
    await namespace.condition('app', 'Ready', 'False NotAnnotated');
  });

  it('reads a pull secret only if a binding names it', async () => {
    const namespace = await cluster.namespace();
    for (const name of ['named', 'unnamed']) await namespace.pullSecret(name, AUTHS);
    await namespace.scan('scan');
    await namespace.binding('app', { imagePullSecrets: [{ name: 'named' }] });
    await namespace.bound('scan');
    const requests = (await cluster.controlPlane.auditEvents()).filter(
      ({ user, objectRef }) =>
        user.username === CONTROLLER_USER &&
        objectRef?.resource === 'secrets' &&
        objectRef.namespace === namespace.name,
    );
    const read = requests.filter(({ verb }) => verb === 'get').map(({ objectRef }) => objectRef?.name);
    assert.deepEqual(read, ['named']);
  });

  it('finishes the work in progress on SIGTERM, and exits with 0', async () => {
    assert.deepEqual(await controller.process.stop(), { code: 0, signal: null });
    const lines = (await controller.log())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { msg: string });
    assert.equal(lines.at(-1)?.msg, 'stopped');
  });

  it('writes no password to its log or into a scan', async () => {
    assert.doesNotMatch(await controller.log(), new RegExp(`${btoa('user:pass')}|user:pass`));
    const scans = await cluster.client.list(SCHEDULED_SCANS, {});
    assert.doesNotMatch(JSON.stringify(scans), new RegExp(btoa('user:pass')));
  });

  /** Names of the Secrets of a namespace that the controller has read. */
  async function secretsRead(namespace: string): Promise<readonly string[]> {
    const read = (await cluster.controlPlane.auditEvents()).filter(
      ({ user, verb, objectRef }) =>
        user.username === CONTROLLER_USER &&
        verb === 'get' &&
        objectRef?.resource === 'secrets' &&
        objectRef.namespace === namespace,
    );
    return [...new Set(read.map(({ objectRef }) => objectRef?.name ?? ''))];
  }

  /** The name that the controller would choose in mode Observe, which status does not report. It is the same in each namespace. */
  async function nameOfTrivySecret(from: Cluster): Promise<string> {
    const namespace = await from.namespace();
    await namespace.pullSecret('pull', AUTHS);
    await namespace.scan('scan');
    await namespace.binding('app');
    return (await namespace.bound('scan')).secretName;
  }
});
