import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type ControlPlane, startControlPlane } from '../../hack/control-plane.ts';
import { RELEASE, startController } from '../../hack/controller.ts';
import { secureCodeBoxCrds } from '../../hack/securecodebox/crds.ts';
import { tools } from '../../hack/tools.ts';
import { until } from '../until.ts';

const repository = join(import.meta.dirname, '../..');
const CODE_BLOCK = /^```sh\n([\s\S]*?)^```$/gm;
const POD = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'payments', namespace: 'shop' },
  spec: {
    containers: [{ name: 'app', image: 'registry.example.org/shop/payments:1.0' }],
    imagePullSecrets: [{ name: 'pull' }],
  },
};

describe('docs/discovery.md', () => {
  let controlPlane: ControlPlane;
  let text: string;
  let path: string;

  before(async () => {
    text = await readFile(join(repository, 'docs/discovery.md'), 'utf8');
    const log = (line: string) => process.stderr.write(`${line}\n`);
    const { kubectl, helm } = await tools(['kubectl', 'helm'], log);
    path = [dirname(process.execPath), dirname(kubectl), dirname(helm), process.env['PATH']].join(':');
    controlPlane = await startControlPlane({ log });
    await controlPlane.installCrds(secureCodeBoxCrds());
    await controlPlane.kubectl(['create', 'namespace', 'shop']);
    await controlPlane.kubectl(['create', '--filename', '-'], { input: JSON.stringify(POD) });
  });
  after(async () => controlPlane?.stop());

  it('tells commands that do what it says, with the flags that the chart gives', async () => {
    const [install = '', annotate = '', get = '', label = '', remove = '', ...others] = commands();
    assert.deepEqual(others, []);
    await run(install);
    await run(annotate);
    await startController(controlPlane, await discoveryFlags());
    const name = await until(async () => {
      return /^(shop-payments-[0-9a-f]{8}) +registry\.example\.org\/shop\/payments/m.exec(
        await run(get),
      )?.[1];
    }, 'the binding to be listed');
    await run(label.replace('<name>', name));
    assert.equal(await run(get), '');
    await run(label.replace('<name>', name).replace('managed-by-', `managed-by=${RELEASE}`));
    assert.match(await run(remove), new RegExp(`"${name}" deleted`));
  });

  it('names the settings as the chart and the command line have them', async () => {
    const values = await readFile(join(repository, 'charts/image-credential-binding/values.yaml'), 'utf8');
    for (const name of ['enabled', 'resourceInclusion', 'mode', 'gracePeriod', 'markPods'])
      assert.match(values.split(/^ {2}discovery:/m)[1] ?? '', new RegExp(`^ +${name}:`, 'm'));
    const help = await run('npm run -s icb -- controller --help');
    for (const [flag = ''] of text.matchAll(/--(?:discovery|mark-pods)[a-z-]*/g))
      assert.ok(help.includes(flag), flag);
  });

  function commands(): readonly string[] {
    const blocks = [...text.matchAll(CODE_BLOCK)].map(([, block = '']) => block.replaceAll('\\\n', ''));
    return blocks.flatMap((block) => block.split('\n')).filter((line) => line !== '');
  }

  async function run(command: string): Promise<string> {
    const options = { env: { KUBECONFIG: controlPlane.kubeconfig, PATH: path }, cwd: repository };
    const { code, stdout, stderr } = await controlPlane.group.run('/bin/sh', ['-c', command], options);
    assert.equal(code, 0, `${command}: ${stderr}`);
    return stdout;
  }

  /** Those of the Deployment's arguments that are about discovery. */
  async function discoveryFlags(): Promise<readonly string[]> {
    const deployment = ['get', 'deployment', RELEASE, '--namespace', RELEASE, '--output', 'json'];
    const { stdout } = await controlPlane.kubectl(deployment);
    const args = JSON.parse(stdout).spec.template.spec.containers[0].args as readonly string[];
    const flags = args.filter((each) => /^--(?:discovery|mark-pods)/.test(each));
    assert.deepEqual(flags, ['--discovery=enabled-per-namespace', '--discovery-grace=24h']);
    return flags;
  }
});
