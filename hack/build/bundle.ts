/**
 * The published bundle: the command line with the code of its packages, in a few files that Node runs directly, and the
 * licenses of these packages. `npm run build` writes it into `dist`.
 */
import { glob, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';
import { ROOT } from '../root.ts';

/** File name of the program in the bundle. */
export const PROGRAM = 'main.mjs';
/** File name of the licenses of the bundled packages. */
export const LICENCES = 'THIRD-PARTY-LICENSES.txt';

/** A package that has code in the bundle. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** SPDX expression. */
  readonly licence: string;
  /** Installation directory relative to the root of the repository, as in the lockfile. */
  readonly directory: string;
}

/** The result of {@link bundle}. */
export interface Bundle {
  /** Total size of all scripts. */
  readonly bytes: number;
  /** Sorted by directory. */
  readonly packages: readonly BundledPackage[];
}

/**
 * Writes the bundle.
 *
 * @param directory - the output directory; its previous content is removed
 * @param program - the program to bundle, relative to the root of the repository
 * @throws Error if the source does not build, or if a bundled package names no license
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
    // Code that is imported on demand stays in separate chunks, so that --version and --help do not load the controller.
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    // Without minification, stack traces name functions and readable lines, and need no source map.
    minify: false,
    sourcemap: false,
    legalComments: 'inline',
    metafile: true,
    alias: {
      // Only KubeConfig of client-node is used. Its index would add the classes of all Kubernetes APIs: 12 MB.
      '@kubernetes/client-node': '@kubernetes/client-node/dist/config.js',
      // Use the npm package, as its dependents intend. Node's own module `punycode` is deprecated and prints a warning.
      punycode: 'punycode/punycode.js',
    },
    plugins: [withoutApiClasses],
    // Bundled CommonJS packages call `require` for Node's modules, and ES modules have none.
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

/** Bundles into a temporary folder. Returns the content of each file by its path in the bundle, sorted by path. */
export async function bundledFiles(): Promise<ReadonlyMap<string, Buffer>> {
  const folder = await mkdtemp(join(tmpdir(), 'icb-bundle-'));
  try {
    const dist = join(folder, 'dist');
    await bundle(dist);
    const entries = await readdir(dist, { recursive: true, withFileTypes: true });
    const paths = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    const files = paths.map(async (path) => [relative(dist, path), await readFile(path)] as const);
    return new Map((await Promise.all(files)).toSorted(([one], [other]) => (one < other ? -1 : 1)));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/**
 * Leaves out the classes of all Kubernetes APIs, which KubeConfig imports to create clients. This project creates none, and
 * reading the classes (650 kB) would slow down each start.
 */
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
  // The npm registry accepts no package without a name and a version.
  const { name, version, license } = JSON.parse(await readFile(file, 'utf8')) as {
    readonly name: string;
    readonly version: string;
    readonly license?: unknown;
  };
  if (typeof license !== 'string') {
    throw new Error(
      `expected an SPDX license in ${relative(ROOT, file)}, found ${String(license)}; replace the package, or fix the license upstream`,
    );
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

/** The texts of the license files and notices of a package. */
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
    `dist/${PROGRAM}: ${(bytes / 1e6).toFixed(1)} MB including its chunks, with code of ${packages.length} packages\n`,
  );
}
