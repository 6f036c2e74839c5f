import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { load } from 'js-yaml';
import { commandLineArchives } from '../../../../hack/release/command-line.ts';
import { krewManifest } from '../../../../hack/release/krew.ts';
import { ROOT } from '../../../../hack/root.ts';

describe('the archives of the command line', () => {
  let folder: string;
  const env = { PATH: [dirname(process.execPath), process.env['PATH']].join(':') };

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'icb-command-line-'));
    for (const { os, content } of await commandLineArchives('1.2.3')) {
      if (os === 'darwin') continue;
      mkdirSync(join(folder, os), { recursive: true });
      const { status } = spawnSync('tar', ['-xz', '-C', join(folder, os)], { input: content });
      assert.equal(status, 0);
    }
  });
  after(() => rmSync(folder, { recursive: true }));

  function run(file: string, args: readonly string[]): string {
    const { status, stdout, stderr } = spawnSync(file, args, { encoding: 'utf8', env });
    assert.deepEqual([status, stderr], [0, '']);
    return stdout;
  }

  const cases = [['a'], ['audit', '-o', ''], ['audit', '--', ''], ['explain', 'nginx', '-f', '']];

  it('complete words for kubectl, as the command line in a checkout does', () => {
    const link = join(folder, 'kubectl_complete-icb');
    symlinkSync(join('linux', 'kubectl_complete-icb'), link);
    for (const words of cases)
      assert.equal(run(link, words), run(join(ROOT, 'bin/icb.js'), ['__complete', ...words]));
  });

  it('complete words for kubectl on Windows, too', () => {
    const text = readFileSync(join(folder, 'windows/kubectl_complete-icb.cmd'), 'utf8');
    const [, path = '', words = ''] = /^node "%~dp0([^"]+)" (\S+) %\*\r$/m.exec(text) ?? [];
    const program = join(folder, 'windows', path.replace('\\', '/'));
    assert.match(run(process.execPath, [program, words, 'a']), /^audit\t.+\n:4\n$/);
  });
});

describe('the manifest of krew', () => {
  it('says how to add the completion, as the path where krew unpacks the archive', async () => {
    const archives = await commandLineArchives('1.2.3');
    const release = { version: '1.2.3', repository: 'https://github.com/o/r' };
    const { content } = krewManifest(archives, release);
    const { spec } = load(String(content)) as { readonly spec: { readonly caveats: string } };
    const root = mkdtempSync(join(tmpdir(), 'icb-krew-'));
    const store = join(root, 'store/icb/v1.2.3');
    mkdirSync(store, { recursive: true });
    mkdirSync(join(root, 'bin'));
    const linux = archives.find(({ os }) => os === 'linux');
    assert.equal(spawnSync('tar', ['-xz', '-C', store], { input: linux?.content ?? '' }).status, 0);
    const [command = ''] = /ln .*$/m.exec(spec.caveats) ?? [];
    const { status, stderr } = spawnSync('sh', ['-c', command], { env: { ...process.env, KREW_ROOT: root } });
    assert.equal(status, 0, String(stderr));
    assert.ok(lstatSync(join(root, 'bin/kubectl_complete-icb')).isSymbolicLink());
    assert.ok(existsSync(join(root, 'bin/kubectl_complete-icb')));
    rmSync(root, { recursive: true });
  });
});
