import assert from 'node:assert/strict';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { RunningController } from '../../../../hack/testenv/controller.ts';
import { imageCredentialBindings } from '../../../../src/api/index.ts';
import { type Binding, Cluster, secretNameOf, type TestNamespace } from '../../../support/cluster/cluster.ts';
import { until } from '../../../support/until.ts';

/**
 * A stand-in for a registry, because a real one answers at once: a test can hold back its answers. It lets everyone
 * pull each repository that is not held.
 */
class HeldRegistry {
  readonly host: string;
  readonly requests: string[] = [];
  readonly #server: Server;
  readonly #held = new Map<string, ServerResponse[]>();

  private constructor(server: Server) {
    this.#server = server;
    // A TCP server that listens has an AddressInfo.
    this.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(): Promise<HeldRegistry> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const self = new HeldRegistry(server);
    server.on('request', ({ url = '' }, response: ServerResponse) => self.#answer(url, response));
    return self;
  }

  /** Holds back the answers about this repository. */
  hold(repository: string): void {
    this.#held.set(repository, []);
  }

  /** Answers all pending and future requests about this repository: everyone may pull. */
  answer(repository: string): void {
    const responses = this.#held.get(repository) ?? [];
    this.#held.delete(repository);
    for (const response of responses) accept(response);
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #answer(url: string, response: ServerResponse): void {
    this.requests.push(url);
    const repository = /^\/v2\/(.+)\/manifests\//.exec(url)?.[1] ?? '';
    const held = this.#held.get(repository);
    if (held === undefined) accept(response);
    else held.push(response);
  }
}

function accept(response: ServerResponse): void {
  response
    .writeHead(200, { 'content-type': 'application/vnd.oci.image.manifest.v1+json', 'content-length': '0' })
    .end();
}

describe('verification on a real API server', () => {
  let cluster: Cluster;
  let registry: HeldRegistry;
  let controller: RunningController;
  let namespace: TestNamespace;
  const flags = () => [
    ...['--local-addresses', '127.0.0.1', '--insecure-registries', `${registry.host},127.0.0.2:1`],
    ...['--denied-registries', 'denied.example'],
  ];
  before(async () => {
    cluster = await Cluster.start();
    registry = await HeldRegistry.start();
    controller = await cluster.startController(...flags());
  });
  after(async () => {
    registry?.stop();
    await cluster?.[Symbol.asyncDispose]();
  });

  /** Creates a namespace with a pull secret for a host. */
  async function withSecret(host: string): Promise<void> {
    namespace = await cluster.namespace();
    await namespace.pullSecret('pull', { [host]: { auth: btoa('user:canary') } });
  }

  const mounted = async (name: string) => secretNameOf(await namespace.rawScan(name));

  it('is Preferred by default, waits for the first answer, and delays no other binding', async () => {
    await withSecret(registry.host);
    const image = `${registry.host}/slow`;
    registry.hold('slow');
    await namespace.scan('slow', [`${image}:1.0`]);
    await namespace.scan('quick', [`${registry.host}/quick:1.0`]);
    await namespace.put(imageCredentialBindings, {
      metadata: { name: 'slow' },
      spec: { image, imagePullSecrets: [{ name: 'pull' }] },
    });
    const { spec } = await namespace.condition('slow', 'Ready', 'False Verifying');
    assert.equal(spec.verification, 'Preferred');
    await namespace.condition('slow', 'Reconciling', 'True Verifying');
    await namespace.binding('quick', { image: `${registry.host}/quick`, verification: 'Required' });
    await namespace.condition('quick', 'Ready', 'True Ready');
    await namespace.bound('quick');
    assert.equal(await mounted('slow'), undefined);
    registry.answer('slow');
    const { status } = await namespace.condition('slow', 'Ready', 'True Ready');
    await namespace.bound('slow');
    assert.equal(
      status?.conditions?.some(({ type }) => type === 'Reconciling'),
      false,
    );
    assert.ok(registry.requests.includes('/v2/slow/manifests/1.0'));
  });

  it('leaves a scan with its binding until the registry has answered for the binding that takes precedence', async () => {
    await withSecret(registry.host);
    const image = `${registry.host}/rivals`;
    await namespace.scan('scan', [`${image}:1.0`]);
    await namespace.binding('holder', { image });
    await namespace.condition('holder', 'Ready', 'True Ready');
    registry.hold('rivals');
    await namespace.pullSecret('other', { [image]: { auth: btoa('other:canary') } });
    const imagePullSecrets = [{ name: 'other' }];
    await namespace.binding('exact', { image: `${image}:1.0`, imagePullSecrets, verification: 'Required' });
    await namespace.condition('exact', 'Ready', 'False Verifying');
    await namespace.condition('holder', 'ScansBound', 'True Bound');
    const { secretName } = await namespace.bound('scan');
    registry.answer('rivals');
    await namespace.condition('exact', 'ScansBound', 'True Bound');
    await namespace.condition('holder', 'ScansBound', 'True Overridden');
    assert.notEqual(await mounted('scan'), secretName);
  });

  it('sends no request to a denied registry, and reports that', async () => {
    await withSecret('denied.example');
    await namespace.binding('app', { image: 'denied.example/app', verification: 'Preferred' });
    const { status } = await namespace.condition('app', 'CredentialVerified', 'Unknown NotAllowed');
    assert.match(
      JSON.stringify(status),
      /the settings exclude the registry from checks\. Change the settings/,
    );
    await namespace.condition('app', 'Ready', 'True Ready');
  });

  it('sends no request to an address of this machine unless the address is listed', async () => {
    await withSecret('127.0.0.2:1');
    await namespace.binding('app', { image: '127.0.0.2:1/app', verification: 'Required' });
    const { status } = await namespace.condition('app', 'CredentialVerified', 'Unknown Unreachable');
    assert.match(
      JSON.stringify(status),
      /the registry has an address that the controller must not connect to/,
    );
    await namespace.condition('app', 'Ready', 'False Unreachable');
  });

  it('sends no request if verification is Never', async () => {
    await withSecret(registry.host);
    const before = registry.requests.length;
    await namespace.binding('app', { image: `${registry.host}/never`, verification: 'Never' });
    await namespace.condition('app', 'CredentialVerified', 'Unknown Disabled');
    assert.equal(registry.requests.length, before);
  });

  it('shows the verification time in the wide columns', async () => {
    const { stdout } = await cluster.controlPlane.kubectl(['get', 'icb', '--all-namespaces', '-o', 'wide']);
    assert.match(stdout, /REASON +DELIVERY +VERIFIED +EXPIRES +AGE\n/);
    assert.match(stdout, / quick .* Ready +Shared +\d+[sm]\S* +\d+[sm]/);
  });

  it('counts the requests to registries', async () => {
    const text = await (await fetch(`${controller.url}/metrics`)).text();
    assert.match(text, /^icb_registry_requests_total\{kind="ping",code="200"\} \d+$/m);
    assert.match(text, /^icb_registry_requests_total\{kind="manifest",code="200"\} \d+$/m);
    assert.doesNotMatch(text, /canary|127\.0\.0\.1:\d+/);
  });

  it('lets the controller stop while a registry does not answer', async () => {
    await withSecret(registry.host);
    registry.hold('silent');
    await namespace.binding('app', { image: `${registry.host}/silent`, verification: 'Preferred' });
    await namespace.condition('app', 'Ready', 'False Verifying');
    await until(() => registry.requests.includes('/v2/silent/manifests/latest'), 'the request');
    const begun = performance.now();
    assert.deepEqual(await controller.process.stop(), { code: 0, signal: null });
    assert.ok(performance.now() - begun < 8_000, 'before the request would have timed out');
    registry.answer('silent');
    controller = await cluster.startController(...flags());
    const { status }: Binding = await namespace.condition('app', 'Ready', 'True Ready');
    assert.equal(status?.credential?.secret.name, 'pull');
    assert.doesNotMatch(await controller.log(), /canary/);
  });
});
