import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { checkReplaceable } from '../../../../hack/release/folder.ts';

const SUM = '0'.repeat(64);
const CHECKSUMS = `${SUM}  icb.yaml\n${SUM}  kustomize/kustomization.yaml\n`;

describe('checkReplaceable', () => {
  let parent: string;
  before(() => {
    parent = mkdtempSync(join(tmpdir(), 'icb-release-folder-'));
  });
  after(() => rmSync(parent, { recursive: true }));

  function folderWith(files: Readonly<Record<string, string>>): string {
    const folder = mkdtempSync(join(parent, 'folder-'));
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content);
    }
    return folder;
  }

  it('accepts a folder that does not exist, an empty one, and one with a release', async () => {
    const release = { SHA256SUMS: CHECKSUMS, 'icb.yaml': '', 'kustomize/kustomization.yaml': '' };
    for (const folder of [join(parent, 'none'), folderWith({}), folderWith(release)])
      await checkReplaceable(folder);
    assert.ok(!existsSync(join(parent, 'none')));
  });

  it('refuses a folder with other files, also beside a SHA256SUMS', async () => {
    for (const [files, found] of [
      [{ 'icb.yaml': '' }, 'icb.yaml'],
      [{ SHA256SUMS: '', 'letter.txt': '' }, 'letter.txt'],
      [{ SHA256SUMS: CHECKSUMS, 'icb.yaml': '', 'letter.txt': '' }, 'letter.txt'],
      [{ SHA256SUMS: CHECKSUMS, 'kustomize/overlay/letter.txt': '' }, 'kustomize/overlay/letter.txt'],
    ] as const) {
      const folder = folderWith(files);
      await assert.rejects(checkReplaceable(folder), {
        message: `expected an empty folder or an earlier release in ${folder}, found ${found}; choose another folder with --output, or delete this one`,
      });
    }
  });

  it('refuses a symbolic link that is not of the release', async () => {
    const folder = folderWith({ SHA256SUMS: CHECKSUMS });
    symlinkSync(parent, join(folder, 'link'));
    await assert.rejects(checkReplaceable(folder), /found link;/);
  });
});
