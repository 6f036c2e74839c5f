import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Certificate, makeCertificate } from '../../../hack/testenv/certificate.ts';
import type { RunningController } from '../../../hack/testenv/controller.ts';
import { type Registry, startRegistry } from '../../../hack/testenv/registry/registry.ts';
import { TokenServer, type TokenUser } from '../../../hack/testenv/registry/token-server.ts';
import { imageCredentialBindings } from '../../../src/api/index.ts';
import {
  type Binding,
  Cluster,
  SCHEDULED_SCANS,
  settled,
  type TestNamespace,
} from '../../support/cluster/cluster.ts';
import { FaultProxy } from '../../support/faults/index.ts';
import { until } from '../../support/until.ts';

const log = (line: string) => process.stderr.write(`${line}\n`);
const USER = { username: 'puller', password: 'canary-first' };
const USERS: readonly TokenUser[] = [
  { username: 'a', password: 'canary-a', repositories: ['team-a/app', 'shared'] },
  { username: 'b', password: 'canary-b', repositories: ['team-b/app', 'shared'] },
];

/**
 * Two registries, each behind a proxy that records requests: one with htpasswd over plain HTTP, and one with a token
 * server over TLS.
 */
class Registries implements AsyncDisposable {
  readonly plain: Registry;
  readonly secure: Registry;
  readonly tokens: TokenServer;
  readonly plainProxy: FaultProxy;
  readonly secureProxy: FaultProxy;
  /** Paths that the controller requested. */
  readonly seen: string[];
  readonly #caFile: string;

  private constructor(
    parts: Pick<Registries, 'plain' | 'secure' | 'tokens' | 'plainProxy' | 'secureProxy' | 'seen'>,
    caFile: string,
  ) {
    this.plain = parts.plain;
    this.secure = parts.secure;
    this.tokens = parts.tokens;
    this.plainProxy = parts.plainProxy;
    this.secureProxy = parts.secureProxy;
    this.seen = parts.seen;
    this.#caFile = caFile;
  }

  static async start({ controlPlane: { group } }: Cluster): Promise<Registries> {
    const certificate: Certificate = await makeCertificate(group, ['127.0.0.1', 'localhost'], { log });
    const caFile = join(group.directory, 'registries-ca.pem');
    await writeFile(caFile, certificate.ca);
    const tokens = await TokenServer.start({ certificate, users: USERS, publicRepositories: ['public'] });
    const plain = await startRegistry({ user: USER, group, log });
    // This user may push to every repository.
    const pusher = {
      username: 'pusher',
      password: 'canary-pusher',
      repositories: ['team-a/app', 'team-b/app', 'shared', 'public'],
    };
    tokens.users = [...USERS, pusher];
    const secure = await startRegistry({ user: pusher, tokens: tokens.authority, certificate, group, log });
    const seen: string[] = [];
    const onRequest = ({ path }: { readonly path: string }) => void seen.push(path);
    const plainProxy = await FaultProxy.start({ upstream: `http://${plain.host}`, seed: 1, onRequest });
    const secureProxy = await FaultProxy.start({
      ...{ upstream: `https://${secure.host}`, ca: certificate.ca, seed: 1, onRequest },
      tls: { cert: certificate.certificate, key: certificate.key },
    });
    await plain.pushImage('shop/app:1.0', { a: 'a' });
    for (const name of pusher.repositories) await secure.pushImage(`${name}:1.0`, { a: name });
    return new Registries({ plain, secure, tokens, plainProxy, secureProxy, seen }, caFile);
  }

  get plainHost(): string {
    return new URL(this.plainProxy.url).host;
  }

  get secureHost(): string {
    return new URL(this.secureProxy.url).host;
  }

  get flags(): readonly string[] {
    return [
      ...['--local-addresses', '127.0.0.1', '--registry-ca-file', this.#caFile],
      ...['--insecure-registries', this.plainHost, '--log-level', 'debug'],
    ];
  }

  /** Changes the users of the token server and their passwords. */
  setUsers(users: readonly TokenUser[]): void {
    this.tokens.users = users;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.plainProxy.stop(), this.secureProxy.stop()]);
    await this.tokens[Symbol.asyncDispose]();
  }
}

