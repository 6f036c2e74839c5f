import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RELEASE } from '../../../hack/testenv/controller.ts';
import { until } from '../until.ts';
import type { ReaderCluster } from './cluster.ts';
import { readPage } from './markdown.ts';
import { shows } from './output.ts';
import { runQuickstartRegistry } from './quickstart.ts';
import { NAMESPACE, type Reader } from './reader.ts';

/** What a page needs, besides a cluster with secureCodeBox and the empty namespace `shop`. */
export interface Setup {
  /** Whether the chart is installed and its controller leads. The default is `Installed`. */
  readonly chart?: 'Installed' | 'Absent';
  /** Creates what the page expects to exist. */
  readonly before?: (reader: Reader, cluster: ReaderCluster) => Promise<void>;
  /** The value for each `<word>` in a command. */
  readonly placeholders?: Readonly<Record<string, string>>;
  /** Checks results that the page does not show itself. */
  readonly after?: (reader: Reader, cluster: ReaderCluster) => Promise<void>;
}

/** Pages in the order of execution. Other pages follow, with the default setup. */
export const SETUPS: Readonly<Record<string, Setup>> = {
  'docs/getting-started.md': {
    chart: 'Absent',
    after: async (reader) => assert.equal(await boundScans(reader), ''),
  },
  'docs/quickstart-kind.md': {
    chart: 'Absent',
    before: async (_, cluster) => runQuickstartRegistry(cluster),
    after: async (reader, { secureCodeBox }) => {
      const [first] = secureCodeBox.runs.slice(-2);
      assertLogged(first, errorIn('docs/quickstart-kind.md'));
      await reader.succeed('kubectl delete deployments,services,jobs --all');
      await until(async () => (await boundScans(reader)) === '', 'the ScheduledScan to be unbound');
    },
  },
  'README.md': {
    before: async (reader, { secureCodeBox }) => {
      await reader.succeed('kubectl apply --filename docs/examples/pull-secret.yaml');
      const first = secureCodeBox.nextRun(NAMESPACE, 'payments');
      await reader.succeed('kubectl apply --filename docs/examples/scheduled-scan.yaml');
      assertLogged(await first, errorIn('README.md'));
    },
  },
  'docs/observe.md': {
    before: async (reader, { secureCodeBox }) => {
      await reader.succeed('kubectl apply --filename docs/examples/pull-secret.yaml');
      const first = secureCodeBox.nextRun(NAMESPACE, 'payments');
      await reader.succeed('kubectl apply --filename docs/examples/scheduled-scan.yaml');
      await first;
    },
    after: async (reader) => {
      await until(async () => (await boundScans(reader)) === '', 'the ScheduledScan to be unbound');
    },
  },
  'docs/from-the-init-container.md': {
    before: async (reader, { secureCodeBox }) => {
      const scan = 'payments-scan-at-1f3c';
      const first = secureCodeBox.nextRun(NAMESPACE, scan);
      await reader.succeed('kubectl apply --filename docs/examples/pull-secret.yaml');
      await applyBlock(reader, 'docs/from-the-init-container.md', 'autodiscovery-scan.yaml');
      assert.equal((await first).state, 'Done');
      // The start times of the two Scans must differ by a second, so that the later one is known.
      const second = Math.ceil(Date.now() / 1_000) * 1_000;
      await until(() => Date.now() > second, 'another second');
      assert.equal((await secureCodeBox.trigger(NAMESPACE, scan)).state, 'Errored');
    },
  },
  'docs/discovery.md': {
    before: async (reader) => {
      for (const image of ['shop/payments', 'tools/lint']) await applyPod(reader, image);
    },
    after: async (reader) => {
      const left = await reader.succeed('kubectl get icb --output name');
      assert.match(left, /^\S+\/shop-payments-f995c660\s*$/);
    },
  },
  'docs/operations.md': {
    before: applyExamples,
    after: async (reader, { pods }) => {
      // The page ends with the removal of the controller.
      assert.equal(await boundScans(reader), '');
      await reader.succeed(`helm install ${RELEASE} charts/${RELEASE} --namespace ${RELEASE}`);
      await pods.follow();
      const sample = readPage('docs/operations.md').blocks.find(({ text }) => text.includes('readyz'));
      assert.ok(sample !== undefined);
      const [, ...shown] = sample.text.split('\n');
      const found = await pods.readyz();
      assert.ok(shows(shown.join('\n'), found), found);
      await reader.succeed('kubectl apply --filename bindings-backup.yaml');
      await reader.succeed('kubectl wait icb/payments --for=condition=Ready --timeout=60s');
    },
  },
  'docs/alerts.md': {
    before: async (reader) => {
      const crds = 'test/support/fixtures/prometheus-operator-crds';
      await reader.succeed(`kubectl apply --server-side --filename ${crds}`);
      await reader.succeed(`kubectl wait --for=condition=Established --timeout=60s --filename ${crds}`);
    },
  },
  'docs/namespaces.md': { before: (reader) => namespaces(reader, 'payments') },
  'docs/policy.md': {
    before: async (reader) => {
      await reader.succeed(
        'kubectl create role jane --verb=get,create,patch --resource=imagecredentialbindings.credentials.securecodebox.io',
      );
      await reader.succeed('kubectl create rolebinding jane --role=jane --user=jane');
      const write = 'kubectl apply --dry-run=server --as jane --filename docs/examples/binding.yaml';
      await until(
        async () => (await reader.run(write)).stderr.includes('ValidatingAdmissionPolicy'),
        'the policy to take effect',
      );
    },
  },
  'docs/check.md': { before: applyExamples },
  'docs/explain.md': { before: applyExamples },
  'docs/platforms/README.md': {
    before: async (reader) => {
      await reader.succeed('kubectl create secret generic ecr-keys --from-literal=AWS_ACCESS_KEY_ID=AKIA');
    },
  },
  'docs/platforms/google.md': {
    before: (reader) => writeFile(join(reader.folder, 'key.json'), '{"type": "service_account"}'),
  },
  'docs/gitops.md': {
    before: async (reader) => {
      await addOnCrds(reader);
      await namespaces(reader, 'argocd', 'flux-system');
    },
  },
  'docs/pull-secret-sources.md': {
    before: async (reader) => {
      await addOnCrds(reader);
      await namespaces(reader, 'registries');
      // Kubernetes' controller manager creates it, which does not run here.
      await reader.succeed('kubectl create serviceaccount default');
    },
  },
  'docs/proxies-and-cas.md': {
    before: (reader) => writeFile(join(reader.folder, 'ca.crt'), 'PEM'),
  },
  'docs/audit.md': {
    before: applyExamples,
    after: async (reader) => {
      const csv = await readFile(join(reader.folder, 'bindings.csv'), 'utf8');
      const row = `${NAMESPACE},payments,registry.example.org/shop/payments,Generic,registry-example-org,Shared,True,`;
      assert.ok(csv.includes(`\r\n${row}`), csv);
    },
  },
  'docs/cli.md': { before: applyExamples },
  'docs/unbind.md': {
    before: applyExamples,
    after: async (reader) => assert.equal(await boundScans(reader), ''),
  },
  'docs/uninstalling.md': {
    before: applyExamples,
    after: async (reader) => {
      assert.equal(await boundScans(reader), '');
      await until(
        async () => !(await reader.succeed('kubectl get crd --output name')).includes('credentials.'),
        'the CRD to be deleted',
      );
    },
  },
};

