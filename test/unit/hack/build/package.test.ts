import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, globSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ROOT } from '../../../../hack/root.ts';
import packageJson from '../../../../package.json' with { type: 'json' };

const NAME = packageJson.name;
/** A program that uses the package. */
const PROGRAM = `
import { ADVICE, type ConditionReason, ImageCredentialBinding, type ImageCredentialBindingSpec } from '${NAME}';
const spec: ImageCredentialBindingSpec = { image: 'reg.example/app', imagePullSecrets: [{ name: 'pull' }] };
const reason: ConditionReason = 'NoMatch';
const binding = new ImageCredentialBinding({ metadata: { name: 'app' }, spec });
binding.validate();
console.log(binding.kind, ImageCredentialBinding.is(binding.toJSON()), ADVICE[reason].length > 0);
try {
  new ImageCredentialBinding({ metadata: { name: 'app' }, spec: { ...spec, image: 'No Image' } }).validate();
} catch (error) {
  console.log(String(error));
}
`;

it('tells the user of a checkout without packages how to install them', () => {
  const checkout = mkdtempSync(join(tmpdir(), 'icb-checkout-'));
  for (const file of ['bin/icb.js', 'src/main.ts']) {
    mkdirSync(dirname(join(checkout, file)), { recursive: true });
    copyFileSync(join(ROOT, file), join(checkout, file));
  }
  writeFileSync(join(checkout, 'package.json'), '{ "type": "module" }');
  const { status, stderr } = spawnSync(process.execPath, ['bin/icb.js', 'audit'], {
    cwd: checkout,
    encoding: 'utf8',
  });
  rmSync(checkout, { recursive: true });
  assert.equal(
    stderr,
    'error: expected the packages of this checkout in node_modules, found none; run npm ci in the checkout\n',
  );
  assert.equal(status, 2);
});

/** The package is packed and unpacked as npm does it, next to the packages that it needs. */
describe('the package', () => {
  let project: string;
  let installed: string;

  before(() => {
    project = mkdtempSync(join(tmpdir(), 'icb-package-'));
    installed = join(project, 'node_modules', NAME);
    mkdirSync(installed, { recursive: true });
    const packed = spawnSync('npm', ['pack', '--pack-destination', project], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    assert.equal(packed.status, 0, packed.stderr);
    const [file = ''] = globSync('*.tgz', { cwd: project });
    const unpacked = spawnSync('tar', ['-xzf', join(project, file), '-C', installed, '--strip-components=1']);
    assert.equal(unpacked.status, 0);
    const models = '@kubernetes-models';
    symlinkSync(join(ROOT, 'node_modules', models), join(project, 'node_modules', models));
  });
  after(() => rmSync(project, { recursive: true }));

  const node = (args: readonly string[]) =>
    spawnSync(process.execPath, args, { cwd: project, encoding: 'utf8', env: { PATH: '' } });

  it('contains the programs, the API and the CRD, but no source and no tests', () => {
    const folders = globSync('**/*', { cwd: installed, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(
        (entry) =>
          join(entry.parentPath, entry.name)
            .slice(installed.length + 1)
            .split('/')[0],
      );
    assert.deepEqual([...new Set(folders)].toSorted(), [
      ...['LICENSE', 'README.md', 'bin', 'crds', 'dist', 'package.json'],
    ]);
  });

  it('runs under all of its names, without the bundled packages', () => {
    for (const [name, file] of Object.entries(packageJson.bin)) {
      const link = join(project, name);
      symlinkSync(join(installed, file), link);
      if (name === 'kubectl_complete-icb') {
        assert.match(node([link, 'aud']).stdout, /^audit\t.+\n:4\n$/);
        continue;
      }
      assert.equal(node([link, '--version']).stdout, `${packageJson.version}\n`);
      const usage = name === 'kubectl-icb' ? 'kubectl icb' : name;
      assert.match(node([link, 'audit', '--help']).stdout, new RegExp(`^Usage: ${usage} audit`));
    }
    const { status, stdout } = node([
      join(installed, packageJson.bin['kubectl-icb']),
      ...['explain', 'registry.example.org/shop/payments', '--filename'],
      join(ROOT, 'docs/examples/pull-secret.yaml'),
    ]);
    assert.equal(status, 0);
    assert.match(stdout, /Secret registry-example-org/);
  });

  it('exports the API for programs: classes that validate, and their types', () => {
    writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
    writeFileSync(join(project, 'program.ts'), PROGRAM);
    const { stdout, stderr } = node(['program.ts']);
    assert.equal(stdout.split('\n')[0], 'ImageCredentialBinding true true', stderr);
    assert.match(stdout, /spec\.image is invalid: expected an image.*; found "No Image"/);
    const tsc = spawnSync(
      join(ROOT, 'node_modules/.bin/tsc'),
      [
        '--noEmit',
        '--strict',
        '--module',
        'nodenext',
        '--skipLibCheck',
        '--types',
        '',
        '--lib',
        'esnext,dom',
        'program.ts',
      ],
      { cwd: project, encoding: 'utf8', env: { PATH: dirname(process.execPath) } },
    );
    assert.equal(tsc.status, 0, tsc.stdout);
  });
});
