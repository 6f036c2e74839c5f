import { readdir, readFile } from 'node:fs/promises';
import { basename, join, matchesGlob, relative } from 'node:path';
import { parseImageReference } from '../../src/image/index.ts';
import { CHART } from '../root.ts';
import { packed, type ReleaseFile } from './file.ts';

const NAME = basename(CHART);

/**
 * The files that a package of the chart contains, sorted by path relative to the chart.
 *
 * @param image - the controller's image, which the values of the chart then name; undefined: as in the repository
 * @throws ImageReferenceError if the image is not valid
 */
export async function chartFiles(image: string | undefined): Promise<readonly ReleaseFile[]> {
  const ignored = (await readFile(join(CHART, '.helmignore'), 'utf8'))
    .split('\n')
    .filter((line) => line !== '');
  const entries = await readdir(CHART, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && !ignored.some((pattern) => matchesGlob(entry.name, pattern)))
    .map((entry) => relative(CHART, join(entry.parentPath, entry.name)));
  const files = paths.toSorted().map(async (path) => {
    const content = await readFile(join(CHART, path));
    const isChanged = path === 'values.yaml' && image !== undefined;
    return { path, content: isChanged ? withImage(content.toString('utf8'), image) : content };
  });
  return Promise.all(files);
}

function withImage(values: string, image: string): string {
  // Refuses an invalid image.
  parseImageReference(image);
  const { repository, tag } = /^(?<repository>[^@]+):(?<tag>[^/@:]+(?:@.+)?)$/.exec(image)?.groups ?? {};
  if (repository === undefined || tag === undefined) {
    throw new Error(
      `expected an image with a tag, found ${image}; append the tag, as in registry/name:1.0.0@sha256:…`,
    );
  }
  return replaceOnce(replaceOnce(values, 'repository', repository), 'tag', JSON.stringify(tag));
}

/** Replaces the value of a field that is nested once. */
function replaceOnce(values: string, field: string, value: string): string {
  const line = new RegExp(`^  ${field}: .*$`, 'gm');
  const count = values.match(line)?.length ?? 0;
  if (count !== 1)
    throw new Error(
      `expected one line "  ${field}: …" in the chart's values.yaml, found ${count}; change hack/release/chart.ts`,
    );
  return values.replace(line, () => `  ${field}: ${value}`);
}

/** The package that `helm install` and `helm push` read. `helm package` would write the current time into it. */
export async function chartPackage(files: readonly ReleaseFile[], version: string): Promise<ReleaseFile> {
  const entries = files.map(({ path, content }) => ({ path: `${NAME}/${path}`, content }));
  return { path: `${NAME}-${version}.tgz`, content: await packed(entries) };
}
