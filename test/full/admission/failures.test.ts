import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { RELEASE } from '../../../hack/testenv/controller.ts';
import { imageCredentialBindings } from '../../../src/api/index.ts';
import { HELD_ANNOTATION } from '../../../src/api/names.ts';
import { LEASES } from '../../../src/kube/leader-election/lease.ts';
import { SCANS } from '../../../src/object/resources.ts';
import type { RawScan } from '../../../src/scan/raw-scan.ts';
import {
  type AdmittingController,
  CertificateFolder,
  createScan,
  grantAdmission,
  metric,
  registerWebhook,
  secretOf,
  startAdmitting,
  untilCalled,
  untilScan,
} from '../../support/cluster/admission.ts';
import { type Binding, Cluster, type TestNamespace } from '../../support/cluster/cluster.ts';
import { runCommand } from '../../support/cluster/command.ts';
import { until } from '../../support/until.ts';

const AUTHS = { 'reg.example': { auth: btoa('user:pass') } };
/** A Scan waits for the webhook for at most its time-out of 1 second. The rest is for a busy machine. */
const LONGEST_CREATE_MS = 2_500;

const isBound = (scan: RawScan) => secretOf(scan) !== undefined;
const isHeld = ({ metadata }: RawScan) => metadata.annotations?.[HELD_ANNOTATION] === 'resume';
const isResumed = (scan: RawScan) => scan.spec.suspend === false && !isHeld(scan);

