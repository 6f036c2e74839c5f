import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { DOCS } from '../../../hack/root.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';
import { Cluster, type TestNamespace } from '../../support/cluster/cluster.ts';

const CODE_BLOCK = /^```sh\n([\s\S]*?)^```$/gm;
const YAML_BLOCK = /^```yaml\n([\s\S]*?)^```$/gm;

/** The values that a reader fills in. */
const FILLED_IN: Readonly<Record<string, string>> = {
  'AWS_ACCESS_KEY_ID=AKIA…': 'AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE',
  'AWS_SECRET_ACCESS_KEY=…': 'AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  'AZURE_TENANT_ID=…': 'AZURE_TENANT_ID=99999999-2222-3333-4444-555555555555',
  'AZURE_CLIENT_ID=…': 'AZURE_CLIENT_ID=11111111-2222-3333-4444-555555555555',
  'AZURE_CLIENT_SECRET=…': 'AZURE_CLIENT_SECRET=secret',
  'password=…': 'password=secret',
};

/** For each page, the Secrets that its commands create, and the registry of each. */
const PAGES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'aws.md': { 'ecr-keys': '123456789012.dkr.ecr.eu-central-1.amazonaws.com' },
  'azure.md': { 'acr-principal': 'acme.azurecr.io' },
  'google.md': { 'gar-key': 'europe-docker.pkg.dev' },
  'generic.md': { 'registry-example-org': 'registry.example.org', 'registry-login': 'registry.example.org' },
};

describe('the pages about platforms and migration', () => {
  let cluster: Cluster;
  let namespace: TestNamespace;
  let directory: string;
  let path: string;

  before(async () => {
    const { kubectl } = await tools(['kubectl'], (line) => process.stderr.write(`${line}\n`));
    path = [dirname(kubectl), process.env['PATH']].join(':');
    cluster = await Cluster.start();
    await cluster.startController();
    namespace = await cluster.namespace();
    directory = await mkdtemp(join(cluster.controlPlane.directory, 'docs-'));
    await writeFile(join(directory, 'key.json'), JSON.stringify(keyFile()));
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  for (const [page, secrets] of Object.entries(PAGES)) {
    it(`${page} lists commands that create usable Secrets`, async () => {
      for (const command of await commandsIn(page)) await run(command);
      for (const [name, host] of Object.entries(secrets)) {
        await namespace.binding(name, { image: `${host}/app`, imagePullSecrets: [{ name }] });
        const { status } = await namespace.condition(name, 'Ready', 'True Ready');
        assert.equal(status?.credential?.secret.name, name);
      }
    });
  }

  it('README.md repeats the command of the page about AWS', async () => {
    const [command, ...others] = await commandsIn('README.md');
    assert.deepEqual(others, []);
    assert.ok((await commandsIn('aws.md')).includes(command ?? ''));
  });

  it('migrations.md shows a binding that the API server accepts', async () => {
    const text = await readFile(join(DOCS, 'migrations.md'), 'utf8');
    const [example = '', ...others] = [...text.matchAll(YAML_BLOCK)].map(([, block = '']) => block);
    assert.deepEqual(others, []);
    const args = ['apply', '--dry-run=server', '--namespace', namespace.name, '--filename', '-'];
    const { stdout } = await cluster.controlPlane.kubectl(args, { input: example });
    assert.match(stdout, /payments created/);
  });

  /** The page's kubectl commands, with values filled in. The clouds' programs would create the values, and cannot run here. */
  async function commandsIn(page: string): Promise<readonly string[]> {
    const text = await readFile(join(DOCS, 'platforms', page), 'utf8');
    const blocks = [...text.matchAll(CODE_BLOCK)].map(([, block = '']) => block.replaceAll('\\\n', ''));
    const lines = blocks.flatMap((block) => block.split('\n')).filter((line) => line !== '');
    const filledIn = lines.map((line) =>
      line.replaceAll(/\w+=(?:AKIA)?…/g, (text) => FILLED_IN[text] ?? text),
    );
    return filledIn
      .filter((line) => !/^(?:az|gcloud) /.test(line))
      .map((line) => line.replaceAll(/ +/g, ' '));
  }

  async function run(command: string): Promise<void> {
    const { kubeconfig, group } = cluster.controlPlane;
    const env = { KUBECONFIG: kubeconfig, PATH: path, HOME: directory };
    const line = command.replace(/^kubectl /, `kubectl --namespace ${namespace.name} `);
    const { code, stderr } = await group.run('/bin/sh', ['-c', line], { env, cwd: directory });
    assert.equal(code, 0, `${command}: ${stderr}`);
  }
});

/** The key file that `gcloud iam service-accounts keys create` writes. */
function keyFile(): object {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return {
    type: 'service_account',
    project_id: 'acme',
    private_key_id: 'key-1',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    client_email: 'puller@acme.iam.gserviceaccount.com',
    client_id: '1',
    auth_uri: 'https://accounts.google.com/o/oauth2/auth',
    token_uri: 'https://oauth2.googleapis.com/token',
    auth_provider_x509_cert_url: 'https://www.googleapis.com/oauth2/v1/certs',
    universe_domain: 'googleapis.com',
  };
}
