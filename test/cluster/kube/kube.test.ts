import assert from 'node:assert/strict';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect as connectTo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import { pino } from 'pino';
import { type ControlPlane, startControlPlane } from '../../../hack/testenv/control-plane/control-plane.ts';
import { Reflector } from '../../../src/kube/cache/reflector.ts';
import { Store } from '../../../src/kube/cache/store.ts';
import { KubeClient } from '../../../src/kube/client/client.ts';
import type { RequestRecord } from '../../../src/kube/client/sender.ts';
import { Transport } from '../../../src/kube/client/transport.ts';
import { hasReason, KubeError } from '../../../src/kube/errors.ts';
import { EventRecorder } from '../../../src/kube/events.ts';
import {
  type KubeObject,
  keyOf,
  type Resource,
  type Stored,
  splitKey,
  storedMeta,
} from '../../../src/object/object.ts';
import { adminConfig } from '../../support/faults/index.ts';
import { until } from '../../support/until.ts';

const CONFIG_MAPS: Resource = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap' };
const SECRETS: Resource = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret' };
const SILENT = pino({ level: 'silent' });
const CANARY = 'canary-5Yw';

interface Item extends Stored {
  readonly value: string | undefined;
}

function project(object: KubeObject): Item {
  const { data } = object as KubeObject & { readonly data?: Readonly<Record<string, string>> };
  return { ...storedMeta(object), value: data?.['value'] };
}

