import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { HELD_ANNOTATION, TEMPORARY_LABEL } from '../../../src/api/names.ts';
import { keyOf, storedMeta } from '../../../src/object/object.ts';
import { SCANS } from '../../../src/object/resources.ts';
import type { RawScan } from '../../../src/scan/raw-scan.ts';
import {
  type AdmittingController,
  CertificateFolder,
  createScan,
  grantAdmission,
  registerWebhooks,
  secretOf,
  startAdmitting,
  untilCalled,
} from '../../support/cluster/admission.ts';
import { Cluster, SECRETS, type Secret, type TestNamespace } from '../../support/cluster/cluster.ts';
import { ScanStates } from '../../support/cluster/scan-states.ts';
import { until } from '../../support/until.ts';

const COUNT = 100;
const CANARY = 'canary-9f1c7d';
/** Short durations, so that a follower takes over soon. */
const LEASE = ['--lease-duration', '3s', '--renew-deadline', '2s', '--retry-period', '500ms'];

const isHeld = ({ metadata }: RawScan) => metadata.annotations?.[HELD_ANNOTATION] === 'await-secret';

/** The states of the Scans when a controller was killed. */
type KillPoint =
  | 'held, no Secret'
  | 'held, with Secret'
  | 'resumed'
  | 'scanned, with Secret'
  | 'nothing open';

/** Starts and finishes the Scans of a namespace, as the operator of secureCodeBox does. */
class ScanOperator {
  /** By name of a Scan: what its pod would have mounted when it started. */
  readonly mounted = new Map<string, string>();
  readonly #cluster: Cluster;
  readonly #namespace: TestNamespace;
  readonly #states: ScanStates;
  readonly #running: Promise<void>[] = [];
  readonly #abort = new AbortController();
  readonly #loop: Promise<void>;

  constructor(cluster: Cluster, namespace: TestNamespace, states: ScanStates) {
    this.#cluster = cluster;
    this.#namespace = namespace;
    this.#states = states;
    this.#loop = this.#start();
  }

  async #start(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      for (const scan of await this.list()) {
        if (scan.spec.suspend === true || this.mounted.has(scan.metadata.name)) continue;
        const secret = await this.#namespace.get<Secret>(SECRETS, secretOf(scan) ?? 'none');
        this.mounted.set(scan.metadata.name, atob(secret?.data?.['config.json'] ?? ''));
        this.#running.push(this.#run(scan));
      }
      await delay(20);
    }
  }

  /** Every fifth Scan fails, and every seventh is deleted while it is scanning. */
  async #run(scan: RawScan): Promise<void> {
    const number = this.mounted.size;
    await this.#states.set(scan, 'Scanning');
    await delay(Math.random() * 2_000);
    if (number % 7 === 0) await this.#namespace.delete(SCANS, scan.metadata.name);
    else await this.#states.set(scan, number % 5 === 0 ? 'Errored' : 'ScanCompleted');
  }

  async list(): Promise<readonly RawScan[]> {
    const { items } = await this.#cluster.client.list(SCANS, { namespace: this.#namespace.name });
    return items as readonly RawScan[];
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#loop;
    await Promise.all(this.#running);
  }
}

