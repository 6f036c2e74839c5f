import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { tar } from '../../../../../hack/testenv/registry/tar.ts';

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
    await writeFile(join(directory, 'layer.tar'), tar(files));
    execFileSync('tar', ['-xf', 'layer.tar'], { cwd: directory });
    for (const [path, content] of Object.entries(files)) {
      assert.equal(await readFile(join(directory, path), 'utf8'), content);
    }
  });

  it('is the same for the same files, so that an image keeps its digest', () => {
    assert.deepEqual(tar({ a: 'b' }), tar({ a: 'b' }));
  });

  it('refuses a path that is too long for a header', () => {
    assert.throws(() => tar({ ['x'.repeat(101)]: '' }), /at most 100 bytes/);
  });
});
