import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Container, Volume } from '../objects.ts';
import { PathMap } from './paths.ts';
import { PodFailed, PodWaiting, type SecretReader } from './secrets.ts';

const DEFAULT_MODE = 0o644;

/**
 * Creates a folder for each volume of a pod, named after the volume. A Secret or ConfigMap volume contains its files, an
 * emptyDir nothing.
 *
 * @throws PodWaiting if a Secret, key or ConfigMap that is not optional does not exist
 * @throws PodFailed if a volume is of another kind
 */
export async function createVolumes(
  volumes: readonly Volume[],
  secrets: SecretReader,
  directory: string,
): Promise<void> {
  for (const volume of volumes) {
    const folder = join(directory, volume.name);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (volume.secret !== undefined) await writeSecret(volume.secret, secrets, folder);
    else if (volume.configMap !== undefined) await writeConfigMap(volume.configMap, secrets, folder);
    else if (!isEmptyDir(volume)) {
      throw new PodFailed(
        `volume ${volume.name}: the stand-in supports only secret, configMap and emptyDir volumes`,
      );
    }
  }
}

/** The paths of a container whose volumes {@link createVolumes} created in `directory`. */
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
    if (value !== undefined) await writeReadable(join(folder, path), value, mode);
    else if (!optional) throw new PodWaiting(`secret "${secretName}" has no key "${key}"`);
  }
}

/** Writes one file per key. A list of items is not supported. */
async function writeConfigMap(
  { name, optional = false }: NonNullable<Volume['configMap']>,
  reader: SecretReader,
  folder: string,
): Promise<void> {
  for (const [key, value] of (await reader.readConfigMap(name, optional)) ?? [])
    await writeFile(join(folder, key), value, { mode: 0o600 });
}

/**
 * Writes a file of a Secret. In a pod, root owns the files, and the scanner is another user. Here, the scanner owns the files,
 * so the owner gets the permissions of others. (As root, the scanner can read every file.)
 */
async function writeReadable(file: string, value: Buffer, mode: number): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(file, value, { mode: 0o600 });
  await chmod(file, (mode & 0o7) << 6);
}
