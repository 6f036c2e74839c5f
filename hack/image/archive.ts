import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { formatReference, parseImageReference } from '../../src/image/index.ts';
import { type TarEntry, tar } from './tar.ts';

/** The configuration of an image: https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md */
export interface ImageConfig {
  readonly architecture: string;
  /** RFC 3339. */
  readonly created: string;
  readonly config: {
    readonly User: string;
    readonly Entrypoint: readonly string[];
    readonly Env: readonly string[];
    readonly WorkingDir: string;
    readonly Labels: Readonly<Record<string, string>>;
  };
}

/** An image as one file. */
export interface ImageArchive {
  readonly archive: Buffer;
  /** Digest of the image's manifest. */
  readonly digest: string;
}

interface Blob {
  readonly content: Buffer;
  readonly descriptor: { readonly mediaType: string; readonly digest: string; readonly size: number };
}

interface Layer extends Blob {
  /** Digest of the layer before compression. */
  readonly diffId: string;
}

const MEDIA_TYPE = 'application/vnd.oci.image';

/**
 * Packs an image into an archive that is both an OCI layout and what `docker save` writes, so that `ctr`, `kind`, `docker`,
 * `podman` and `crane` can read it: https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md. The result is
 * deterministic.
 *
 * @param name - repository and tag, under which the archive is imported
 * @param layers - the files of each layer, the lowest layer first
 */
export async function imageArchive(
  name: string,
  image: ImageConfig,
  layers: readonly (readonly TarEntry[])[],
): Promise<ImageArchive> {
  const packed = await Promise.all(layers.map(packLayer));
  const rootfs = { type: 'layers', diff_ids: packed.map(({ diffId }) => diffId) };
  const config = jsonBlob(`${MEDIA_TYPE}.config.v1+json`, { ...image, os: 'linux', rootfs });
  const manifest = jsonBlob(`${MEDIA_TYPE}.manifest.v1+json`, {
    schemaVersion: 2,
    mediaType: `${MEDIA_TYPE}.manifest.v1+json`,
    config: config.descriptor,
    layers: packed.map(({ descriptor }) => descriptor),
  });
  const blobs = [config, manifest, ...packed];
  const archive = tar([
    { path: 'oci-layout', content: JSON.stringify({ imageLayoutVersion: '1.0.0' }) },
    { path: 'index.json', content: JSON.stringify(indexOf(name, manifest, image)) },
    { path: 'manifest.json', content: JSON.stringify([dockerManifest(name, config, packed)]) },
    { path: 'blobs' },
    { path: 'blobs/sha256' },
    ...blobs.map((blob) => ({ path: pathOf(blob), content: blob.content })),
  ]);
  return { archive, digest: manifest.descriptor.digest };
}

async function packLayer(entries: readonly TarEntry[]): Promise<Layer> {
  const content = tar(entries);
  const compressed = await promisify(gzip)(content);
  return { ...blob(`${MEDIA_TYPE}.layer.v1.tar+gzip`, compressed), diffId: digestOf(content) };
}

function indexOf(name: string, { descriptor }: Blob, { architecture }: ImageConfig): object {
  const annotations = {
    // In full, because containerd looks up images by their full names.
    'io.containerd.image.name': formatReference(parseImageReference(name)),
    'org.opencontainers.image.ref.name': name.slice(name.lastIndexOf(':') + 1),
  };
  const platform = { architecture, os: 'linux' };
  return {
    schemaVersion: 2,
    mediaType: `${MEDIA_TYPE}.index.v1+json`,
    manifests: [{ ...descriptor, platform, annotations }],
  };
}

function dockerManifest(name: string, config: Blob, layers: readonly Blob[]): object {
  return { Config: pathOf(config), RepoTags: [name], Layers: layers.map(pathOf) };
}

function jsonBlob(mediaType: string, value: object): Blob {
  return blob(mediaType, Buffer.from(JSON.stringify(value)));
}

function blob(mediaType: string, content: Buffer): Blob {
  return { content, descriptor: { mediaType, digest: digestOf(content), size: content.length } };
}

function digestOf(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

function pathOf({ descriptor }: Blob): string {
  return `blobs/${descriptor.digest.replace(':', '/')}`;
}
