import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { tar } from '../image/index.ts';

/** A file of a release. */
export interface ReleaseFile {
  /** Relative to the folder of the release, with `/`. */
  readonly path: string;
  readonly content: string | Uint8Array;
}

/** Packs files as `.tar.gz`. The result is the same for the same files. */
export async function packed(entries: Parameters<typeof tar>[0]): Promise<Buffer> {
  return promisify(gzip)(tar(entries), { level: 9 });
}

/** The SHA-256 hash in hexadecimal. */
export function sha256({ content }: ReleaseFile): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Path of the file with the hashes of all others. */
export const CHECKSUMS = 'SHA256SUMS';

/** The file {@link CHECKSUMS}, for `sha256sum --check`. */
export function checksums(files: readonly ReleaseFile[]): ReleaseFile {
  const lines = files.map((file) => `${sha256(file)}  ${file.path}\n`);
  return { path: CHECKSUMS, content: lines.join('') };
}
