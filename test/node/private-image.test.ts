import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { buildTestImage, programImage, trivyImage } from '../../hack/testenv/node/images.ts';
import { type Registry, startRegistry } from '../../hack/testenv/registry/registry.ts';
import { trivyImageScanType } from '../../hack/testenv/securecodebox/index.ts';
import type { Scan, ScanSpec, ScheduledScan } from '../../hack/testenv/securecodebox/objects.ts';
import { scanFor } from '../../hack/testenv/securecodebox/scheduled-scan.ts';
import { tools } from '../../hack/testenv/tools/tools.ts';
import { imageCredentialBindings } from '../../src/api/index.ts';
import type { KubeObject, Resource } from '../../src/object/object.ts';
import { SCANS } from '../../src/object/resources.ts';
import type { RawScan } from '../../src/scan/raw-scan.ts';
import { createScan, secretOf, untilScan } from '../support/cluster/admission.ts';
import {
  type Binding,
  SCHEDULED_SCANS,
  SECRETS,
  secretNameOf,
  type TestNamespace,
} from '../support/cluster/cluster.ts';
import { PODS } from '../support/cluster/pods.ts';
import { ScanStates } from '../support/cluster/scan-states.ts';
import { log, type NodeCluster } from '../support/node.ts';
import { until } from '../support/until.ts';
import { environment, installController, skip } from './environment.ts';
import { type Pod, runScanner, type ScannerRun } from './scanner-pod.ts';

