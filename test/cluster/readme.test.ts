import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type ControlPlane, startControlPlane } from '../../hack/control-plane.ts';
import { secureCodeBoxCrds } from '../../hack/securecodebox/crds.ts';
import { tools } from '../../hack/tools.ts';
import { until } from '../until.ts';

const repository = join(import.meta.dirname, '../..');
const CODE_BLOCK = /^```sh\n([\s\S]*?)^```$/gm;

/** The commands in the shell blocks of a section of the README. */
function commandsOf(readme: string, heading: string): readonly string[] {
  const section = readme.split(/^## /m).find((text) => text.startsWith(heading)) ?? '';
  const blocks = [...section.matchAll(CODE_BLOCK)].map(([, block = '']) => block.replaceAll('\\\n', ''));
  return blocks.flatMap((block) => block.split('\n')).filter((line) => line !== '');
}

describe('the README', () => {
  let controlPlane: ControlPlane;
  let path: string;
  let readme: string;

  before(async () => {
    readme = await readFile(join(repository, 'README.md'), 'utf8');
    const log = (line: string) => process.stderr.write(`${line}\n`);
    const { kubectl, helm } = await tools(['kubectl', 'helm'], log);
    path = [dirname(process.execPath), dirname(kubectl), dirname(helm), process.env['PATH']].join(':');
    controlPlane = await startControlPlane({ log });
    await controlPlane.installCrds(secureCodeBoxCrds());
  });
  after(async () => controlPlane?.stop());

  const shell = (command: string) => ['-c', command] as const;
  const options = () => ({ env: { KUBECONFIG: controlPlane.kubeconfig, PATH: path }, cwd: repository });

  it('shows the binding of docs/examples', async () => {
    const example = await readFile(join(repository, 'docs/examples/binding.yaml'), 'utf8');
    assert.ok(readme.includes(`\`\`\`yaml\n${example}\`\`\``));
  });

  it('names only commands that there are', async () => {
    const { scripts } = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8')) as {
      scripts: object;
    };
    const named = [...readme.matchAll(/npm (?:run (?:-s )?)?(demo|test|icb|control-plane|bench)\b/g)].map(
      ([, name = '']) => name,
    );
    assert.ok(named.length >= 4);
    for (const name of named) assert.ok(name in scripts, name);
    assert.deepEqual(commandsOf(readme, 'See it work'), ['npm ci && npm run demo']);
    assert.deepEqual(commandsOf(readme, 'Test it'), ['npm ci && npm test']);
  });

  it('tells commands for a real cluster that do what it says', async () => {
    const commands = commandsOf(readme, 'Install it on a cluster');
    assert.ok(commands.length >= 6, commands.join('\n'));
    const outputs = new Map<string, string>();
    for (const command of commands) {
      if (command.includes('icb -- controller')) {
        // It runs until it is stopped; the default port may be taken here.
        const child = await controlPlane.group.spawn(
          'readme',
          '/bin/sh',
          shell(`exec ${command} --serve 127.0.0.1:0`),
          options(),
        );
        await until(
          async () => (await child.logTail(50)).includes('"msg":"leading"'),
          'the controller to lead',
          60,
        );
        continue;
      }
      const runnable = command.replace('<your image>', 'example/icb').replace('<its tag>', '1');
      const { code, stdout, stderr } = await controlPlane.group.run('/bin/sh', shell(runnable), options());
      assert.equal(code, 0, `${command}: ${stderr}`);
      outputs.set(command, stdout);
    }
    assert.match(
      outputs.get('kubectl get icb -o wide') ?? '',
      /payments\s+registry\.example\.org\/shop\/payments/,
    );
    const described = await until(async () => {
      const { stdout } = await controlPlane.kubectl(['describe', 'icb', 'payments']);
      return stdout.includes('Create the Secret') && stdout;
    }, 'a reason in the description');
    assert.match(described, /Secret registry-example-org does not exist.*Create the Secret/);
  });
});
