import {
  type ImageReference,
  ImageReferenceError,
  parseImageId,
  parseImageReference,
  repositoryName,
} from '../image/index.ts';
import type { RawPod } from './raw-pod.ts';
import type { ContainerUse } from './use.ts';

/** Limit on the containers of a pod, including ephemeral ones. Most pods have fewer than ten. */
const MOST_CONTAINERS = 100;

/** What the containers of a pod use, and the problems with those that cannot be used. */
export function readContainers({ spec = {}, status }: RawPod): {
  readonly containers: readonly ContainerUse[];
  readonly problems: readonly string[];
} {
  const templated = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  const all = [...templated, ...(spec.ephemeralContainers ?? [])];
  const imageIds = imageIdsOf(status);
  const read = all
    .slice(0, MOST_CONTAINERS)
    .map(({ name, image = '' }) => readContainer(name, image, imageIds.get(name) ?? ''));
  const containers = read.flatMap((use, index): readonly ContainerUse[] => {
    if (use === undefined || typeof use === 'string') return [];
    return [index < templated.length ? use : { ...use, ephemeral: true }];
  });
  const problems = read.filter((use) => typeof use === 'string');
  return { containers, problems: [...tooManyContainers(all.length), ...problems] };
}

function imageIdsOf(status: RawPod['status']): ReadonlyMap<string, string> {
  const {
    containerStatuses = [],
    initContainerStatuses = [],
    ephemeralContainerStatuses = [],
  } = status ?? {};
  const statuses = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses];
  return new Map(statuses.map(({ name, imageID = '' }) => [name, imageID]));
}

function tooManyContainers(count: number): readonly string[] {
  if (count <= MOST_CONTAINERS) return [];
  return [
    `Discovery reads at most the first ${MOST_CONTAINERS} containers, but the pod has ${count}. Create bindings for the images of the other containers yourself.`,
  ];
}

/** What a container uses; a sentence if its image names no repository; undefined if it has no image yet. */
function readContainer(name: string, image: string, imageId: string): ContainerUse | string | undefined {
  // The API accepts a container without an image, so that a controller can set the image later.
  if (image === '') return undefined;
  const reported = reportedReference(imageId);
  const named = namedReference(image);
  if (named instanceof Error) return `container ${name}: ${named.message}`;
  if (named === undefined) {
    if (reported !== undefined) return { name, repository: repositoryName(reported) };
    return `container ${name}: its image is a digest without a repository, so its registry is not known. Add the repository to the image.`;
  }
  const repository = repositoryName(named);
  if (reported === undefined || !isSameVersion(named, reported)) return { name, repository };
  const other = repositoryName(reported);
  return other === repository ? { name, repository } : { name, repository, reported: other };
}

/** The image of a spec; undefined if it is only a digest, as for an image that was loaded on the node. */
function namedReference(image: string): ImageReference | undefined | ImageReferenceError {
  try {
    if (image.includes('://')) return parseImageReference(image);
    const id = parseImageId(image);
    return id.kind === 'Digest' ? undefined : id.reference;
  } catch (error) {
    if (error instanceof ImageReferenceError) return error;
    throw error;
  }
}

/** The repository and digest that the runtime reports; undefined if it reports none, or one that cannot be parsed. */
function reportedReference(imageId: string): ImageReference | undefined {
  try {
    const id = parseImageId(imageId);
    return id.kind === 'Repository' && id.reference.digest !== undefined ? id.reference : undefined;
  } catch (error) {
    if (error instanceof ImageReferenceError) return undefined;
    throw error;
  }
}

function isSameVersion(named: ImageReference, reported: ImageReference): boolean {
  return named.digest === undefined || named.digest === reported.digest;
}