const DEPLOYMENTS: Resource = { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment' };
const TRIVY_IMAGE = 'localhost/trivy:1.0';
const REPOSITORY = 'shop/payments';
const USERS = {
  first: { username: 'first', password: 'canary-first-9Xw' },
  second: { username: 'second', password: 'canary-second-2Lm' },
} as const;
const CHANGED = 'canary-changed-5Tk';
const SECONDS = 90;

describe('a workload with a private image on a real node', { skip }, () => {
  let shared: NodeCluster;
  let namespace: TestNamespace;
  let first: Registry;
  /** Repositories, as the node names them. */
  let oldImage: string;
  let newImage: string;
  let digest: string;
  let runs = 0;

  before(async () => {
    shared = await environment();
    const { cluster, node } = shared;
    const { group } = cluster.controlPlane;
    first = await startRegistry({ user: USERS.first, group, log });
    const second = await startRegistry({ user: USERS.second, group, log });
    const { workload, trivy } = await tools(['workload', 'trivy'], log);
    const { archive } = await buildTestImage(await programImage('payments:1.0', workload, 'payments'));
    digest = await first.pushArchive(`${REPOSITORY}:1.0`, archive);
    assert.equal(await second.pushArchive(`${REPOSITORY}:1.0`, archive), digest);
    const hosts = [await node.expose(first.host), await node.expose(second.host)] as const;
    [oldImage, newImage] = [`${hosts[0]}/${REPOSITORY}`, `${hosts[1]}/${REPOSITORY}`];
    const scanner = buildTestImage(await trivyImage(TRIVY_IMAGE, trivy));
    await Promise.all([scanner.then((image) => node.load(image.archive)), installController(hosts)]);
    namespace = await cluster.namespace();
    await namespace.pullSecret('old', { [hosts[0]]: auth(USERS.first) });
    await namespace.pullSecret('new', { [hosts[1]]: auth(USERS.second) });
  });

  /** Deploys the workload, and waits until the kubelet has pulled the image and runs it. */
  async function deploy(image: string, secret: string): Promise<void> {
    const labels = { app: 'payments' };
    const spec = {
      imagePullSecrets: [{ name: secret }],
      containers: [{ name: 'payments', image: `${image}:1.0`, imagePullPolicy: 'Always' }],
    };
    await namespace.put(DEPLOYMENTS, {
      metadata: { name: 'payments' },
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
    });
    await until(
      async () => (await pods()).every((pod) => isRunning(pod, image)) && (await pods()).length === 1,
      `the kubelet to run ${image}`,
      SECONDS,
    );
  }

  async function pods(): Promise<readonly Pod[]> {
    const { items } = await shared.cluster.client.list(PODS, { namespace: namespace.name });
    // The API server returns pods.
    return items.filter(({ metadata }) => metadata.name.startsWith('payments-')) as readonly Pod[];
  }

  /** Waits for the binding that discovery makes. */
  async function discovered(image: string): Promise<Binding> {
    return until(
      async () => {
        const { items } = await shared.cluster.client.list(imageCredentialBindings, {
          namespace: namespace.name,
        });
        const binding = items.find((item) => (item as Binding).spec.image === image) as Binding | undefined;
        const reasons = binding?.status?.conditions?.map(({ type, reason }) => `${type} ${reason}`);
        return reasons?.includes('Ready Ready') && reasons.includes('CredentialVerified Accepted') && binding;
      },
      `a ready binding for ${image}`,
      SECONDS,
    );
  }

  /** Runs Trivy as secureCodeBox does with the present ScheduledScan. */
  async function scan(): Promise<ScannerRun> {
    const raw = await namespace.rawScan('payments');
    return run(raw.spec.scanSpec);
  }

  /** Runs Trivy as secureCodeBox does for a Scan. */
  async function run(spec: RawScan['spec']): Promise<ScannerRun> {
    runs += 1;
    return runScanner(shared, {
      namespace: namespace.name,
      name: `payments-scan-${runs}`,
      scanType: trivyImageScanType(namespace.name, { extraArgs: ['--insecure'] }),
      // The CRD has checked the shape.
      spec: spec as unknown as ScanSpec,
      image: TRIVY_IMAGE,
    });
  }

  function assertScanned(run: ScannerRun, image: string): void {
    assert.equal(run.exitCode, 0, run.log);
    const { Metadata } = run.results as {
      readonly Metadata?: { readonly RepoDigests?: readonly string[] };
    };
    assert.deepEqual(Metadata?.RepoDigests, [`${image}@${digest}`]);
  }

  it('cannot be scanned without a credential', async () => {
    await namespace.scan('payments', [`${oldImage}@${digest}`]);
    const run = await scan();
    assert.notEqual(run.exitCode, 0);
    assert.match(run.log, /UNAUTHORIZED/);
  });

  it('is pulled by the kubelet, and Trivy pulls it with the credential that discovery finds', async () => {
    await deploy(oldImage, 'old');
    await discovered(oldImage);
    await namespace.bound('payments');
    assertScanned(await scan(), oldImage);
  });

  describe('with the webhook', () => {
    /** Waits until the controller has resumed a Scan that the webhook has held. Asserts that it is bound, and runs it. */
    async function runBound(created: RawScan): Promise<ScannerRun> {
      const isResumed = ({ spec }: RawScan) => spec.suspend === false;
      const found = await untilScan(shared.cluster, created, isResumed, SECONDS);
      assert.match(secretOf(found) ?? '', /^trivy-/);
      return run(found.spec);
    }

    it('is scanned by a one-off Scan, and by the first Scan of a new ScheduledScan', async () => {
      const parameters = [`${oldImage}@${digest}`];
      const { client } = shared.cluster;
      const isBound = (created: RawScan) => created.spec.suspend === true || secretOf(created) !== undefined;
      const oneOff = await until(async () => {
        const created = await createScan(shared.cluster, namespace.name, { spec: { parameters } });
        return isBound(created) ? created : undefined;
      }, 'the API server to call the webhook');
      // Its run is due, so the controller does not bind the ScheduledScan itself before secureCodeBox has created the Scan.
      await namespace.scan('new', parameters, { spec: { suspend: false } });
      const scheduled = await namespace.rawScan('new');
      assert.equal(secretNameOf(scheduled), undefined);
      // The API server returns the stored object.
      const first = scanFor(scheduled as KubeObject as ScheduledScan, Date.now());
      const created = (await client.create(SCANS, first)) as Scan as KubeObject as RawScan;
      const both = await Promise.all([runBound(oneOff), runBound(created)]);
      for (const one of both) assertScanned(one, oldImage);
      await namespace.delete(SCHEDULED_SCANS, 'new');
    });
  });

  it('is scanned again after the password changes', async () => {
    await first.setPassword(CHANGED);
    assert.match((await scan()).log, /UNAUTHORIZED/);
    await namespace.pullSecret('old', {
      [oldImage.slice(0, oldImage.indexOf('/'))]: auth({ ...USERS.first, password: CHANGED }),
    });
    const { secretName } = await namespace.bound('payments');
    const changed = auth({ ...USERS.first, password: CHANGED }).auth;
    await until(
      async () => JSON.stringify(await namespace.trivyConfig(secretName)).includes(changed),
      'the new password in the Trivy Secret',
    );
    assertScanned(await scan(), oldImage);
  });

  it('is scanned again after the workload has migrated to another registry', async () => {
    await deploy(newImage, 'new');
    await discovered(newImage);
    await until(
      async () => {
        const { parameters } = (await namespace.rawScan('payments')).spec.scanSpec;
        return JSON.stringify(parameters) === JSON.stringify([`${newImage}@${digest}`]);
      },
      'the scan to be migrated',
      SECONDS,
    );
    assertScanned(await scan(), newImage);
  });

  describe('with another delivery', () => {
    it('is scanned with its pull secret itself mounted, without a copy of the credential', async () => {
      const spec = {
        image: newImage,
        imagePullSecrets: [{ name: 'new' }],
        verification: 'Required',
      } as const;
      await namespace.binding('direct', { ...spec, delivery: 'Direct' });
      await until(
        async () => (await namespace.bound('payments')).secretName === 'new',
        'the scan to mount the pull secret',
        SECONDS,
      );
      assertScanned(await scan(), newImage);
    });

    it('is scanned with a Secret of its own, which is deleted when the scanner has finished', async () => {
      const { cluster } = shared;
      await using states = new ScanStates(cluster);
      const spec = { image: newImage, imagePullSecrets: [{ name: 'new' }], verification: 'Never' } as const;
      await namespace.binding('direct', { ...spec, delivery: 'Temporary' });
      await namespace.condition('direct', 'Ready', 'True Ready', SECONDS);
      const parameters = [`${newImage}@${digest}`];
      const created = await createScan(cluster, namespace.name, { spec: { parameters } });
      const resumed = await untilScan(cluster, created, ({ spec: { suspend } }) => suspend === false);
      const own = secretOf(resumed) ?? '';
      assert.notEqual(await namespace.get(SECRETS, own), undefined);
      assertScanned(await run(resumed.spec), newImage);
      await states.set(resumed, 'ScanCompleted');
      await until(async () => (await namespace.get(SECRETS, own)) === undefined, 'the Secret to be deleted');
    });
  });
});

/** Whether a pod runs this image, and is not being deleted. */
function isRunning(pod: Pod, image: string): boolean {
  const [container] = pod.status?.containerStatuses ?? [];
  const spec = (pod as KubeObject & { readonly spec: { readonly containers: readonly { image: string }[] } })
    .spec;
  return container?.state?.running !== undefined && spec.containers[0]?.image === `${image}:1.0`;
}

function auth({ username, password }: { readonly username: string; readonly password: string }) {
  return { auth: btoa(`${username}:${password}`) };
}