describe(`${COUNT} Scans with the delivery Temporary, while controllers are killed at random`, () => {
  let cluster: Cluster;
  let namespace: TestNamespace;
  let states: ScanStates;
  let certificates: CertificateFolder;
  let operator: ScanOperator;
  const controllers: AdmittingController[] = [];
  const created: RawScan[] = [];
  const killPoints = new Map<KillPoint, number>();
  let kills = 0;

  before(async () => {
    cluster = await Cluster.start();
    await grantAdmission(cluster);
    states = new ScanStates(cluster);
    certificates = await CertificateFolder.create(cluster, 'certificates');
    const { ca } = await certificates.renew();
    for (const until of ['leading', 'following'] as const) controllers.push(await start({ until }));
    await registerWebhooks(cluster, { webhooks: controllers.map(({ webhook: url }) => ({ url })), ca });
    for (const controller of controllers) await untilCalled(cluster, controller);
    namespace = await cluster.namespace();
    await namespace.pullSecret('pull', { 'reg.example': { auth: btoa(`user:${CANARY}`) } });
    await namespace.binding('app', { delivery: 'Temporary' });
    await namespace.condition('app', 'Ready', 'True Ready');
    operator = new ScanOperator(cluster, namespace, states);
  });
  after(async () => {
    await operator?.stop();
    await states?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  function start(options: { readonly until: 'leading' | 'following' | 'serving'; readonly port?: number }) {
    return startAdmitting(cluster, certificates, { ...options, keepLease: true, flags: LEASE });
  }

  async function secrets(): Promise<readonly Secret[]> {
    return (await cluster.client.list(SECRETS, { namespace: namespace.name })).items as readonly Secret[];
  }

  async function leader(): Promise<number> {
    return until(async () => {
      for (const [index, { url }] of controllers.entries()) {
        const answer = await fetch(`${url}/readyz`).catch(() => undefined);
        if ((await answer?.text())?.startsWith('ok, leading')) return index + 1;
      }
      return undefined;
    }, 'a controller to lead');
  }

  async function killLeader(): Promise<void> {
    const index = (await leader()) - 1;
    const killed = controllers[index];
    assert.ok(killed);
    process.kill(killed.process.pid, 'SIGKILL');
    await killed.process.exited;
    kills += 1;
    await noteKillPoints();
    const next = await start({ until: 'serving', port: Number(new URL(killed.webhook).port) });
    controllers[index] = next;
    await until(async () => (await fetch(`${next.url}/readyz`)).ok, 'the new controller to be ready', 60);
  }

  /** Resolves when the leader has just created a Secret, so that it may not have resumed the Scan yet. */
  async function nextSecret(): Promise<void> {
    const abort = new AbortController();
    const selection = { namespace: namespace.name, labelSelector: TEMPORARY_LABEL };
    const { resourceVersion } = await cluster.client.list(SECRETS, selection);
    const from = { resourceVersion, timeoutSeconds: 10 };
    for await (const { type } of cluster.client.watch(SECRETS, selection, from, abort.signal))
      if (type === 'ADDED') break;
    abort.abort();
  }

  async function noteKillPoints(): Promise<void> {
    const existing = new Set((await secrets()).map(({ metadata }) => metadata.ownerReferences?.[0]?.uid));
    const points = (await operator.list()).flatMap((scan) => killPointOf(scan, existing));
    for (const point of points.length === 0 ? (['nothing open'] as const) : points)
      killPoints.set(point, (killPoints.get(point) ?? 0) + 1);
  }

  it('are all resumed, each with its credential when it starts', async () => {
    const creating = (async () => {
      for (let index = 0; index < COUNT; index += 1) {
        created.push(await createScan(cluster, namespace.name));
        await delay(Math.random() * 600);
      }
    })();
    while (created.length < COUNT) {
      await (Math.random() < 0.5 ? nextSecret() : delay(Math.random() * 1_500));
      await killLeader();
    }
    await creating;
    const names = created.map(({ metadata }) => metadata.name);
    await until(() => names.every((name) => operator.mounted.has(name)), 'all Scans to start', 60);
    const without = names.filter(
      (name) => operator.mounted.get(name)?.includes(btoa(`user:${CANARY}`)) !== true,
    );
    assert.deepEqual(without, []);
  });

  it('leave no Secret behind, and the namespace contains the credential only in its source', async () => {
    await operator.stop();
    await until(async () => (await secrets()).length === 1, 'all temporary Secrets to be deleted', 60);
    const holding = (await secrets()).filter((secret) => hasCanary(secret));
    assert.deepEqual(
      holding.map((secret) => keyOf(storedMeta(secret))),
      [`${namespace.name}/pull`],
    );
    assert.equal((await operator.list()).some(isHeld), false);
  });

  after(() => process.stderr.write(`${kills} kills: ${JSON.stringify(Object.fromEntries(killPoints))}\n`));
});

function killPointOf(scan: RawScan, owners: ReadonlySet<string | undefined>): readonly KillPoint[] {
  const hasSecret = owners.has(scan.metadata.uid);
  if (isHeld(scan)) return [hasSecret ? 'held, with Secret' : 'held, no Secret'];
  if (!hasSecret) return [];
  const { state = '' } = scan.status ?? {};
  return [state === '' || state === 'Scanning' ? 'resumed' : 'scanned, with Secret'];
}

/** Whether a value of the Secret contains the canary, in base64 or not. */
function hasCanary({ data = {} }: Secret): boolean {
  const texts = Object.values(data).map((value) => atob(value));
  return texts.some((text) => text.includes(CANARY) || text.includes(btoa(`user:${CANARY}`)));
}
