/** `npm run release-files`: the files of a release, except for the image. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import packageJson from '../../package.json' with { type: 'json' };
import { sbom } from '../build/index.ts';
import { ROOT } from '../root.ts';
import { preferInstalled, tools } from '../testenv/index.ts';
import { chartFiles, chartPackage } from './chart.ts';
import { commandLineArchives } from './command-line.ts';
import { checksums, type ReleaseFile } from './file.ts';
import { checkReplaceable } from './folder.ts';
import { krewManifest } from './krew.ts';
import { installFile, kustomizeFiles, rendered } from './manifests.ts';
import { schemaFiles } from './schema.ts';

const OUTPUT = join(ROOT, 'dist/release');
const REPOSITORY = 'https://github.com/secureCodeBox/image-credential-binding';
const { version } = packageJson;

const usage = `Usage: npm run release-files -- [--output DIR] [--image NAME:TAG] [--repository URL]

Writes the files of release ${version} into one folder: install.yaml, a kustomize base, the packaged chart, the JSON schema of
the CRD, an archive of the command line for each platform, the manifest of the krew plug-in (icb.yaml), the SBOM, and
SHA256SUMS. Publishes nothing. Two runs on the same commit and machine are byte-identical. It needs npm, and Helm: 3.14 or
later on the PATH, or the pinned one, which it builds if necessary.

  --output DIR       the folder to write. Files of an earlier run are removed (default: dist/release)
  --image NAME:TAG   the controller's image, with or without a digest (default: the one in the chart's values)
  --repository URL   the repository on GitHub that will contain the release, for the addresses in icb.yaml
                     (default: ${REPOSITORY})
  --help             print this text

Example: npm run release-files -- --image ghcr.io/example/image-credential-binding:${version}

Exit codes: 0 if all files are written, 1 if something is missing or fails, 2 for incorrect usage.
`;

/** What a release refers to. */
interface ReleaseOptions {
  /** The controller's image, with a tag; undefined: as in the chart's values. */
  readonly image?: string | undefined;
  /** URL of the repository on GitHub. */
  readonly repository: string;
}

/**
 * Creates all files of a release.
 *
 * @param log - takes lines about progress
 * @returns the files, sorted by path; the checksums are last
 * @throws Error if a tool is missing, or if the image is not valid
 */
export async function releaseFiles(
  { image, repository }: ReleaseOptions,
  log: (line: string) => void,
): Promise<readonly ReleaseFile[]> {
  const chart = await chartFiles(image);
  const { helm } = await tools(['helm'], log);
  log(`rendering the chart with ${helm}`);
  const objects = await rendered(helm, chart);
  log('bundling the command line');
  const archives = await commandLineArchives(version);
  log('listing the packages with npm');
  const bill = { path: 'sbom.cdx.json', content: `${JSON.stringify(await sbom(), undefined, 2)}\n` };
  const files = [
    installFile(objects, version),
    ...(await kustomizeFiles(objects, version)),
    await chartPackage(chart, version),
    ...(await schemaFiles()),
    ...archives,
    krewManifest(archives, { version, repository }),
    bill,
  ].toSorted((one, other) => (one.path < other.path ? -1 : 1));
  return [...files, checksums(files)];
}

async function write(
  folder: string,
  files: readonly ReleaseFile[],
  log: (line: string) => void,
): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  for (const { path, content } of files) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
    log(`${String(Buffer.byteLength(content)).padStart(9)} bytes  ${relative(process.cwd(), file)}`);
  }
}

async function main(): Promise<void> {
  const options = parseCommandLine();
  if (typeof options === 'string') {
    process.stderr.write(`error: ${options}\n\n${usage}`);
    process.exitCode = 2;
    return;
  }
  if (options.help) {
    process.stdout.write(usage);
    return;
  }
  const log = (line: string) => process.stdout.write(`${line}\n`);
  try {
    await checkReplaceable(options.output);
    await preferInstalled(['helm'], log);
    await write(options.output, await releaseFiles(options, log), log);
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

function parseCommandLine() {
  try {
    const { values } = parseArgs({
      options: {
        output: { type: 'string', default: OUTPUT },
        image: { type: 'string' },
        repository: { type: 'string', default: REPOSITORY },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (/^https:\/\/[^/]+\/[^/]+\/[^/]+$/.test(values.repository)) return values;
    return `expected --repository to be https://HOST/OWNER/NAME, found ${values.repository}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

if (import.meta.main) await main();
