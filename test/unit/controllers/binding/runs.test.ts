import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import { pino } from 'pino';
import { RunReconciler } from '../../../../src/controllers/run/reconciler.ts';
import { KubeClient } from '../../../../src/kube/client/client.ts';
import { Transport } from '../../../../src/kube/client/transport.ts';
import type { Run } from '../../../../src/scan/run.ts';
import { Namespace, NOW } from './namespace.ts';

describe('a scan that is bound for the first time', () => {
  interface Case {
    readonly name: string;
    readonly lastRun?: Run['state'];
    readonly hasRun?: boolean;
    readonly suspend?: boolean;
    readonly isRequested: boolean;
  }
  const cases: readonly Case[] = [
    { name: 'requests a run if its last Scan has failed', lastRun: 'Failed', isRequested: true },
    {
      name: 'requests a run if its last Scan is still running, because that may fail',
      lastRun: 'Running',
      isRequested: true,
    },
    { name: 'requests a run if the result of its last Scan is not known yet', isRequested: true },
    { name: 'requests no run if its last Scan has succeeded', lastRun: 'Done', isRequested: false },
    { name: 'requests no run if it has never run', hasRun: false, isRequested: false },
    { name: 'requests no run if it is suspended', lastRun: 'Failed', suspend: true, isRequested: false },
  ];
  for (const { name, lastRun, hasRun = true, suspend = false, isRequested } of cases) {
    it(name, () => {
      const namespace = new Namespace();
      namespace.pullSecret('pull');
      namespace.binding('app');
      namespace.scan('scan', {
        schedule: { suspend, schedule: '0 0 1 1 *' },
        ...(hasRun ? { lastScheduleTime: new Date(NOW - 60_000).toISOString() } : {}),
      });
      if (lastRun !== undefined) namespace.run('scan', lastRun);
      namespace.settle('app');
      const { bound, request } = namespace.stores.scheduledScans.get('ns/scan') ?? {};
      assert.equal(bound?.binding, 'app');
      assert.equal(request?.cause, isRequested ? 'Bound' : undefined);
    });
  }

  it('keeps its run request when it is bound with another credential, and loses it when it is unbound', () => {
    const namespace = new Namespace();
    namespace.pullSecret('pull');
    namespace.pullSecret('other');
    namespace.binding('app');
    const lastScheduleTime = new Date(NOW - 60_000).toISOString();
    namespace.scan('scan', { schedule: { suspend: false, schedule: '0 0 1 1 *' }, lastScheduleTime });
    namespace.settle('app');
    const scan = () => namespace.stores.scheduledScans.get('ns/scan');
    const { request } = scan() ?? {};
    namespace.binding('app', { spec: { imagePullSecrets: [{ name: 'other' }] } });
    namespace.settle('app', NOW + 60_000);
    assert.deepEqual(scan()?.request, request);
    namespace.remove('bindings', 'app');
    namespace.settle('app');
    assert.equal(scan()?.request, undefined);
    assert.equal(scan()?.bound, undefined);
  });
});

describe('a scan on which the secureCodeBox operator is stuck', () => {
  it('is unblocked, and delayed by the queue if another client repeatedly undoes this', async () => {
    const namespace = new Namespace();
    namespace.pullSecret('pull');
    namespace.binding('app');
    const hour = 3_600_000;
    const due = Math.floor(Date.now() / hour) * hour - hour;
    const lastScheduleTime = new Date(due - 1_000).toISOString();
    namespace.scan('scan', { schedule: { suspend: false, schedule: '0 * * * *' }, lastScheduleTime });
    namespace.settle('app');
    namespace.stores.runs.set({
      ...{ namespace: 'ns', name: `scan-${due / 1_000}`, uid: 'uid', resourceVersion: '1' },
      ...{
        secretName: undefined,
        scheduledScan: 'scan',
        state: 'Done',
        isScanned: true,
        request: undefined,
        createdAt: due,
      },
    });
    const { client, writes, ...server } = await serverOf(() => namespace.rawScan('scan'));
    const { stores } = namespace;
    const onStarted = () => assert.fail('a run was started');
    const options = { client, stores, runsPerMinute: 60, runWaitMs: 0, onStarted };
    const outcome = await new RunReconciler(options).reconcile('ns/scan', pino({ level: 'silent' }));
    await server.close();
    assert.deepEqual(outcome, { repeated: true });
    assert.match(writes.join(), /^PATCH .*"lastScheduleTime":"20.*Z"/);
  });
});

/** Starts a server that answers each write with an object, and a client for it. */
async function serverOf(object: () => unknown) {
  const writes: string[] = [];
  const server = createServer(async (request, response) => {
    for await (const chunk of request) writes.push(`${request.method} ${chunk}`);
    response.end(JSON.stringify(object()));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  // A TCP server that listens has an AddressInfo.
  const { port } = server.address() as AddressInfo;
  const config = new KubeConfig();
  const place = { name: 'test', server: `http://127.0.0.1:${port}`, skipTLSVerify: true };
  config.loadFromClusterAndUser(place, { name: 'test' });
  const transport = new Transport(config);
  const close = async () => {
    await transport.close();
    await server[Symbol.asyncDispose]();
  };
  return { client: new KubeClient({ transport, fieldManager: 'test' }), writes, close };
}
