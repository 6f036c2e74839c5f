import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Container, Volume } from '../objects.ts';
import { PathMap } from './paths.ts';
import { PodFailed, PodWaiting, type SecretReader } from './secrets.ts';

const DEFAULT_MODE = 0o644;

/**
 * Lays a pod's volumes out as folders, each named after its volume: those of Secrets with their files, emptyDirs empty.
 *
 * @throws PodWaiting where a Secret or one of its keys is missing that is not optional
 * @throws PodFailed where a volume is of another kind
 */
export async function layOutVolumes(
  volumes: readonly Volume[],
  secrets: SecretReader,
  directory: string,
): Promise<void> {
  for (const volume of volumes) {
    const folder = join(directory, volume.name);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (volume.secret !== undefined) await writeSecret(volume.secret, secrets, folder);
    else if (!isEmptyDir(volume)) {
      throw new PodFailed(`volume ${volume.name}: only secret and emptyDir volumes can be used here`);
    }
  }
}

/** The paths of a container whose volumes {@link layOutVolumes} put into `directory`. */
export function pathsOf({ volumeMounts = [] }: Container, directory: string): PathMap {
  return new PathMap(
    volumeMounts.map(({ name, mountPath, subPath = '' }) => [mountPath, join(directory, name, subPath)]),
  );
}

/** A volume without any source is an emptyDir. */
function isEmptyDir({ name: _, ...source }: Volume): boolean {
  return Object.keys(source).every((kind) => kind === 'emptyDir');
}

type SecretVolume = NonNullable<Volume['secret']>;

async function writeSecret(volume: SecretVolume, secrets: SecretReader, folder: string): Promise<void> {
  const { secretName, items, optional = false, defaultMode = DEFAULT_MODE } = volume;
  const values = await secrets.read(secretName, optional);
  if (values === undefined) return;
  const files: Required<NonNullable<SecretVolume['items']>[number]>[] = (
    items ?? [...values.keys()].map((key) => ({ key, path: key }))
  ).map((item) => ({ mode: defaultMode, ...item }));
  for (const { key, path, mode } of files) {
    const value = values.get(key);
    if (value !== undefined) await writeFor(join(folder, path), value, mode);
    else if (!optional) throw new PodWaiting(`secret "${secretName}" has no key "${key}"`);
  }
}

/**
 * In a pod the files belong to root and the scanner is somebody else. Here the scanner is their owner, so the owner
 * gets what others would have. (Where this runs as root, everything can be read.)
 */
async function writeFor(file: string, value: Buffer, mode: number): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(file, value, { mode: 0o600 });
  await chmod(file, (mode & 0o7) << 6);
}