/** The line of a page that shows Trivy's error. */
function errorIn(path: string): string {
  const lines = readPage(path).blocks.flatMap(({ text }) => text.split('\n'));
  const error = lines.find((line) => line.includes('UNAUTHORIZED'));
  assert.ok(error !== undefined, `${path} shows Trivy's error`);
  return error.trim();
}

/** Fails unless Trivy has printed this line, which may leave out parts as `...`. */
function assertLogged(run: { readonly log: string } | undefined, line: string): void {
  const logged = (run?.log ?? '').split('\n').map((each) => each.trim().replace(/^\* /, ''));
  assert.ok(
    logged.some((each) => shows(line.replace(/^\* /, ''), each)),
    run?.log,
  );
}

/** Applies the objects of docs/examples, and waits until the binding is ready. */
async function applyExamples(reader: Reader): Promise<void> {
  await namespaces(reader, NAMESPACE);
  await reader.succeed('kubectl apply --filename docs/examples');
  const wait = 'kubectl wait icb/payments --for=condition=Ready --timeout=60s';
  await reader.succeed(`${wait} || { kubectl describe icb,scheduledscans,scans >&2; exit 1; }`);
}

/** The CRDs of Argo CD, Flux and External Secrets, so that the API server validates their objects. */
async function addOnCrds(reader: Reader): Promise<void> {
  const crds = 'test/support/fixtures/add-on-crds';
  await reader.succeed(`kubectl apply --server-side --filename ${crds}`);
  await reader.succeed(`kubectl wait --for=condition=Established --timeout=60s --filename ${crds}`);
}

async function namespaces(reader: Reader, ...names: readonly string[]): Promise<void> {
  for (const name of names)
    await reader.succeed(
      `kubectl create namespace ${name} --dry-run=client --output yaml | kubectl apply -f -`,
    );
}

async function applyBlock(reader: Reader, path: string, file: string): Promise<void> {
  const block = readPage(path).blocks.find(({ words }) => words.includes(file));
  assert.ok(block !== undefined, `${path} has a block ${file}`);
  await writeFile(join(reader.folder, file), block.text);
  await reader.succeed(`kubectl apply --filename ${file}`);
}

async function applyPod(reader: Reader, repository: string): Promise<void> {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: repository.replace('/', '-') },
    spec: {
      containers: [{ name: 'app', image: `registry.example.org/${repository}:1.0` }],
      imagePullSecrets: [{ name: 'registry-example-org' }],
    },
  };
  await writeFile(join(reader.folder, 'pod.json'), JSON.stringify(pod));
  await reader.succeed('kubectl apply --filename pod.json');
}

/** The lines of ScheduledScans that contain the controller's entries. */
async function boundScans(reader: Reader): Promise<string> {
  return reader.succeed(`kubectl get scheduledscans --output yaml | grep ${RELEASE} || true`);
}