describe('Scans while the webhook does not answer', () => {
  let cluster: Cluster;
  let certificates: CertificateFolder;
  let controller: AdmittingController;
  let namespace: TestNamespace;
  /** Names of the Scans that were created while no controller ran. */
  let stopped: readonly string[] = [];

  before(async () => {
    cluster = await Cluster.start();
    await grantAdmission(cluster);
    certificates = await CertificateFolder.create(cluster, 'certificates');
    const { ca } = await certificates.renew();
    controller = await startAdmitting(cluster, certificates);
    await registerWebhook(cluster, { url: controller.webhook, ca });
    await untilCalled(cluster, controller);
    namespace = await cluster.namespace();
    await namespace.pullSecret('pull', AUTHS);
    await namespace.binding('app');
    await namespace.condition('app', 'Ready', 'True Ready');
    assert.ok(isBound(await createScan(cluster, namespace.name)));
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  /** Creates Scans one after another, which have to pass unbound in time. Returns their names. */
  async function passing(count: number): Promise<readonly string[]> {
    const names: string[] = [];
    for (let index = 0; index < count; index += 1) {
      const begun = performance.now();
      const scan = await createScan(cluster, namespace.name);
      const took = performance.now() - begun;
      assert.ok(took < LONGEST_CREATE_MS, `it took ${took} ms`);
      assert.equal(isBound(scan), false);
      assert.equal(scan.spec.suspend, false);
      names.push(scan.metadata.name);
    }
    return names;
  }

  async function reported(names: readonly string[]): Promise<void> {
    await until(
      async () => {
        const binding = await namespace.get<Binding>(imageCredentialBindings, 'app');
        const found = binding?.status?.unboundScans?.names.map(({ name }) => name) ?? [];
        return names.every((name) => found.includes(name));
      },
      `status.unboundScans to name ${names.join(', ')}`,
    );
  }

  it('pass within the time-out while the controller hangs, and are reported afterwards', async () => {
    process.kill(controller.process.pid, 'SIGSTOP');
    const names = await passing(2).finally(() => process.kill(controller.process.pid, 'SIGCONT'));
    await reported(names);
    // The controller may not have received the response to its write of the status yet.
    await until(
      async () => (await metric(controller, 'icb_unbound_scans', `namespace="${namespace.name}"`)) === 2,
      'the metric to count them',
    );
  });

  it('pass while no controller runs, and the next one reports them', async () => {
    await controller.process.stop();
    stopped = await passing(2);
    assert.equal(stopped.length, 2);
  });

  it('pass while the certificate has expired, and the process is not ready until it is replaced', async () => {
    const { ca: expired } = await certificates.renew({ expired: true });
    controller = await startAdmitting(cluster, certificates, { until: 'serving' });
    await registerWebhook(cluster, { url: controller.webhook, ca: expired });
    const readiness = async () => (await fetch(`${controller.url}/readyz`)).text();
    await until(
      async () => (await readiness()).includes('its certificate has expired'),
      'the controller not to be ready',
    );
    await reported([...stopped, ...(await passing(1))]);
    const { ca } = await certificates.renew();
    await until(async () => (await readiness()).startsWith('ok, leading'), 'the controller to be ready');
    await registerWebhook(cluster, { url: controller.webhook, ca });
    await untilCalled(cluster, controller);
    assert.ok(isBound(await createScan(cluster, namespace.name)));
  });
});

describe('a held Scan', () => {
  let cluster: Cluster;
  let certificates: CertificateFolder;
  let ca: string;

  before(async () => {
    cluster = await Cluster.start();
    await grantAdmission(cluster);
    certificates = await CertificateFolder.create(cluster, 'certificates');
    ({ ca } = await certificates.renew());
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  /** A namespace whose binding the controller knows, and a function that creates Scans, which the webhook holds. */
  async function holding(image = 'reg.example/app') {
    const namespace = await cluster.namespace();
    await namespace.pullSecret('pull', { [image.split('/')[0] ?? '']: { auth: btoa('user:pass') } });
    await namespace.binding('app', { image, verification: 'Preferred' });
    const create = async () => {
      const scan = await createScan(cluster, namespace.name, { spec: { parameters: [`${image}:1.0`] } });
      return isHeld(scan) ? scan : undefined;
    };
    await until(create, 'the webhook to know the binding');
    return { namespace, hold: async () => (await create()) ?? assert.fail('the Scan is not held') };
  }

  async function deleteLease(): Promise<void> {
    await cluster.controlPlane.kubectl(['delete', 'lease', RELEASE, '-n', RELEASE, '--ignore-not-found']);
  }

  async function endOtherLeader(): Promise<void> {
    const released = JSON.stringify({ spec: { holderIdentity: '', leaseDurationSeconds: 1 } });
    await cluster.controlPlane.kubectl([
      'patch',
      'lease',
      RELEASE,
      '-n',
      RELEASE,
      '--type=merge',
      '-p',
      released,
    ]);
  }

  /** Gives the Lease to another process, so that no leader decides on held Scans. */
  async function haveOtherLeader(): Promise<void> {
    const now = new Date().toISOString().replace('Z', '000Z');
    const spec = { holderIdentity: 'other', leaseDurationSeconds: 3_600, acquireTime: now, renewTime: now };
    await deleteLease();
    const lease = { metadata: { name: RELEASE, namespace: RELEASE }, spec };
    await cluster.client.create(LEASES, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      ...lease,
    });
  }

  it('gets no credential if a user has edited or resumed it, and the next leader binds and resumes the others', async () => {
    await haveOtherLeader();
    const controller = await startAdmitting(cluster, certificates, { until: 'following', keepLease: true });
    await registerWebhook(cluster, { url: controller.webhook, ca });
    await untilCalled(cluster, controller);
    const { namespace, hold } = await holding();
    const scans = { left: await hold(), resumed: await hold(), edited: await hold(), deleted: await hold() };
    const write = (scan: RawScan, changed: Partial<RawScan['spec']>) =>
      cluster.client.replace(SCANS, { ...scan, spec: { ...scan.spec, ...changed } });
    const resumed = await write(scans.resumed, { suspend: false });
    await write(scans.edited, { parameters: ['reg.example/app:2.0'] });
    await namespace.delete(SCANS, scans.deleted.metadata.name);
    await endOtherLeader();

    const left = await untilScan(cluster, scans.left, isResumed, 60);
    const edited = await untilScan(cluster, scans.edited, isResumed);
    assert.ok(isBound(left));
    assert.deepEqual(edited.spec.parameters, ['reg.example/app:2.0']);
    assert.equal(isBound(edited), false);
    const untouched = await cluster.client.get<RawScan>(SCANS, {
      namespace: namespace.name,
      name: resumed.metadata.name,
    });
    assert.equal(untouched.metadata.resourceVersion, resumed.metadata.resourceVersion);
    assert.equal(await namespace.get(SCANS, scans.deleted.metadata.name), undefined);
    await controller.process.stop();
  });

  it('is resumed by a replica if the leader does not decide, and check names a Scan that no replica resumes', async () => {
    await haveOtherLeader();
    const [namespace, unwatched] = [await cluster.namespace(), await cluster.namespace()];
    const controller = await startAdmitting(cluster, certificates, {
      ...{ until: 'following', keepLease: true },
      flags: ['--namespaces', namespace.name],
    });
    const suspended = ({ name }: TestNamespace, held: string) =>
      createScan(cluster, name, {
        metadata: { annotations: { [HELD_ANNOTATION]: held } },
        spec: { suspend: true },
      });
    const left = await suspended(unwatched, 'resume');
    const begun = performance.now();
    const own = await suspended(namespace, 'keep-suspended');
    const check = async () =>
      (await runCommand(cluster.controlPlane, ['check', '-n', unwatched.name])).stdout;
    assert.doesNotMatch(await check(), /held Scans/);
    const resumed = await untilScan(cluster, await suspended(namespace, 'resume'), isResumed, 90);
    assert.equal(isBound(resumed), false);
    await until(
      async () => (await metric(controller, 'icb_held_scans_total', 'TimedOut')) === 1,
      'the hold to be counted',
    );
    assert.equal((await untilScan(cluster, own, () => true)).spec.suspend, true);
    // Times of creation are whole seconds.
    await delay(Math.max(0, begun + 62_000 - performance.now()));
    const { name } = left.metadata;
    assert.match(
      await check(),
      new RegExp(`^missing +held Scans +.+: ${unwatched.name}/${name}; .+kubectl patch scan ${name} `, 'm'),
    );
    await controller.process.stop();
    await endOtherLeader();
  });

  it('is resumed without its own Secret after 10 minutes, and the binding says why it has none', async () => {
    const namespace = await cluster.namespace();
    await namespace.binding('app', { delivery: 'Temporary' });
    const held = await createScan(cluster, namespace.name, {
      metadata: { annotations: { [HELD_ANNOTATION]: 'await-secret' } },
      spec: { suspend: true },
    });
    const controller = await startAdmitting(cluster, certificates, {
      preload: join(import.meta.dirname, '../../support/preload/other-clock.ts'),
      env: { CLOCK_SHIFT_MS: '585000' },
    });
    await namespace.condition('app', 'Ready', 'False SecretNotFound');
    assert.equal((await untilScan(cluster, held, () => true)).spec.suspend, true);
    assert.equal(isBound(await untilScan(cluster, held, isResumed, 60)), false);
    const named = await until(async () => {
      const binding = await namespace.get<Binding>(imageCredentialBindings, 'app');
      return binding?.status?.unboundScans?.names[0];
    }, 'the binding to name the Scan');
    assert.equal(named.name, held.metadata.name);
    assert.match(named.reason ?? '', /^the controller held it until the limit/);
    await controller.process.stop();
  });

  it('is resumed although an error prevents the decision, and delays no other Scan', async () => {
    const marker = 'faulty-held';
    const controller = await startAdmitting(cluster, certificates, {
      ...{ preload: join(import.meta.dirname, '../../support/preload/containment.ts'), fromSource: true },
      env: { FAULTS: `controllers/held-scan/decide.ts#decideHeldScan=${marker}` },
    });
    const namespace = await cluster.namespace();
    const create = (name: string) =>
      createScan(cluster, namespace.name, {
        metadata: { name, generateName: undefined, annotations: { [HELD_ANNOTATION]: 'resume' } },
        spec: { suspend: true },
      });
    const faulty = await create(marker);
    await untilScan(cluster, await create('neighbour'), isResumed);
    assert.ok(isHeld(await untilScan(cluster, faulty, () => true)));
    await untilScan(cluster, faulty, isResumed, 90);
    assert.match(await controller.log(), /"controller":"heldscan".+reconcile failed/);
    await controller.process.stop();
  });

  it('is bound and resumed by the next leader if the leader is killed', async () => {
    const { host, end } = await silentRegistry();
    const flags = ['--local-addresses', '127.0.0.1', '--insecure-registries', host];
    const killed = await startAdmitting(cluster, certificates, { flags });
    await registerWebhook(cluster, { url: killed.webhook, ca });
    await untilCalled(cluster, killed);
    const { hold } = await holding(`${host}/app`);
    const scan = await hold();
    process.kill(killed.process.pid, 'SIGKILL');
    await killed.process.exited;
    assert.ok(isHeld(await untilScan(cluster, scan, () => true)));
    end();
    const next = await startAdmitting(cluster, certificates, { flags });
    const resumed = await untilScan(cluster, scan, isResumed, 60);
    assert.ok(isBound(resumed));
    // This Scan, and the one with which the test waited for the webhook.
    await until(
      async () => (await metric(next, 'icb_held_scans_total', 'Bound')) === 2,
      'both held Scans to be bound',
    );
    await next.process.stop();
  });
});

describe('unbind', () => {
  let cluster: Cluster;

  before(async () => {
    cluster = await Cluster.start();
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  const unbind = (...args: readonly string[]) =>
    runCommand(cluster.controlPlane, ['unbind', '--lease-namespace', RELEASE, ...args]);

  it('resumes the Scans that a controller has held, and no others', async () => {
    const namespace = await cluster.namespace();
    const scan = (name: string, held?: string) => ({
      metadata: { name, ...(held === undefined ? {} : { annotations: { [HELD_ANNOTATION]: held } }) },
      spec: { scanType: 'trivy-image', parameters: ['reg.example/app:1.0'], suspend: true },
    });
    for (const one of [scan('held', 'resume'), scan('marked', 'keep-suspended'), scan('suspended')])
      await namespace.put(SCANS, one);
    const preview = await unbind('-n', namespace.name, '--dry-run');
    assert.deepEqual(preview.stdout.split('\n'), [
      `would resume Scan ${namespace.name}/held`,
      `would remove the annotation ${HELD_ANNOTATION} from Scan ${namespace.name}/marked`,
      'would resume 1 held Scan, unbind 0 ScheduledScans, and delete 0 Secrets; nothing was changed (--dry-run)',
      '',
    ]);
    const { code, stdout } = await unbind('-n', namespace.name);
    assert.deepEqual(
      [code, stdout],
      [0, 'resumed 1 held Scan\nunbound 0 ScheduledScans, deleted 0 Secrets\n'],
    );
    const stateOf = async (name: string) => {
      const found = await namespace.get<RawScan>(SCANS, name);
      return [found?.spec.suspend, found?.metadata.annotations?.[HELD_ANNOTATION]];
    };
    assert.deepEqual(await stateOf('held'), [false, undefined]);
    assert.deepEqual(await stateOf('marked'), [true, undefined]);
    assert.deepEqual(await stateOf('suspended'), [true, undefined]);
  });

  it('ends although a user creates held Scans all the time', async () => {
    const namespace = await cluster.namespace();
    let isOver = false;
    const creating = (async () => {
      // Ends on its own, so that the test fails in the end.
      for (let index = 0; !isOver && index < 1_000; index += 1)
        await createScan(cluster, namespace.name, {
          metadata: { annotations: { [HELD_ANNOTATION]: 'resume' } },
          spec: { suspend: true },
        }).then(() => delay(50));
      return isOver;
    })();
    const { code, stdout } = await unbind('-n', namespace.name);
    isOver = true;
    assert.ok(await creating, 'unbind has ended before the user has');
    assert.equal(code, 0);
    assert.match(stdout, /^resumed \d+ held Scans?\nunbound 0 ScheduledScans/);
  });
});

describe('unregister-webhook', () => {
  let cluster: Cluster;

  before(async () => {
    cluster = await Cluster.start();
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  it('deletes the webhook, and resumes held Scans as they are if no controller does', async () => {
    const certificates = await CertificateFolder.create(cluster, 'certificates');
    const { ca } = await certificates.renew();
    await registerWebhook(cluster, { url: 'https://127.0.0.1:1/scans', ca });
    const namespace = await cluster.namespace();
    const held = await createScan(cluster, namespace.name, {
      metadata: { annotations: { [HELD_ANNOTATION]: 'resume' } },
      spec: { suspend: true },
    });
    const args = ['unregister-webhook', '-A', '--configuration', 'icb-test', '--hold-timeout', '2s'];
    const ran = await runCommand(cluster.controlPlane, args);
    assert.equal(ran.stdout, 'deleted MutatingWebhookConfiguration icb-test; resumed 1 held Scan\n');
    assert.equal(ran.code, 0, ran.stderr);
    await untilScan(cluster, held, isResumed);
    const again = await runCommand(cluster.controlPlane, args);
    assert.equal(again.stdout, 'found no MutatingWebhookConfiguration icb-test; resumed 0 held Scans\n');
  });
});

/** A registry that never answers, until it ends. */
async function silentRegistry(): Promise<{ readonly host: string; readonly end: () => void }> {
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer((socket) => sockets.add(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const end = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  // A server that listens on a port has an AddressInfo.
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, end };
}