function entry(username: string, password: string): { readonly auth: string } {
  return { auth: Buffer.from(`${username}:${password}`).toString('base64') };
}

// As the password of ECR: base64 of JSON that contains its expiration.
const passwordUntil = (expiration: number) => btoa(JSON.stringify({ payload: 'canary-ecr', expiration }));
const userWith = (password: string) => ({ username: 'AWS', password, repositories: ['team-a/app'] });

describe('verification with real registries', () => {
  let cluster: Cluster;
  let registries: Registries;
  let controller: RunningController;
  before(async () => {
    cluster = await Cluster.start();
    registries = await Registries.start(cluster);
    controller = await cluster.startController(...registries.flags);
  });
  after(async () => {
    await registries?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  /** Creates a namespace with these pull secrets: the entries of each, by name. */
  async function namespaceWith(secrets: Readonly<Record<string, unknown>>): Promise<TestNamespace> {
    const namespace = await cluster.namespace();
    for (const [name, auths] of Object.entries(secrets)) await namespace.pullSecret(name, auths);
    return namespace;
  }

  const named = (...names: readonly string[]) => names.map((name) => ({ name }));
  const status = async (namespace: TestNamespace, name = 'app') =>
    (await namespace.get<Binding>(imageCredentialBindings, name))?.status ?? {};
  const results = async (namespace: TestNamespace) =>
    (await status(namespace)).candidates?.map(
      ({ secret, result, reason }) => `${secret} ${result} ${reason}`,
    );
  const auth = async (namespace: TestNamespace, secretName: string) =>
    JSON.stringify(await namespace.trivyConfig(secretName));

  it('selects the second of two pull secrets if the registry refuses the first', async () => {
    const image = `${registries.plainHost}/shop/app`;
    const namespace = await namespaceWith({
      wrong: { [registries.plainHost]: entry(USER.username, 'canary-wrong') },
      right: { [registries.plainHost]: entry(USER.username, USER.password) },
    });
    await namespace.scan('scan', [`${image}:1.0`]);
    for (const verification of ['Preferred', 'Required'] as const) {
      await namespace.binding('app', { image, imagePullSecrets: named('wrong', 'right'), verification });
      await namespace.condition('app', 'Ready', 'True Ready');
      await namespace.condition('app', 'CredentialVerified', 'True Accepted');
      assert.deepEqual(await results(namespace), ['wrong Refused Denied', 'right Selected Accepted']);
      const { secretName } = await namespace.bound('scan');
      assert.ok((await auth(namespace, secretName)).includes(entry(USER.username, USER.password).auth));
    }
    assert.ok(
      registries.seen.includes('/v2/shop/app/manifests/1.0'),
      'a check uses the version that the scan names',
    );
  });

  it('delivers a new password at once, and verifies it', async () => {
    const image = `${registries.plainHost}/shop/app`;
    const secretOf = (password: string) => ({ [registries.plainHost]: entry(USER.username, password) });
    const namespace = await namespaceWith({ pull: secretOf(USER.password) });
    await namespace.scan('scan', [`${image}:1.0`]);
    await namespace.binding('app', { image, verification: 'Required' });
    await namespace.condition('app', 'CredentialVerified', 'True Accepted');
    const { secretName, scan } = await namespace.bound('scan');
    const before = (await status(namespace)).credential?.verifiedTime ?? '';
    await until(() => Date.now() > Date.parse(before) + 1_000, 'the next second');
    await registries.plain.setPassword('canary-second');
    await namespace.pullSecret('pull', secretOf('canary-second'));
    await until(
      async () => (await auth(namespace, secretName)).includes(entry(USER.username, 'canary-second').auth),
      'the new password in the Trivy Secret',
    );
    await until(
      async () => ((await status(namespace)).credential?.verifiedTime ?? '') > before,
      'the new password to be verified',
    );
    await namespace.condition('app', 'Ready', 'True Ready');
    assert.equal((await namespace.rawScan('scan')).metadata.resourceVersion, scan.metadata.resourceVersion);
    await registries.plain.setPassword(USER.password);
  });

  describe('with a credential that expires', () => {
    it('warns before a credential expires, and sends no request once it has expired', async () => {
      const { secureHost } = registries;
      const image = `${secureHost}/team-a/app`;
      const expires = Math.ceil(Date.now() / 1_000) + 6;
      const secretWith = (password: string) => ({ [secureHost]: entry('AWS', password) });
      const [first, second] = [passwordUntil(expires), passwordUntil(expires + 86_400)];
      registries.setUsers([...USERS, userWith(first), userWith(second)]);
      const namespace = await namespaceWith({ pull: secretWith(first) });
      await bindVerified(namespace, image);
      await assertExpirationShown(namespace, new Date(expires * 1_000).toISOString().replace('.000Z', 'Z'));

      await assertExpires(namespace);
      assert.ok(Date.now() >= expires * 1_000);
      const { secretName, scan } = await namespace.bound('scan');
      await assertRefusedWithoutRequest(namespace, 'another', image);

      await namespace.pullSecret('pull', secretWith(second));
      await namespace.condition('app', 'Ready', 'True Ready');
      await namespace.bound('another');
      assert.ok((await auth(namespace, secretName)).includes(entry('AWS', second).auth));
      assert.equal((await namespace.rawScan('scan')).metadata.resourceVersion, scan.metadata.resourceVersion);
      await assertWarnedOnce(namespace, ['ExpiresSoon', 'Expired']);
      registries.setUsers(USERS);
    });

    async function bindVerified(namespace: TestNamespace, image: string): Promise<void> {
      await namespace.scan('scan', [`${image}:1.0`]);
      await namespace.binding('app', { image, imagePullSecrets: named('pull'), verification: 'Required' });
      await namespace.condition('app', 'Ready', 'True ExpiresSoon');
      await namespace.condition('app', 'CredentialVerified', 'True Accepted');
    }

    async function assertExpirationShown(namespace: TestNamespace, expirationTime: string): Promise<void> {
      assert.equal((await status(namespace)).credential?.expirationTime, expirationTime);
      const wide = ['get', 'icb', 'app', '--namespace', namespace.name, '--output', 'wide'];
      assert.ok((await cluster.controlPlane.kubectl(wide)).stdout.includes(expirationTime));
    }

    /** Asserts that a scan with the expired credential is not bound, and that the registry gets no request. */
    async function assertRefusedWithoutRequest(
      namespace: TestNamespace,
      scan: string,
      image: string,
    ): Promise<void> {
      const shown = () => registries.tokens.seen.length;
      const before = shown();
      await namespace.scan(scan, [`${image}:1.0`]);
      await namespace.condition('app', 'ScansBound', 'False Expired');
      assert.equal(shown(), before);
    }

    async function assertExpires(namespace: TestNamespace): Promise<void> {
      await namespace.condition('app', 'Ready', 'False Expired');
      await namespace.condition('app', 'CredentialVerified', 'False Expired');
      assert.deepEqual(await results(namespace), ['pull Refused Expired']);
    }

    async function assertWarnedOnce(namespace: TestNamespace, reasons: readonly string[]): Promise<void> {
      const events = ['events', '--for', 'icb/app', '--namespace', namespace.name, '--types', 'Warning'];
      const warnings = (await cluster.controlPlane.kubectl(events)).stdout;
      for (const reason of reasons) {
        assert.equal(warnings.match(new RegExp(`Warning +${reason} `, 'g'))?.length, 1, warnings);
      }
    }
  });

  it("selects the entry for the repository's path on a host", async () => {
    const { secureHost } = registries;
    const pair = {
      [`${secureHost}/team-a`]: entry('a', 'canary-a'),
      [`${secureHost}/team-b`]: entry('b', 'canary-b'),
      [secureHost]: entry('nobody', 'canary-nobody'),
    };
    const namespace = await namespaceWith({ pair });
    for (const team of ['team-a', 'team-b']) {
      const image = `${secureHost}/${team}/app`;
      await namespace.scan(team, [`${image}:1.0`]);
      await namespace.binding(team, { image, imagePullSecrets: named('pair'), verification: 'Required' });
      await namespace.condition(team, 'CredentialVerified', 'True Accepted');
      const { secretName } = await namespace.bound(team);
      assert.ok((await auth(namespace, secretName)).includes(pair[`${secureHost}/${team}`]?.auth ?? ''));
    }
  });

  describe('of a public image or an image that the credentials cannot pull', () => {
    it('mounts nothing for a public image if all matching credentials are refused or none matches', async () => {
      const { secureHost } = registries;
      const image = `${secureHost}/public`;
      const namespace = await namespaceWith({
        refused: { [secureHost]: entry('nobody', 'canary-nobody') },
        unfit: { 'other.example': entry('a', 'canary-a') },
      });
      await namespace.scan('scan', [`${image}:1.0`]);
      for (const secret of ['refused', 'unfit']) {
        await namespace.binding('app', { image, imagePullSecrets: named(secret), verification: 'Required' });
        await namespace.condition('app', 'CredentialResolved', 'True Anonymous');
        await namespace.condition('app', 'CredentialVerified', 'True Accepted');
        await namespace.condition('app', 'Ready', 'True Ready');
      }
      assert.equal((await namespace.rawScan('scan')).spec.scanSpec.volumes, undefined);
      await namespace.binding('app', { image, imagePullSecrets: [], verification: 'Preferred' });
      await namespace.condition('app', 'CredentialResolved', 'True NoneNeeded');
      await namespace.condition('app', 'CredentialVerified', 'True Accepted');
    });

    it('distinguishes an image without pull secrets that is public from one that is not', async () => {
      const namespace = await namespaceWith({});
      const image = `${registries.secureHost}/team-a/app`;
      await namespace.binding('app', { image, imagePullSecrets: [], verification: 'Preferred' });
      await namespace.condition('app', 'CredentialVerified', 'Unknown NotCheckable');
      await namespace.condition('app', 'Ready', 'True Ready');
    });

    it('reports that a version does not exist, and binds the scan nevertheless', async () => {
      const { secureHost } = registries;
      const image = `${secureHost}/shared`;
      const namespace = await namespaceWith({ pull: { [secureHost]: entry('b', 'canary-b') } });
      await namespace.scan('scan', [`${image}:9.9`]);
      await namespace.binding('app', { image, verification: 'Required' });
      await namespace.condition('app', 'CredentialVerified', 'True ManifestUnknown');
      await namespace.bound('scan');
    });

    it('binds nothing if all credentials are refused, and says what to do', async () => {
      const { secureHost } = registries;
      const image = `${secureHost}/team-a/app`;
      const namespace = await namespaceWith({ pull: { [secureHost]: entry('a', 'canary-wrong') } });
      await namespace.scan('scan', [`${image}:1.0`]);
      await namespace.binding('app', { image, verification: 'Preferred' });
      await namespace.condition('app', 'CredentialVerified', 'False Denied');
      const { status: found } = await namespace.condition('app', 'Ready', 'False Denied');
      assert.match(JSON.stringify(found?.conditions), /Secret pull \(HTTP 401\).*Correct the password/);
      assert.equal((await namespace.rawScan('scan')).spec.scanSpec.volumes, undefined);
      await namespace.pullSecret('pull', { [secureHost]: entry('a', 'canary-a') });
      await namespace.condition('app', 'CredentialVerified', 'True Accepted');
      await namespace.bound('scan');
    });
  });

  it('sends no request and writes nothing after a restart', async () => {
    await settled(cluster);
    assert.deepEqual(await controller.process.stop(), { code: 0, signal: null });
    const from = (await cluster.controlPlane.auditEvents()).length;
    registries.seen.length = 0;
    registries.tokens.seen.length = 0;
    controller = await cluster.startController(...registries.flags);
    const { items } = await cluster.client.list(imageCredentialBindings, {});
    await until(async () => (await reconciled(controller)) >= items.length, 'every binding to be reconciled');
    await settled(cluster);
    assert.deepEqual(registries.seen, []);
    assert.deepEqual(registries.tokens.seen, []);
    const writes = await cluster.writesOfController(from);
    assert.deepEqual(
      writes.map(({ verb, requestURI }) => `${verb} ${requestURI}`),
      [],
    );
  });

  it('writes no password to its log, into objects or Events', async () => {
    assert.doesNotMatch(await controller.log(), /canary|Y2FuYXJ5/);
    for (const resource of [imageCredentialBindings, SCANS, EVENTS]) {
      const { items } = await cluster.client.list(resource, {});
      assert.doesNotMatch(JSON.stringify(items), /canary|Y2FuYXJ5/);
    }
  });

  it('checks one repository at once with a new password, and the others later', async () => {
    const { plainHost } = registries;
    const namespace = await namespaceWith({ pull: { [plainHost]: entry(USER.username, USER.password) } });
    const names = Array.from({ length: 8 }, (_, index) => `many/app-${index}`);
    for (const name of names) {
      await registries.plain.pushImage(`${name}:1.0`, { a: name });
      const image = `${plainHost}/${name}`;
      await namespace.binding(name.replace('/', '-'), { image, verification: 'Required' });
    }
    for (const name of names) await namespace.condition(name.replace('/', '-'), 'Ready', 'True Ready');
    await settled(cluster);
    registries.seen.length = 0;
    await registries.plain.setPassword('canary-third');
    await namespace.pullSecret('pull', { [plainHost]: entry(USER.username, 'canary-third') });
    const checked = () => new Set(registries.seen.filter((path) => path.includes('/manifests/')));
    await until(() => checked().size > 0, 'one repository to be checked');
    await settled(cluster);
    // The delays of the other seven are random within 10 to 70 seconds. They practically never all expire by now.
    assert.ok(checked().size < names.length, [...checked()].join());
    for (const name of names) await namespace.condition(name.replace('/', '-'), 'Ready', 'True Ready');
    await registries.plain.setPassword(USER.password);
  });

  describe('with checks every two seconds', () => {
    before(async () => {
      for (const { metadata } of (await cluster.client.list(imageCredentialBindings, {})).items) {
        await cluster.controlPlane.kubectl([
          ...['delete', 'icb', metadata.name, '--namespace', metadata.namespace ?? ''],
        ]);
      }
      await controller.process.stop();
      controller = await cluster.startController(...registries.flags, '--check-interval', '2s');
    });

    it('binds with Preferred and waits with Required while the registry is down, and verifies both afterwards', async () => {
      const image = `${registries.plainHost}/shop/app`;
      const namespace = await namespaceWith({
        pull: { [registries.plainHost]: entry(USER.username, USER.password) },
      });
      const exact = `${image}:1.0`;
      await namespace.scan('required', [exact], { metadata: { labels: { team: 'required' } } });
      await namespace.scan('preferred', [exact], { metadata: { labels: { team: 'preferred' } } });
      await registries.plain.pause();
      for (const verification of ['Required', 'Preferred'] as const) {
        const team = verification.toLowerCase();
        await namespace.binding(team, { image, verification, scanSelector: { matchLabels: { team } } });
      }
      await namespace.condition('preferred', 'CredentialVerified', 'Unknown Unreachable');
      await namespace.condition('preferred', 'Ready', 'True Ready');
      await namespace.bound('preferred');
      await namespace.condition('required', 'Ready', 'False Unreachable');
      await namespace.condition('required', 'Reconciling', 'True Unreachable');
      assert.equal((await namespace.rawScan('required')).spec.scanSpec.volumes, undefined);
      await registries.plain.resume();
      for (const name of ['preferred', 'required']) {
        await namespace.condition(name, 'CredentialVerified', 'True Accepted');
        await namespace.condition(name, 'Ready', 'True Ready');
        await namespace.bound(name);
      }
    });

    it('keeps an accepted credential with its old verification time while the registry is down', async () => {
      const image = `${registries.plainHost}/shop/app`;
      const namespace = await namespaceWith({
        pull: { [registries.plainHost]: entry(USER.username, USER.password) },
      });
      await namespace.binding('app', { image, verification: 'Required' });
      await namespace.condition('app', 'CredentialVerified', 'True Accepted');
      await registries.plain.pause();
      const down = await namespace.condition('app', 'CredentialVerified', 'True AcceptedBefore');
      const time = down.status?.credential?.verifiedTime ?? '';
      await namespace.condition('app', 'Ready', 'True Ready');
      assert.match(
        JSON.stringify(down.status?.conditions),
        /accepted earlier, but cannot be checked now: the registry /,
      );
      await registries.plain.resume();
      const back = await namespace.condition('app', 'CredentialVerified', 'True Accepted');
      assert.ok((back.status?.credential?.verifiedTime ?? '') > time);
    });

    it('replaces a refused credential with the next one, and reports that in history and in an Event', async () => {
      const { secureHost } = registries;
      const image = `${secureHost}/shared`;
      const namespace = await namespaceWith({
        first: { [secureHost]: entry('a', 'canary-a') },
        second: { [secureHost]: entry('b', 'canary-b') },
      });
      await namespace.scan('scan', [`${image}:1.0`]);
      await namespace.binding('app', {
        image,
        imagePullSecrets: named('first', 'second'),
        verification: 'Preferred',
      });
      await namespace.condition('app', 'CredentialVerified', 'True Accepted');
      const { secretName } = await namespace.bound('scan');
      registries.setUsers(USERS.filter(({ username }) => username === 'b'));
      await until(
        async () => (await status(namespace)).credential?.secret.name === 'second',
        'the second Secret to be used',
      );
      await until(
        async () => (await namespace.bound('scan')).secretName !== secretName,
        'the scan to mount its Trivy Secret',
      );
      assert.deepEqual(await results(namespace), ['first Refused Denied', 'second Selected Accepted']);
      const { history = [] } = await status(namespace);
      assert.deepEqual(
        history.map(({ reason, from, to, scans }) => ({ reason, from: from.secret, to: to.secret, scans })),
        [{ reason: 'CredentialChanged', from: 'first', to: 'second', scans: 1 }],
      );
      await until(async () => {
        const { items } = await cluster.client.list(EVENTS, { namespace: namespace.name });
        return /now use .*Secret second instead of .*Secret first, which the registry refuses \(HTTP 401\)/.test(
          JSON.stringify(items).replaceAll('\\"', ''),
        );
      }, 'the Event');
      registries.setUsers(USERS);
      await until(
        async () => (await status(namespace)).credential?.secret.name === 'first',
        'the first Secret to be used again',
      );
      await namespace.delete(imageCredentialBindings, 'app');
    });

    it('sends no request to a registry for the delay that the registry requested', async () => {
      for (const { metadata } of (await cluster.client.list(imageCredentialBindings, {})).items) {
        await cluster.controlPlane.kubectl([
          ...['delete', 'icb', metadata.name, '--namespace', metadata.namespace ?? ''],
        ]);
      }
      await settled(cluster);
      const { secureHost } = registries;
      const namespace = await namespaceWith({ pull: { [secureHost]: entry('a', 'canary-a') } });
      const times: number[] = [];
      registries.seen.length = 0;
      const limited = registries.secureProxy.once(
        { kind: 'status', code: 429, retryAfterSeconds: 3 },
        () => times.push(Date.now()) > 0,
      );
      await namespace.binding('app', { image: `${secureHost}/team-a/app:1.0`, verification: 'Required' });
      await limited;
      await namespace.condition('app', 'CredentialVerified', 'Unknown RateLimited');
      assert.equal(registries.seen.length, 1);
      await until(() => registries.seen.length > 1, 'another request');
      assert.ok(Date.now() - (times[0] ?? 0) >= 3_000);
      await namespace.condition('app', 'Ready', 'True Ready');
    });
  });
});

const SCANS = SCHEDULED_SCANS;
const EVENTS = { group: 'events.k8s.io', version: 'v1', plural: 'events', kind: 'Event' };

async function reconciled({ url }: RunningController): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const count = /icb_reconcile_duration_seconds_count\{controller="binding",result="success"\} (\d+)/.exec(
    text,
  )?.[1];
  return Number(count ?? 0);
}