describe('src/kube against a real API server', () => {
  let controlPlane: ControlPlane;
  let transport: Transport;
  let client: KubeClient;
  const records: RequestRecord[] = [];

  const connect = (): Transport => {
    const config = new KubeConfig();
    config.loadFromFile(controlPlane.kubeconfig);
    return new Transport(config);
  };
  const configMap = (name: string, value = '', labels = {}) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace: 'default', name, labels },
    data: { value },
  });
  const reflect = (selection = {}, resource = CONFIG_MAPS, reader = client) => {
    const store = new Store<Item>({});
    const reflector = new Reflector({
      client: reader,
      resource,
      selection: { namespace: 'default', ...selection },
      project,
      store,
      log: SILENT,
    });
    reflector.start();
    return { store, reflector };
  };
  const followsChanges = async (admin: KubeClient) => {
    const names = Array.from({ length: 620 }, (_, index) => `page-${index}`);
    await Promise.all(
      names.map((name) => admin.create(CONFIG_MAPS, configMap(name, 'old', { page: 'yes' }))),
    );
    const { store, reflector } = reflect({ labelSelector: 'page=yes' }, CONFIG_MAPS, admin);
    await reflector.synced;
    assert.equal(store.size, 620);
    const change = (name: string, patch: object) =>
      admin.patch(CONFIG_MAPS, { namespace: 'default', name }, patch);
    await change('page-0', { data: { value: 'new' } });
    await until(() => store.get('default/page-0')?.value === 'new', 'the change');
    await admin.create(CONFIG_MAPS, configMap('page-x', 'old', { page: 'yes' }));
    await until(() => store.get('default/page-x') !== undefined, 'the new object');
    // This change removes the object from the selection.
    await change('page-1', { metadata: { labels: null } });
    await until(
      () => store.get('default/page-1') === undefined,
      'the object without the label to be removed',
    );
    await until(() => reflector.state === 'Watching', 'the watch');
    await reflector.stop();
    await change('page-2', { data: { value: 'new' } });
    assert.equal(store.get('default/page-2')?.value, 'old');
    assert.equal(reflector.state, 'Stopped');
  };

  before(async () => {
    controlPlane = await startControlPlane({ log: (line) => process.stderr.write(`${line}\n`) });
    transport = connect();
    client = new KubeClient({ transport, fieldManager: 'test', onRequest: (record) => records.push(record) });
  });
  after(async () => {
    await transport?.close();
    await controlPlane?.stop();
  });

  describe('KubeClient', () => {
    it('gets an object at the requested resource version or a newer one', async () => {
      const created = await client.create<KubeObject>(CONFIG_MAPS, configMap('versions', 'old'));
      const { resourceVersion: old = '' } = created.metadata;
      const replaced = await client.replace(CONFIG_MAPS, { ...created, data: { value: 'new' } });
      const { resourceVersion: newest = '' } = replaced.metadata;
      const place = { namespace: 'default', name: 'versions' };
      for (const resourceVersion of [newest, old]) {
        const found = await client.get(CONFIG_MAPS, place, { resourceVersion });
        assert.equal(found.metadata.resourceVersion, newest);
      }
      const queries = await until(async () => {
        const reads = (await controlPlane.auditEvents()).filter(
          ({ verb, objectRef }) => verb === 'get' && objectRef?.name === place.name,
        );
        return reads.length === 2 && reads.map(({ requestURI }) => requestURI.split('?')[1]);
      }, 'both reads in the audit log');
      assert.deepEqual(queries, [`resourceVersion=${newest}`, `resourceVersion=${old}`]);
      const gone = client.get(
        CONFIG_MAPS,
        { namespace: 'default', name: 'none' },
        { resourceVersion: newest },
      );
      await assert.rejects(gone, (error) => hasReason(error, 'NotFound'));
    });

    it('reports the reason and the status code of a refusal', async () => {
      const created = await client.create<KubeObject>(CONFIG_MAPS, configMap('errors'));
      const stale = { ...created, metadata: { ...created.metadata, resourceVersion: '1' } };
      const place = { namespace: 'default', name: 'errors' };
      const { uid = '', resourceVersion: version = '' } = created.metadata;
      const cases: readonly [string, number, () => Promise<unknown>][] = [
        ['NotFound', 404, () => client.get(CONFIG_MAPS, { ...place, name: 'absent' })],
        ['AlreadyExists', 409, () => client.create(CONFIG_MAPS, configMap('errors'))],
        ['Conflict', 409, () => client.replace(CONFIG_MAPS, stale)],
        ['Conflict', 409, () => client.patch(CONFIG_MAPS, place, { metadata: { resourceVersion: '1' } })],
        [
          'Conflict',
          409,
          () => client.delete(CONFIG_MAPS, { ...place, uid: 'another', resourceVersion: version }),
        ],
        ['Conflict', 409, () => client.delete(CONFIG_MAPS, { ...place, uid, resourceVersion: '1' })],
        ['Invalid', 422, () => client.create(CONFIG_MAPS, configMap('Not_A_Name'))],
        ['NotFound', 404, () => client.list({ ...CONFIG_MAPS, group: 'absent.example' }, {})],
      ];
      for (const [reason, status, request] of cases) {
        await assert.rejects(request, (error) => {
          assert.ok(error instanceof KubeError, String(error));
          assert.deepEqual({ reason: error.reason, status: error.status }, { reason, status }, error.message);
          return true;
        });
      }
    });

    it('distinguishes an unreachable server, a server that answers something else, and a refusal', async () => {
      const server = createServer((_, response) => response.writeHead(502).end('<html>bad gateway</html>'));
      const { promise, resolve } = Promise.withResolvers<void>();
      server.listen(0, '127.0.0.1', resolve);
      await promise;
      // A TCP server that listens has an AddressInfo.
      const { port } = server.address() as AddressInfo;
      const proxied = clientOf(`http://127.0.0.1:${port}/prefix/`);
      await assert.rejects(
        proxied.client.list(CONFIG_MAPS, {}),
        (error) => error instanceof KubeError && error.status === 502,
      );
      await server[Symbol.asyncDispose]();
      await assert.rejects(proxied.client.list(CONFIG_MAPS, {}), (error) => hasReason(error, 'Unreachable'));
      await proxied.transport.close();
    });

    it('uses the proxy of the kubeconfig, and refuses an unsupported kind of proxy', async () => {
      const targets: string[] = [];
      const proxy = createServer().on('connect', (request, socket) => {
        targets.push(request.url ?? '');
        const [host, port] = (request.url ?? '').split(':');
        const upstream = connectTo(Number(port), host, () => {
          socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
          upstream.pipe(socket).pipe(upstream);
        });
        upstream.on('error', () => socket.destroy());
        socket.on('error', () => upstream.destroy());
      });
      const { promise, resolve } = Promise.withResolvers<void>();
      proxy.listen(0, '127.0.0.1', resolve);
      await promise;
      // A TCP server that listens has an AddressInfo.
      const { port } = proxy.address() as AddressInfo;
      const through = (proxyUrl: string) => {
        const config = new KubeConfig();
        config.loadFromFile(controlPlane.kubeconfig);
        const clusters = config.clusters.map((one) => ({ ...one, proxyUrl }));
        config.loadFromOptions({ ...config, clusters });
        const own = new Transport(config);
        return { own, proxied: new KubeClient({ transport: own, fieldManager: 'test' }) };
      };
      const { own, proxied } = through(`http://127.0.0.1:${port}`);
      await proxied.get(CONFIG_MAPS, { namespace: 'default', name: 'errors' });
      assert.deepEqual(targets, [controlPlane.server.replace('https://', '')]);
      await own.close();
      proxy.closeAllConnections();
      proxy.close();
      await assert.rejects(
        through('socks5://127.0.0.1:1').proxied.list(CONFIG_MAPS, {}),
        (error) => error instanceof KubeError && /SOCKS proxy, which is not supported/.test(error.message),
      );
    });

    it('reloads the token and the certificate authority from their files', async (context) => {
      const good = new KubeConfig();
      good.loadFromFile(controlPlane.kubeconfig);
      const file = (name: string) => join(controlPlane.directory, name);
      await writeFile(file('rotated-token'), 'one that the server does not know');
      await writeFile(file('rotated-ca'), await readFile(file('service-account.pub')));
      const config = new KubeConfig();
      const tokenFile = file('rotated-token');
      config.loadFromOptions({
        clusters: [{ name: 'c', server: controlPlane.server, caFile: file('rotated-ca') }],
        users: [{ name: 'u', authProvider: { name: 'tokenFile', config: { tokenFile } } }],
        contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
        currentContext: 'x',
      });
      const own = new Transport(config, 0);
      const rotating = new KubeClient({ transport: own, fieldManager: 'test' });
      const ask = () => rotating.get(CONFIG_MAPS, { namespace: 'default', name: 'errors' });
      await assert.rejects(ask, (error) => hasReason(error, 'Unreachable'));
      await copyFile(controlPlane.caFile, file('rotated-ca'));
      await assert.rejects(ask, (error) => hasReason(error, 'Unauthorized'));
      await writeFile(tokenFile, good.getCurrentUser()?.token ?? '');
      // client-node uses the wall clock.
      context.mock.timers.enable({ apis: ['Date'], now: Date.now() + 61_000 });
      assert.equal((await ask()).metadata.name, 'errors');
      await own.close();
    });

    it('sends no request after it is closed', async () => {
      const own = connect();
      const closed = new KubeClient({ transport: own, fieldManager: 'test' });
      await closed.get(CONFIG_MAPS, { namespace: 'default', name: 'errors' });
      await own.close();
      await assert.rejects(closed.get(CONFIG_MAPS, { namespace: 'default', name: 'errors' }), /is closed/);
    });

    it('sends no request if it is closed while it reads its credentials', async () => {
      const own = connect();
      const pending = assert.rejects(own.connection(), /is closed/);
      await own.close();
      await pending;
    });

    it('applies the time-out of a request to a credential plugin, too', async () => {
      const config = new KubeConfig();
      config.loadFromFile(controlPlane.kubeconfig);
      const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'sleep', args: ['5'] };
      config.loadFromOptions({ ...config, users: config.users.map(({ name }) => ({ name, exec })) });
      const own = new Transport(config);
      const asking = new KubeClient({ transport: own, fieldManager: 'test' });
      const signal = AbortSignal.timeout(200);
      const begun = performance.now();
      await assert.rejects(
        asking.get(CONFIG_MAPS, { namespace: 'default', name: 'errors' }, { signal }),
        (error) => hasReason(error, 'Timeout'),
      );
      assert.ok(performance.now() - begun < 4_000);
      await own.close();
    });

    it('lists the resources that the API server serves in a version of a group', async () => {
      const served = await client.servedResources({ group: 'coordination.k8s.io', version: 'v1' });
      assert.deepEqual(served, ['leases']);
      await assert.rejects(client.servedResources({ group: 'coordination.k8s.io', version: 'v0' }), (error) =>
        hasReason(error, 'NotFound'),
      );
    });

    it('requests only metadata if that is enough', async () => {
      await client.create(CONFIG_MAPS, configMap('canary', CANARY));
      const { items } = await client.list(CONFIG_MAPS, { namespace: 'default', metadataOnly: true });
      assert.ok(items.some(({ metadata }) => metadata.name === 'canary'));
      assert.ok(
        !JSON.stringify(
          items.map(({ metadata: { name, uid }, ...rest }) => ({ name, uid, ...rest })),
        ).includes(CANARY),
      );
    });

    it('opens no more connections for a thousand requests than the size of the pool', async () => {
      const sockets = () =>
        process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
      const own = connect();
      const busy = new KubeClient({ transport: own, fieldManager: 'test' });
      const before_ = sockets();
      let most = 0;
      await Promise.all(
        Array.from({ length: 1000 }, async () => {
          await busy.get(CONFIG_MAPS, { namespace: 'default', name: 'errors' });
          most = Math.max(most, sockets() - before_);
        }),
      );
      await own.close();
      assert.ok(most > 1 && most <= 16, `${most} connections`);
    });

    it('counts requests by verb, resource and code', () => {
      const of = (verb: string, code: string) =>
        records.filter((record) => record.verb === verb && record.code === code);
      assert.ok(
        of('get', '404').length > 0 && of('create', '409').length > 0 && of('list', '200').length > 0,
      );
    });
  });

  describe('Reflector', () => {
    it('lists by stream, and follows created, changed and deleted objects', async () => {
      const listed = records.filter(({ verb }) => verb === 'list').length;
      await followsChanges(client);
      assert.equal(records.filter(({ verb }) => verb === 'list').length, listed);
    });

    it('lists in pages if the API server cannot stream lists', async () => {
      await using older = await startControlPlane({
        extraApiServerArgs: ['--feature-gates=WatchList=false'],
      });
      const config = new KubeConfig();
      config.loadFromFile(older.kubeconfig);
      const own = new Transport(config);
      const codes: string[] = [];
      const onRequest = ({ verb, code }: RequestRecord) => codes.push(`${verb} ${code}`);
      await followsChanges(new KubeClient({ transport: own, fieldManager: 'test', onRequest }));
      await own.close();
      const reads = codes.filter((code) => !/^(create|patch)/.test(code));
      assert.deepEqual(reads, ['watch 422', 'list 200', 'list 200', 'watch 200']);
    });

    it('follows a server whose resource versions went back', async () => {
      await using restored = await startControlPlane();
      const own = new Transport(adminConfig(restored));
      const admin = new KubeClient({ transport: own, fieldManager: 'test', watchSilenceMs: 2_000 });
      await admin.create(CONFIG_MAPS, configMap('old', 'before'));
      const backup = await restored.backUp();
      const place = { namespace: 'default', name: 'old' };
      await admin.patch(CONFIG_MAPS, place, { data: { value: 'after' } });
      for (let index = 0; index < 50; index += 1) await admin.create(CONFIG_MAPS, configMap(`lost-${index}`));
      const { store, reflector } = reflect({}, CONFIG_MAPS, admin);
      await reflector.synced;
      assert.equal(store.get('default/old')?.value, 'after');
      const gone = new Set<string>();
      store.onChange(
        ({ before, after }) => before !== undefined && after === undefined && gone.add(before.name),
      );
      await restored.restore(backup);
      await until(() => store.get('default/old')?.value === 'before', 'the restored value', 60);
      await until(() => gone.size === 50, 'the lost objects to be removed');
      await admin.create(CONFIG_MAPS, configMap('new', 'x'));
      await until(
        () => store.get('default/new') !== undefined,
        'the object that was created after the restore',
      );
      await Promise.all([reflector.stop(), own.close()]);
    });

    it('treats an object that was deleted and recreated as another object', async () => {
      await client.create(CONFIG_MAPS, configMap('again', 'first'));
      const { store, reflector } = reflect();
      const uids = new Set<string>();
      store.onChange(({ after: item }) => item?.name === 'again' && uids.add(item.uid));
      await reflector.synced;
      await controlPlane.kubectl(['delete', 'configmap', 'again', '--namespace', 'default']);
      await client.create(CONFIG_MAPS, configMap('again', 'second'));
      await until(() => store.get('default/again')?.value === 'second', 'the second object');
      assert.equal(uids.size, 2);
      await reflector.stop();
    });

    it('receives only the objects that match its field selector', async () => {
      const secret = (name: string, type: string, data: object) =>
        client.create(SECRETS, {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { namespace: 'default', name },
          type,
          data,
        } as KubeObject);
      await secret('pull', 'kubernetes.io/dockerconfigjson', { '.dockerconfigjson': btoa('{}') });
      await secret('opaque', 'Opaque', { value: btoa(CANARY) });
      const { store, reflector } = reflect({ fieldSelector: 'type=kubernetes.io/dockerconfigjson' }, SECRETS);
      await reflector.synced;
      assert.deepEqual(
        [...store.values()].map(({ name }) => name),
        ['pull'],
      );
      await reflector.stop();
    });

    it('receives only metadata if its selection says so, in lists and in watches', async () => {
      const seen: KubeObject[] = [];
      const selection = { namespace: 'default', labelSelector: 'meta=only', metadataOnly: true };
      const keep = (object: KubeObject) => {
        seen.push(object);
        return storedMeta(object);
      };
      const store = new Store<Stored>({});
      await client.create(CONFIG_MAPS, configMap('listed', CANARY, { meta: 'only' }));
      const reflector = new Reflector({
        client,
        resource: CONFIG_MAPS,
        selection,
        project: keep,
        store,
        log: SILENT,
      });
      reflector.start();
      await reflector.synced;
      await client.create(CONFIG_MAPS, configMap('watched', CANARY, { meta: 'only' }));
      await until(() => store.size === 2, 'both objects');
      assert.doesNotMatch(JSON.stringify(seen), new RegExp(CANARY));
      await reflector.stop();
    });

    it('reports its progress to the store, so that a late response does not bring a deleted object back', async () => {
      const { store, reflector } = reflect();
      await reflector.synced;
      const answer = await client.create(CONFIG_MAPS, configMap('late'));
      await until(() => store.get('default/late') !== undefined, 'the object');
      await controlPlane.kubectl(['delete', 'configmap', 'late', '--namespace', 'default']);
      await until(() => store.get('default/late') === undefined, 'the object to be removed');
      store.setResponse(project(answer));
      assert.equal(store.get('default/late'), undefined);
      await reflector.stop();
    });

    it('removes an object from the store when its projection no longer keeps it', async () => {
      const store = new Store<Item>({});
      const some = (object: KubeObject) =>
        object.metadata.labels?.['keep'] === 'yes' ? project(object) : undefined;
      const selection = { namespace: 'default' };
      const reflector = new Reflector({
        client,
        resource: CONFIG_MAPS,
        selection,
        project: some,
        store,
        log: SILENT,
      });
      reflector.start();
      await reflector.synced;
      await client.create(CONFIG_MAPS, configMap('kept', '', { keep: 'yes' }));
      await until(() => store.size === 1, 'the object');
      await client.patch(
        CONFIG_MAPS,
        { namespace: 'default', name: 'kept' },
        { metadata: { labels: { keep: 'no' } } },
      );
      await until(() => store.size === 0, 'the object to be removed');
      await reflector.stop();
    });

    it('fills a store together with other reflectors, each for its own namespace', async () => {
      await controlPlane.kubectl(['create', 'namespace', 'second']);
      const store = new Store<Item>({});
      const keys = ['default/shared', 'second/shared'];
      for (const key of keys) {
        const { namespace } = splitKey(key);
        const { metadata, ...object } = configMap('shared', 'x', { shared: 'yes' });
        await client.create(CONFIG_MAPS, { ...object, metadata: { ...metadata, namespace } });
      }
      const reflectors = keys.map((key) => {
        const { namespace } = splitKey(key);
        const selection = { namespace, labelSelector: 'shared=yes' };
        return new Reflector({ client, resource: CONFIG_MAPS, selection, project, store, log: SILENT });
      });
      // One after the other: each list must leave the objects of the other namespace alone.
      for (const reflector of reflectors) {
        reflector.start();
        await reflector.synced;
      }
      assert.deepEqual([...store.values()].map(keyOf), keys);
      await controlPlane.kubectl(['delete', 'configmap', 'shared', '--namespace', 'second']);
      await until(() => store.size === 1, 'one object to be removed');
      assert.deepEqual([...store.values()].map(keyOf), ['default/shared']);
      await Promise.all(reflectors.map((reflector) => reflector.stop()));
    });

    it('continues after an outage of the API server, and misses nothing', async () => {
      const { store, reflector } = reflect();
      await reflector.synced;
      const size = store.size;
      await controlPlane.restartApiServer();
      await until(
        () => client.create(CONFIG_MAPS, configMap('after', 'x')),
        'the API server to accept a write',
      );
      await controlPlane.kubectl(['delete', 'configmap', 'canary', '--namespace', 'default']);
      await until(
        () => store.get('default/after') !== undefined,
        'the object that was created after the restart',
        60,
      );
      await until(
        () => store.get('default/canary') === undefined,
        'the object that was deleted after the restart to be removed',
        60,
      );
      assert.equal(store.size, size);
      await reflector.stop();
    });

    it('lists again if its resource version is too old', async () => {
      const expiring = new KubeClient({ transport, fieldManager: 'test' });
      let watches = 0;
      const { watch } = expiring;
      // The second watch starts at a resource version that the API server no longer has, as after a long pause.
      expiring.watch = (resource, selection, start, signal) => {
        watches += 1;
        const from = watches === 2 ? '1' : start.resourceVersion;
        const timeoutSeconds = watches === 1 ? 1 : start.timeoutSeconds;
        return watch.call(expiring, resource, selection, { resourceVersion: from, timeoutSeconds }, signal);
      };
      const store = new Store<Item>({});
      const selection = { namespace: 'default' };
      const reflector = new Reflector({
        client: expiring,
        resource: CONFIG_MAPS,
        selection,
        project,
        store,
        log: SILENT,
      });
      reflector.start();
      await reflector.synced;
      await until(() => watches >= 3, 'a third watch');
      await client.create(CONFIG_MAPS, configMap('fresh'));
      await until(() => store.get('default/fresh') !== undefined, 'the object that was created afterwards');
      await reflector.stop();
    });

    it('waits for a kind that is not installed, with a back-off, and follows it once it is installed', async () => {
      const widgets: Resource = { group: 'example.org', version: 'v1', plural: 'widgets', kind: 'Widget' };
      const requests = () => records.filter(({ resource }) => resource === 'widgets').length;
      const { store, reflector } = reflect({}, widgets);
      await until(() => requests() > 3, 'some requests');
      assert.equal(reflector.hasSynced, false);
      assert.ok(reflector.silentMs > reflector.idleMs, 'it has changed its state, and has received nothing');
      const [before, since] = [requests(), performance.now()];
      const schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
      const crd = {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: 'widgets.example.org' },
        spec: {
          group: 'example.org',
          scope: 'Namespaced',
          names: { plural: 'widgets', kind: 'Widget' },
          versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
        },
      };
      await controlPlane.kubectl(['create', '--filename', '-'], { input: JSON.stringify(crd) });
      await reflector.synced;
      assert.ok(reflector.silentMs < performance.now() - since, 'it has received something');
      // From the fourth attempt on, at least half a second passes between two attempts.
      assert.ok(
        requests() - before <= 2 + (performance.now() - since) / 500,
        `${requests() - before} requests`,
      );
      await client.create(widgets, {
        ...configMap('w', 'first'),
        apiVersion: 'example.org/v1',
        kind: 'Widget',
      });
      await until(() => store.get('default/w')?.value === 'first', 'the widget');
      await reflector.stop();
    });

    it('stops at any moment: while it lists, while it waits, and while it watches', async () => {
      const unreachable = clientOf('http://127.0.0.1:1');
      const options = { resource: CONFIG_MAPS, selection: { namespace: 'default' }, project, log: SILENT };
      const waiting = new Reflector({ ...options, client: unreachable.client, store: new Store<Item>({}) });
      waiting.start();
      const listing = new Reflector({ ...options, client, store: new Store<Item>({}) });
      listing.start();
      await listing.stop();
      const watching = reflect().reflector;
      await watching.synced;
      await watching.stop();
      await waiting.stop();
      assert.equal(waiting.hasSynced, false);
      await unreachable.transport.close();
    });
  });

  it('writes Events that kubectl shows', async () => {
    const recorder = new EventRecorder({ client, controller: 'test', log: SILENT });
    const { metadata } = await client.get(CONFIG_MAPS, { namespace: 'default', name: 'errors' });
    const regarding = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      namespace: 'default',
      name: 'errors',
      uid: metadata.uid ?? '',
    };
    await recorder.record(regarding, {
      type: 'Warning',
      reason: 'Broken',
      action: 'Test',
      note: `${'ä'.repeat(600)}`,
    });
    const { stdout } = await controlPlane.kubectl([
      'describe',
      'configmap',
      'errors',
      '--namespace',
      'default',
    ]);
    assert.match(stdout, /Warning\s+Broken.*ää/);
  });
});

function clientOf(server: string): { client: KubeClient; transport: Transport } {
  const config = new KubeConfig();
  config.loadFromClusterAndUser({ name: 'c', server, skipTLSVerify: true }, { name: 'u', token: 't' });
  const transport = new Transport(config);
  return { transport, client: new KubeClient({ transport, fieldManager: 'test' }) };
}
