/** `npm run image`: the controller's image, without Docker. */
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { rootCertificates } from 'node:tls';
import { parseArgs, promisify } from 'node:util';
import packageJson from '../../package.json' with { type: 'json' };
import { parseImageReference } from '../../src/image/index.ts';
import { bundledFiles } from '../build/index.ts';
import { ROOT } from '../root.ts';
import { type ImageConfig, imageArchive } from './archive.ts';
import { sharedLibraries } from './shared-libraries.ts';
import type { TarEntry } from './tar.ts';

/** What the Dockerfile also sets. A test compares them. */
export const ENTRYPOINT = ['/nodejs/bin/node', '/app/main.mjs'];
/** As in the Dockerfile. */
export const USER = '65532:65532';
const CERTIFICATES = 'etc/ssl/certs/ca-certificates.crt';
const NAME = `image-credential-binding:${packageJson.version}`;
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** A version of the source. */
export interface SourceVersion {
  /** The commit, or `unknown`. */
  readonly revision: string;
  /** Seconds since 1970. */
  readonly time: number;
}

/** The values of the image's labels, which the Dockerfile sets, too. */
export function labels({ revision }: SourceVersion): Readonly<Record<string, string>> {
  const values = {
    title: 'image-credential-binding',
    description: 'Lets secureCodeBox scan images from private registries with Trivy',
    licenses: packageJson.license,
    vendor: 'secureCodeBox',
    url: 'https://www.securecodebox.io',
    source: 'unknown',
    'base.name': 'scratch',
    version: packageJson.version,
    revision,
  };
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [`org.opencontainers.image.${name}`, value]),
  );
}

/**
 * Builds the image for the architecture of this machine. It contains the pinned Node, the shared libraries of this machine
 * that Node links to, the CA certificates that Node contains, and the bundle. The result is the same for the same source,
 * packages and libraries.
 *
 * @param name - repository and tag
 * @throws Error if npm installed no Node for this machine, or if a library is missing
 */
export async function buildImage(name: string, version: SourceVersion) {
  const node = await pinnedNode();
  const image: ImageConfig = {
    architecture: ARCHITECTURES[process.arch] ?? process.arch,
    created: new Date(version.time * 1_000).toISOString().replace('.000Z', 'Z'),
    config: {
      User: USER,
      Entrypoint: ENTRYPOINT,
      Env: ['PATH=/nodejs/bin', `SSL_CERT_FILE=/${CERTIFICATES}`],
      WorkingDir: '/home/nonroot',
      Labels: labels(version),
    },
  };
  return imageArchive(name, image, [await baseLayer(node), await programLayer()]);
}

async function pinnedNode(): Promise<string> {
  const folder = join(ROOT, 'node_modules', `node-${process.platform}-${process.arch}`);
  const node = join(folder, 'bin/node');
  try {
    await readFile(join(folder, 'package.json'));
    return node;
  } catch {
    throw new Error(
      `expected the pinned Node of Linux x64 or arm64 in ${relative(ROOT, folder)}, found none; run npm ci on ` +
        'such a machine, or build the image with docker build',
    );
  }
}

/** As in the distroless base image of the Dockerfile: Node and what it needs, and a user without root's rights. */
async function baseLayer(node: string): Promise<readonly TarEntry[]> {
  const libraries = await sharedLibraries(node);
  const files = await Promise.all(
    libraries.map(async (path) => ({ path: path.slice(1), content: await readFile(path), mode: 0o755 })),
  );
  const licence = join(dirname(node), '../LICENSE');
  return withFolders([
    ...files,
    { path: 'nodejs/bin/node', content: await readFile(node), mode: 0o755 },
    { path: 'nodejs/LICENSE', content: await readFile(licence) },
    { path: CERTIFICATES, content: `${rootCertificates.join('\n')}\n` },
    {
      path: 'etc/passwd',
      content:
        'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n',
    },
    { path: 'etc/group', content: 'root:x:0:\nnonroot:x:65532:\n' },
    { path: 'etc/nsswitch.conf', content: 'hosts: files dns\n' },
    { path: 'home/nonroot' },
    { path: 'tmp', mode: 0o1777 },
  ]);
}

async function programLayer(): Promise<readonly TarEntry[]> {
  const files = Array.from(await bundledFiles(), ([path, content]) => ({ path: `app/${path}`, content }));
  const licence = { path: 'app/LICENSE', content: await readFile(join(ROOT, 'LICENSE')) };
  return withFolders([...files, licence]);
}

/** Sorts entries by path, and adds the folders that contain them. */
function withFolders(entries: readonly TarEntry[]): readonly TarEntry[] {
  const all = new Map(entries.map((entry) => [entry.path, entry]));
  for (const { path } of entries) {
    for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) {
      if (!all.has(folder)) all.set(folder, { path: folder });
    }
  }
  return [...all.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/**
 * The commit of this checkout and its time. `SOURCE_DATE_EPOCH` takes precedence over the time.
 *
 * @throws Error if `SOURCE_DATE_EPOCH` is no number of seconds
 */
export async function sourceVersion(): Promise<SourceVersion> {
  const epoch = process.env['SOURCE_DATE_EPOCH'] ?? '';
  if (!/^\d{0,11}$/.test(epoch))
    throw new Error(`expected seconds since 1970 in SOURCE_DATE_EPOCH, found ${epoch}; correct or unset it`);
  const { revision, time } = await commit();
  return { revision, time: epoch === '' ? time : Number(epoch) };
}

async function commit(): Promise<SourceVersion> {
  try {
    const { stdout } = await promisify(execFile)('git', ['log', '-1', '--format=%H %ct'], { cwd: ROOT });
    const [revision = 'unknown', time = '0'] = stdout.trim().split(' ');
    return { revision, time: Number(time) };
  } catch {
    return { revision: 'unknown', time: 0 };
  }
}

const usage = `Usage: npm run image -- [--output FILE] [--name NAME:TAG]

Builds the controller's image for the architecture of this machine, without Docker, from what npm ci installed. The file
is for "kind load image-archive", "ctr images import", "docker load" and "crane push". Two builds of the same source on the
same machine are byte-identical. The image of a release is built with the Dockerfile.

  --output FILE     the file to write (default: dist/image.tar)
  --name NAME:TAG   the name in the file (default: ${NAME})
  --help            print this text

Example: npm run image -- --name registry.example.org/image-credential-binding:${packageJson.version}

Exit codes: 0 if the file is written, 1 if something is missing or fails, 2 for incorrect usage.
`;

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
  try {
    await write(options);
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

async function write({ output, name }: { readonly output: string; readonly name: string }): Promise<void> {
  const version = await sourceVersion();
  process.stdout.write('packing Node, its shared libraries and the bundle\n');
  const { archive, digest } = await buildImage(name, version);
  await mkdir(dirname(output), { recursive: true });
  await writeFile(output, archive);
  process.stdout.write(`${output}: ${name}, ${(archive.length / 1e6).toFixed(0)} MB, manifest ${digest}\n`);
}

/** The options, or what is wrong with them. */
function parseCommandLine() {
  try {
    const { values } = parseArgs({
      options: {
        output: { type: 'string', default: join(ROOT, 'dist/image.tar') },
        name: { type: 'string', default: NAME },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    const { tag, digest } = parseImageReference(values.name);
    if (tag !== undefined && digest === undefined) return values;
    return `expected --name to be NAME:TAG, found ${values.name}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

if (import.meta.main) await main();
