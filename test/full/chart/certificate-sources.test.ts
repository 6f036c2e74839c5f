import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ROOT } from '../../../hack/root.ts';
import { RELEASE } from '../../../hack/testenv/controller.ts';
import { Chart } from '../../support/cluster/chart.ts';
import { Cluster } from '../../support/cluster/cluster.ts';
import { AdmissionRelease, WEBHOOK } from '../../support/cluster/registration.ts';

const CRDS = join(ROOT, 'test/support/fixtures/cert-manager-crds/*.yaml');
const CERT_MANAGER = { certificates: { source: 'cert-manager' } };
const OWN_ISSUER = {
  certificates: {
    source: 'cert-manager',
    certManager: { issuerRef: { kind: 'ClusterIssuer', name: 'company' } },
  },
};

describe('the webhook with certificates of cert-manager', () => {
  let cluster: Cluster;
  let release: AdmissionRelease;

  before(async () => {
    cluster = await Cluster.start();
    await cluster.controlPlane.installCrds(globSync(CRDS));
    release = await AdmissionRelease.of(cluster);
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  it('creates objects that the CRDs of cert-manager accept, without unknown fields', async () => {
    const chart = await Chart.open();
    for (const [admission, count] of [
      [CERT_MANAGER, 2],
      [OWN_ISSUER, 1],
    ] as const) {
      const values = { admission: { enabled: true, ...admission } };
      const input = chart.text({ release: RELEASE, namespace: RELEASE, values });
      const strictly = ['apply', '--dry-run=server', '--validate=strict', '--filename=-'];
      const { stdout } = await cluster.controlPlane.kubectl(strictly, { input });
      assert.equal(stdout.match(/^certificate\.cert-manager\.io\/\S+ created/gm)?.length, count);
    }
  });

  it('keeps the key of the authority when it is renewed, so that pods with an earlier certificate stay trusted', async () => {
    const chart = await Chart.open();
    const root = chart
      .objects({ values: { admission: { enabled: true, ...CERT_MANAGER } } })
      .find(({ kind, spec }) => kind === 'Certificate' && spec?.['isCA'] === true);
    assert.deepEqual(root?.spec?.['privateKey'], { algorithm: 'ECDSA', size: 256, rotationPolicy: 'Never' });
  });

  it('changes to certificates of the chart and back, although cert-manager keeps its Secrets', async () => {
    const upgrade = async () => {
      const { code, stderr } = await release.upgrade(CERT_MANAGER);
      assert.equal(code, 0, stderr);
    };
    await upgrade();
    const path = '{range .items[*]}{.spec.secretName} {end}';
    const { stdout } = await cluster.controlPlane.kubectl([
      ...['get', 'certificates', '--namespace', RELEASE, `--output=jsonpath=${path}`],
    ]);
    const names = stdout.trim().split(' ');
    for (const name of names)
      await cluster.controlPlane.kubectl([
        ...['create', 'secret', 'generic', name, '--namespace', RELEASE, '--from-literal=tls.crt=theirs'],
      ]);
    await release.registering(() => release.upgrade({}));
    assert.ok((await release.content()).serving.certificate.includes('BEGIN CERTIFICATE'));
    await upgrade();
    assert.equal(await release.get('secret', WEBHOOK), undefined);
    for (const name of names) assert.ok((await release.get('secret', name)) !== undefined, name);
  });
});
