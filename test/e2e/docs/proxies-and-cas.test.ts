/** Checks docs/proxies-and-cas.md: a registry with a private certificate authority, behind a proxy, and the real Trivy. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { load } from 'js-yaml';
import { pino } from 'pino';
import { makeCertificate } from '../../../hack/testenv/certificate.ts';
import { Cloud } from '../../../hack/testenv/cloud.ts';
import { startController } from '../../../hack/testenv/controller.ts';
import { startRegistry } from '../../../hack/testenv/registry/registry.ts';
import {
  SCAN_TYPES,
  type SecureCodeBox,
  secureCodeBoxAccess,
  startSecureCodeBox,
  trivyImageScanType,
} from '../../../hack/testenv/securecodebox/index.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';
import { Cluster, type TestNamespace } from '../../support/cluster/cluster.ts';
import { loginSite } from '../../support/docs/login-site.ts';
import { readPage } from '../../support/docs/markdown.ts';

const HOST = 'registry.example.org';
const LOGIN = 'reader:change-me';
const log = (line: string) => process.stderr.write(`${line}\n`);

interface Entry {
  readonly name: string;
  readonly value?: string;
}
interface ScanSpec {
  readonly parameters: readonly string[];
  readonly env: readonly Entry[];
  readonly volumes: readonly object[];
  readonly volumeMounts: readonly object[];
}

describe('a registry with a private certificate authority behind a proxy', () => {
  const disposables = new AsyncDisposableStack();
  let cluster: Cluster;
  let namespace: TestNamespace;
  let secureCodeBox: SecureCodeBox;
  let proxy: string;

  before(async () => {
    cluster = disposables.use(await Cluster.start());
    namespace = await cluster.namespace();
    const { trivy } = await tools(['trivy'], log);
    const started = await startRegistryBehindProxy(cluster, disposables);
    ({ proxy } = started);
    await namespace.put(SCAN_TYPES, { ...trivyImageScanType(namespace.name) });
    await cluster.controlPlane.kubectl([
      ...['create', 'configmap', 'company-ca', `--from-file=${started.authority}`],
      ...['--namespace', namespace.name],
    ]);
    const flags = ['--registry-ca-file', started.authority, '--runs-per-minute', '0'];
    await startController(cluster.controlPlane, flags, { env: { HTTPS_PROXY: proxy } });
    secureCodeBox = disposables.use(await secureCodeBoxIn(cluster, namespace.name, trivy));
    await namespace.pullSecret('pull', { [HOST]: { auth: btoa(LOGIN) } });
    await namespace.scan('first', [`${HOST}/shop/payments:1.0`]);
    await namespace.binding('payments', { image: `${HOST}/shop/payments`, verification: 'Required' });
    await namespace.bound('first');
    await namespace.condition('payments', 'CredentialVerified', 'True Accepted');
    await namespace.condition('payments', 'Ready', 'True Ready');
  });
  after(() => disposables.disposeAsync());

  const page = readPage('docs/proxies-and-cas.md');
  const block = page.blocks.find(({ words }) => words.includes('scheduled-scan.yaml'));
  const { spec } = load(block?.text ?? '') as { readonly spec: { readonly scanSpec: ScanSpec } };
  const { env, volumes, volumeMounts } = spec.scanSpec;

  /** Binds and runs a scan that has some of the page's variables. */
  const runWith = async (name: string, variables: readonly string[]) => {
    const chosen = env
      .filter((entry) => variables.includes(entry.name))
      .map((entry) => (entry.name === 'HTTPS_PROXY' ? { name: entry.name, value: proxy } : entry));
    // A new ScheduledScan runs at once, before it can be bound.
    const first = secureCodeBox.nextRun(namespace.name, name);
    const scanSpec = { env: chosen, volumes, volumeMounts };
    await namespace.scan(name, spec.scanSpec.parameters, { scanSpec, spec: { suspend: false } });
    assert.equal((await first).state, 'Errored');
    await namespace.bound(name);
    return secureCodeBox.trigger(namespace.name, name);
  };

  it('can be scanned if Trivy has the authority and the proxy', async () => {
    assert.equal(env.length, 2);
    const { state, log } = await runWith('both', ['SSL_CERT_DIR', 'HTTPS_PROXY']);
    assert.equal(state, 'Done', log);
  });

  it('leaves a scan without the authority failing with x509, although the binding is Ready', async () => {
    const { state, log } = await runWith('without-authority', ['HTTPS_PROXY']);
    assert.equal(state, 'Errored');
    assert.match(log, /x509: certificate signed by unknown authority/);
    await namespace.condition('payments', 'Ready', 'True Ready');
  });

  it('leaves a scan without the proxy failing, although the binding is Ready', async () => {
    const { state, log } = await runWith('without-proxy', ['SSL_CERT_DIR']);
    assert.equal(state, 'Errored');
    assert.match(
      log,
      /no such host|i\/o timeout|connection refused|server misbehaving|network is unreachable/,
    );
    await namespace.condition('payments', 'Ready', 'True Ready');
  });
});

/** Starts the registry, whose name only the proxy resolves. */
async function startRegistryBehindProxy(
  { controlPlane: { group, directory } }: Cluster,
  disposables: AsyncDisposableStack,
): Promise<{ readonly proxy: string; readonly authority: string }> {
  const registry = disposables.use(await startRegistry({ group, log }));
  await registry.pushImage('shop/payments:1.0', { 'app/hello.txt': 'hello' });
  const certificate = await makeCertificate(group, [HOST], { log });
  const authority = join(directory, 'company-ca.crt');
  await writeFile(authority, certificate.ca);
  const sites = { [HOST]: loginSite([LOGIN]) };
  const { proxy } = disposables.use(await Cloud.start(certificate, sites, registry.host));
  return { proxy, authority };
}

async function secureCodeBoxIn(
  { controlPlane }: Cluster,
  namespace: string,
  trivy: string,
): Promise<SecureCodeBox> {
  const input = secureCodeBoxAccess(namespace)
    .map((object) => JSON.stringify(object))
    .join('\n');
  await controlPlane.kubectl(['apply', '--filename', '-'], { input });
  const kubeconfig = await controlPlane.kubeconfigFor({ namespace, name: 'securecodebox-operator' });
  return startSecureCodeBox({ kubeconfig, programs: { trivy }, log: pino({ level: 'silent' }) });
}
