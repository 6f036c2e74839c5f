/** Writes the software bill of materials (CycloneDX) of the packages in the bundle: `npm run sbom`. */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../root.ts';

interface Component {
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  readonly properties?: readonly { readonly name: string; readonly value: string }[];
}

interface Sbom {
  readonly bomFormat: string;
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}

/**
 * The SBOM of the dependencies in the lockfile, without development dependencies. Node itself is left out, because it comes
 * with the base image. npm's own `--omit=dev` also drops production dependencies that a development dependency needs, too
 * (as of npm 11.19.1), so this function filters by itself.
 */
export async function sbom(): Promise<Sbom> {
  const kinds = [
    '--package-lock-only',
    '--omit=optional',
    '--sbom-format=cyclonedx',
    '--sbom-type=application',
  ];
  const { stdout } = await promisify(execFile)('npm', ['sbom', ...kinds], {
    cwd: ROOT,
    maxBuffer: 2 ** 26,
  });
  // npm writes CycloneDX 1.5.
  const all = JSON.parse(stdout) as Sbom;
  const components = all.components.filter((component) => !isOfDevelopment(component));
  const root = all.metadata.component;
  const refs = new Set([root, ...components].map((component) => component['bom-ref']));
  return {
    ...all,
    // npm uses the name of the folder.
    metadata: { ...all.metadata, component: { ...root, name: 'image-credential-binding' } },
    components,
    dependencies: all.dependencies
      .filter(({ ref }) => refs.has(ref))
      .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((on) => refs.has(on)) })),
  };
}

function isOfDevelopment({ properties = [] }: Component): boolean {
  return properties.some(({ name, value }) => name === 'cdx:npm:package:development' && value === 'true');
}

if (import.meta.main) {
  await mkdir(join(ROOT, 'dist'), { recursive: true });
  await writeFile(join(ROOT, 'dist/sbom.cdx.json'), `${JSON.stringify(await sbom(), undefined, 2)}\n`);
}
