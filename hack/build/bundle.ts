/**
 * The bundle that is shipped: the command line and all that it needs from packages, in a few files that Node runs as
 * they are, with the licences of what is in them. `npm run build` writes it into `dist`.
 */
import { glob, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';
import { ROOT } from '../root.ts';

/** The bundle's program, in its folder. */
export const PROGRAM = 'main.mjs';
/** The licences of the bundled packages, in its folder. */
export const LICENCES = 'THIRD-PARTY-LICENSES.txt';

/** A package that has code in the bundle. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** SPDX. */
  readonly licence: string;
  /** Where it is installed, from the repository's root: as the lockfile names it. */
  readonly directory: string;
}

/** What was written. */
export interface Bundle {
  /** Of all scripts together. */
  readonly bytes: number;
  /** In the order of their names. */
  readonly packages: readonly BundledPackage[];
}

/**
 * Writes the bundle.
 *
 * @param directory - made anew: what it holds is removed
 * @param program - another than the command line, from the repository's root
 * @throws Error when the source does not build, or a bundled package does not say its licence
 */
export async function bundle(directory: string, program = 'src/main.ts'): Promise<Bundle> {
  await rm(directory, { recursive: true, force: true });
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: { main: program },
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    // What is imported when it is needed stays apart: --version and --help do not pay for the controller.
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    // Neither minified nor with a source map: stack traces name functions, and the line that they name can be read.
    minify: false,
    sourcemap: false,
    legalComments: 'inline',
    metafile: true,
    alias: {
      // Of client-node only KubeConfig is used, and the way in would bring the classes of all of Kubernetes: 12 MB.
      '@kubernetes/client-node': '@kubernetes/client-node/dist/config.js',
      // The package, as its dependents mean it; the module of that name in Node warns that it will go.
      punycode: 'punycode/punycode.js',
    },
    // Packages in CommonJS require Node's modules.
    plugins: [withoutApiClasses],
    banner: {
      js: "import { createRequire as createRequireOfBundle } from 'node:module';\nconst require = createRequireOfBundle(import.meta.url);",
    },
    logLevel: 'error',
  });
  const packages = await bundledPackages(metafile);
  await writeFile(join(directory, LICENCES), await licencesText(packages));
  const bytes = Object.values(metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);
  return { bytes, packages };
}

/** KubeConfig can make clients of the classes of all of Kubernetes, and nobody here has it do so: 650 kB to read at each start. */
const withoutApiClasses: Plugin = {
  name: 'without-api-classes',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^\.\/gen\/index\.js$/ }, ({ importer }) =>
      importer.endsWith('client-node/dist/config.js')
        ? { path: 'none', namespace: 'api-classes' }
        : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'api-classes' }, () => ({
      contents: 'export const createConfiguration = undefined, ServerConfiguration = undefined;',
    }));
  },
};

async function bundledPackages({ outputs }: Metafile): Promise<readonly BundledPackage[]> {
  const directories = new Set<string>();
  for (const { inputs } of Object.values(outputs)) {
    for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
      const directory = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];
      if (directory !== undefined && bytesInOutput > 0) directories.add(directory);
    }
  }
  const packages = await Promise.all([...directories].map(readPackage));
  return packages.toSorted((one, other) => one.directory.localeCompare(other.directory, 'en'));
}

async function readPackage(directory: string): Promise<BundledPackage> {
  const file = join(ROOT, directory, 'package.json');
  // The registry takes no package without name and version.
  const { name, version, license } = JSON.parse(await readFile(file, 'utf8')) as {
    readonly name: string;
    readonly version: string;
    readonly license?: unknown;
  };
  if (typeof license !== 'string') {
    throw new Error(`expected a licence (SPDX) in ${relative(ROOT, file)}, found ${String(license)}`);
  }
  return { name, version, licence: license, directory };
}

async function licencesText(packages: readonly BundledPackage[]): Promise<string> {
  const parts = ['This program contains the following packages.\n'];
  for (const { name, version, licence, directory } of packages) {
    parts.push(`${'='.repeat(80)}\n${name} ${version}: ${licence}\n`, ...(await notices(directory)));
  }
  return parts.join('\n');
}

/** What a package says of its licence, of whose work it is, and of what must be told with it. */
async function notices(directory: string): Promise<readonly string[]> {
  const cwd = join(ROOT, directory);
  const texts: string[] = [];
  for await (const file of glob('{LICENSE,LICENCE,COPYING,NOTICE,license,licence,notice}*', { cwd })) {
    if (!/\.[cm]?[jt]s$/.test(file)) texts.push(`${(await readFile(join(cwd, file), 'utf8')).trim()}\n`);
  }
  return texts;
}

if (import.meta.main) {
  const directory = join(ROOT, 'dist');
  const { bytes, packages } = await bundle(directory);
  process.stdout.write(
    `dist/${PROGRAM}: ${(bytes / 1e6).toFixed(1)} MB with what is beside it, from ${packages.length} packages\n`,
  );
}
