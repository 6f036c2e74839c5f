import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { CHECKSUMS } from './file.ts';

/**
 * Checks that nothing is lost when a folder is replaced: that it does not exist, is empty, or contains only files of a release.
 *
 * @throws Error if the folder contains files that its `SHA256SUMS` does not name
 */
export async function checkReplaceable(folder: string): Promise<void> {
  const found = await filesIn(folder);
  const known = new Set(found.includes(CHECKSUMS) ? await listed(folder) : []);
  const other = found.find((path) => !known.has(path));
  if (other === undefined) return;
  throw new Error(
    `expected an empty folder or an earlier release in ${folder}, found ${other}; choose another folder with --output, or ` +
      'delete this one',
  );
}

/** Paths relative to the folder, with `/`. Symbolic links are not followed. */
async function filesIn(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll(sep, '/'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

async function listed(folder: string): Promise<readonly string[]> {
  const text = await readFile(join(folder, CHECKSUMS), 'utf8');
  return [CHECKSUMS, ...text.split('\n').map((line) => line.replace(/^[0-9a-f]{64} {2}/, ''))];
}
