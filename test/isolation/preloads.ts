import { join } from 'node:path';
import { build } from 'esbuild';

const NAMES = ['event-loop', 'silent-zone'];

/**
 * Writes the modules that are loaded into the controller as JavaScript: to strip types, Node would keep 20 MiB more in the
 * process whose memory is measured.
 *
 * @returns their paths
 */
export async function buildPreloads(directory: string): Promise<readonly string[]> {
  await build({
    entryPoints: NAMES.map((name) => join(import.meta.dirname, `../preload/${name}.ts`)),
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  });
  return NAMES.map((name) => join(directory, `${name}.mjs`));
}
