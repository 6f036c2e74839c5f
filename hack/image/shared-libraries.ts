import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** Libraries that the C library opens by name to resolve host names. From glibc 2.34 on, it contains most of them itself. */
const OPENED_BY_NAME = ['libnss_dns.so.2', 'libnss_files.so.2', 'libresolv.so.2'];

/**
 * The shared libraries that a program links to, its loader, and those that the C library opens by name.
 *
 * @returns absolute paths, sorted. The program finds each library under its path.
 * @throws Error if the program is not a dynamic executable of this machine, or if a library is missing
 */
export async function sharedLibraries(program: string): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)('ldd', [program], { env: { LC_ALL: 'C' } });
  const missing = /^\s*(?<name>\S+) => not found$/m.exec(stdout)?.groups?.['name'];
  if (missing !== undefined)
    throw new Error(`expected the library ${missing}, which ${program} needs, found none; install it`);
  const linked = [...stdout.matchAll(/(?:=> |^\s+)(?<path>\/\S+) \(0x/gm)].map(
    ({ groups }) => groups?.['path'] ?? '',
  );
  const libc = linked.find((path) => path.endsWith('/libc.so.6'));
  if (libc === undefined) throw new Error(`expected a program that links to glibc, found ${program}`);
  const opened = OPENED_BY_NAME.map((name) => join(dirname(libc), name));
  const present = await Promise.all(opened.map((path) => exists(path)));
  return [...new Set([...linked, ...opened.filter((_, index) => present[index])])].toSorted();
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
