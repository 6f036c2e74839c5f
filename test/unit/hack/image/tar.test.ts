import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { tar } from '../../../../hack/image/tar.ts';

describe('a layer', () => {
  it('is unpacked by tar to the original files', async (context) => {
    const directory = await mkdtemp(join(tmpdir(), 'icb-test-'));
    context.after(() => rm(directory, { recursive: true, force: true }));
    const files = {
      'etc/os-release': 'ID=none\n',
      'a/empty': '',
      block: 'x'.repeat(512),
      umlaut: 'ü'.repeat(300),
    };
    const entries = Object.entries(files).map(([path, content]) => ({ path, content }));
    await writeFile(join(directory, 'layer.tar'), tar(entries));
    execFileSync('tar', ['-xf', 'layer.tar'], { cwd: directory });
    for (const [path, content] of Object.entries(files)) {
      assert.equal(await readFile(join(directory, path), 'utf8'), content);
    }
  });

  it('keeps permissions and directories', async (context) => {
    const directory = await mkdtemp(join(tmpdir(), 'icb-test-'));
    context.after(() => rm(directory, { recursive: true, force: true }));
    const entries = [
      { path: 'tmp', mode: 0o1777 },
      { path: 'bin' },
      { path: 'bin/run', content: '#', mode: 0o755 },
    ];
    await writeFile(join(directory, 'layer.tar'), tar(entries));
    const listed = execFileSync('tar', ['-tvf', 'layer.tar'], { cwd: directory, encoding: 'utf8' });
    const modes = listed
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/)[0]);
    assert.deepEqual(modes, ['drwxrwxrwt', 'drwxr-xr-x', '-rwxr-xr-x']);
  });

  it('is the same for the same files, so that an image keeps its digest', () => {
    const entries = [{ path: 'a', content: 'b' }];
    assert.deepEqual(tar(entries), tar(entries));
  });

  it('refuses a path that is too long for a header', () => {
    assert.throws(() => tar([{ path: 'x'.repeat(101), content: '' }]), /at most 100 bytes/);
  });
});
