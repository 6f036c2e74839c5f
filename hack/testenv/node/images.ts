/** Small images for tests, without Docker. */
import { readFile } from 'node:fs/promises';
import { rootCertificates } from 'node:tls';
import { type ImageArchive, imageArchive, type TarEntry } from '../../image/index.ts';

/** What an image contains, and how its program is started. */
export interface TestImage {
  /** Repository and tag. */
  readonly name: string;
  readonly entrypoint: readonly string[];
  readonly files: readonly TarEntry[];
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/**
 * The user of the programs. Without an entry in these files, the kubelet runs a program in the group of root, even if the image
 * names another group.
 */
const USER_FILES: readonly TarEntry[] = [
  { path: 'etc' },
  { path: 'etc/group', content: 'root:x:0:\nnonroot:x:65532:\n' },
  { path: 'etc/passwd', content: 'root:x:0:0::/:\nnonroot:x:65532:65532::/tmp:\n' },
];

/**
 * Builds an image of one layer. Its program runs as user 65532, because the Pod Security Standard `restricted` refuses root.
 */
export async function buildTestImage({ name, entrypoint, files }: TestImage): Promise<ImageArchive> {
  const image = {
    architecture: ARCHITECTURES[process.arch] ?? process.arch,
    created: '1970-01-01T00:00:00Z',
    config: {
      User: '65532:65532',
      Entrypoint: entrypoint,
      Env: ['PATH=/usr/local/bin'],
      WorkingDir: '/',
      Labels: {},
    },
  };
  return imageArchive(name, image, [[...USER_FILES, ...files]]);
}

/**
 * An image of a static program, which is its only file.
 *
 * @param marker - makes the digest of the image unique
 */
export async function programImage(name: string, program: string, marker = ''): Promise<TestImage> {
  return {
    name,
    entrypoint: ['/program'],
    files: [
      { path: 'marker', content: marker },
      { path: 'program', content: await readFile(program), mode: 0o755 },
    ],
  };
}

/** An image with Trivy, as ScanTypes call it: by its name, without an entrypoint. */
export async function trivyImage(name: string, trivy: string): Promise<TestImage> {
  return {
    name,
    entrypoint: [],
    files: [
      { path: 'etc/ssl' },
      { path: 'etc/ssl/certs' },
      { path: 'etc/ssl/certs/ca-certificates.crt', content: `${rootCertificates.join('\n')}\n` },
      { path: 'tmp', mode: 0o1777 },
      { path: 'usr' },
      { path: 'usr/local' },
      { path: 'usr/local/bin' },
      { path: 'usr/local/bin/trivy', content: await readFile(trivy), mode: 0o755 },
    ],
  };
}
