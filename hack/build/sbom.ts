/** Writes the software bill of materials (CycloneDX) of the packages in the bundle: `npm run sbom`. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../root.ts';

interface Component {
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  readonly scope?: 'required' | 'optional' | 'excluded';
  readonly properties?: readonly { readonly name: string; readonly value: string }[];
}

interface Sbom {
  readonly bomFormat: string;
  readonly serialNumber: string;
  readonly metadata: { readonly timestamp?: string; readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}

/**
 * The SBOM of the dependencies in the lockfile, without development dependencies and optional ones. So Node itself is left
 * out, because it comes with the base image. npm's own `--omit=dev` and `--omit=optional` also drop production dependencies
 * that an omitted package needs, too (as of npm 11.19.1), so this function filters by itself. The result is the same for the same lockfile and npm: it has
 * no timestamp, and its serial number is a hash of its content.
 *
 * @throws Error if npm is not installed or fails
 */
export async function sbom(): Promise<Sbom> {
  const kinds = ['--package-lock-only', '--sbom-format=cyclonedx', '--sbom-type=application'];
  // npm writes CycloneDX 1.5.
  const all = JSON.parse(await npm(['sbom', ...kinds])) as Sbom;
  const components = all.components.filter(
    (component) => component.scope !== 'optional' && !isOfDevelopment(component),
  );
  const root = all.metadata.component;
  const { timestamp: _, ...metadata } = all.metadata;
  const refs = new Set([root, ...components].map((component) => component['bom-ref']));
  const content = {
    ...all,
    serialNumber: '',
    // npm uses the name of the folder.
    metadata: { ...metadata, component: { ...root, name: 'image-credential-binding' } },
    components,
    dependencies: all.dependencies
      .filter(({ ref }) => refs.has(ref))
      .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((on) => refs.has(on)) })),
  };
  return { ...content, serialNumber: `urn:uuid:${uuidOf(JSON.stringify(content))}` };
}

async function npm(args: readonly string[]): Promise<string> {
  try {
    return (await promisify(execFile)('npm', args, { cwd: ROOT, maxBuffer: 2 ** 26 })).stdout;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new Error('expected npm on the PATH, found none; install npm, which comes with Node');
  }
}

/** A UUID of version 8 (RFC 9562): the first bits of the SHA-256 hash of a text. */
function uuidOf(text: string): string {
  const digits = createHash('sha256').update(text).digest('hex');
  const [one, two, three, four] = [
    digits.slice(0, 8),
    digits.slice(8, 12),
    digits.slice(13, 16),
    digits.slice(17, 20),
  ];
  return `${one}-${two}-8${three}-8${four}-${digits.slice(20, 32)}`;
}

function isOfDevelopment({ properties = [] }: Component): boolean {
  return properties.some(({ name, value }) => name === 'cdx:npm:package:development' && value === 'true');
}

if (import.meta.main) {
  await mkdir(join(ROOT, 'dist'), { recursive: true });
  await writeFile(join(ROOT, 'dist/sbom.cdx.json'), `${JSON.stringify(await sbom(), undefined, 2)}\n`);
}
