import { join } from 'node:path';
import { build } from 'esbuild';

const NAMES = ['event-loop', 'silent-zone'];

/**
 * Builds the modules that are loaded into the controller. They are JavaScript, because type stripping would add 20 MiB to the
 * memory of the process that is measured.
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
