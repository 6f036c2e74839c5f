import { BINDING_ANNOTATION } from '../api/index.ts';
import {
  type ImageReference,
  ImageReferenceError,
  parseImageId,
  parseImageReference,
  repositoryName,
} from '../image/index.ts';
import { DNS_SUBDOMAIN, type KubeObject, type Stored, storedMeta } from '../object/index.ts';
import type { Interned } from './interned.ts';
import { workloadOf } from './workload.ts';

/** Containers per pod, including ephemeral ones. Most pods have fewer than ten. */
const MOST_CONTAINERS = 100;
/** Pull secrets per pod. A binding accepts 16. */
const MOST_SECRETS = 32;
/** Listed problems of the containers of one pod. An Event has no room for more. */
const MOST_PROBLEMS = 3;
/** Longest mark, in characters. A mark names a binding for each container. */
const LONGEST_MARK = 254;

/** What we need to know of a pod. Most of it is the same for all pods of a workload, and is kept once. */
export interface Pod extends Stored {
  /** Seconds since the epoch. */
  readonly createdAt: number;
  readonly use: PodUse;
}

/** What a pod uses. */
export interface PodUse {
  /** The pod's. */
  readonly namespace: string;
  /** See {@link workloadOf}. */
  readonly workload: string;
  readonly templated: boolean;
  /** It has run, and will not run again. */
  readonly finished: boolean;
  readonly containers: readonly ContainerUse[];
  readonly imagePullSecrets: readonly string[];
  /** Parts of the pod that cannot be used, such as an image that names no repository. A few sentences. */
  readonly problems: readonly string[];
  /**
   * The annotation that marks the pod as processed. Empty if it is longer than any of ours, so that it names no
   * binding.
   */
  readonly marked: string | undefined;
}

/** What one container uses; repositories in canonical form. */
export interface ContainerUse {
  readonly name: string;
  readonly repository: string;
  /** Where the runtime says that it found the same digest, if that is another repository. */
  readonly reported?: string;
  /** A person has put it into the running pod: no template has it, and two of them have nothing in common. */
  readonly ephemeral?: true;
}

interface RawContainer {
  readonly name: string;
  readonly image?: string;
}

interface RawStatus {
  readonly name: string;
  readonly imageID?: string;
}

/** A pod as the API server sends it. */
export interface RawPod extends KubeObject {
  readonly spec?: {
    readonly imagePullSecrets?: readonly { readonly name?: string }[];
    readonly containers?: readonly RawContainer[];
    readonly initContainers?: readonly RawContainer[];
    readonly ephemeralContainers?: readonly RawContainer[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly containerStatuses?: readonly RawStatus[];
    readonly initContainerStatuses?: readonly RawStatus[];
    readonly ephemeralContainerStatuses?: readonly RawStatus[];
  };
}

/**
 * Reads a pod. Never throws for a pod that the API server has stored. The memory for a pod is bounded, and a problem
 * reports each exceeded limit.
 */
export function readPod(pod: RawPod, uses: Interned<PodUse>): Pod {
  const { metadata, status = {} } = pod;
  const { name, templated } = workloadOf(pod);
  const { containers, problems: containerProblems } = readContainers(pod);
  const { imagePullSecrets, problems: secretProblems } = readSecrets(pod);
  const mark = metadata.annotations?.[BINDING_ANNOTATION];
  const { namespace, name: podName, uid, resourceVersion } = storedMeta(pod);
  const use = uses.of({
    namespace,
    workload: name,
    templated,
    finished: status.phase === 'Succeeded' || status.phase === 'Failed',
    containers,
    imagePullSecrets,
    problems: [...firstOf(containerProblems), ...secretProblems],
    marked: (mark?.length ?? 0) > containers.length * LONGEST_MARK ? '' : mark,
  });
  const createdAt = Math.floor(Date.parse(metadata.creationTimestamp ?? '') / 1000) || 0;
  // Not by a spread, which leaves room for fields to come; and with the namespace's text of the other pods.
  return { namespace: use.namespace, name: podName, uid, resourceVersion, createdAt, use };
}

function firstOf(problems: readonly string[]): readonly string[] {
  const more = problems.length - MOST_PROBLEMS;
  return more <= 0
    ? problems
    : [...problems.slice(0, MOST_PROBLEMS), `${more} more problems are not listed.`];
}

function readSecrets({ spec = {} }: RawPod): {
  readonly imagePullSecrets: readonly string[];
  readonly problems: readonly string[];
} {
  const named = new Set((spec.imagePullSecrets ?? []).flatMap((secret) => secret.name || []));
  const valid = [...named].filter((secret) => DNS_SUBDOMAIN.test(secret));
  const imagePullSecrets = valid.slice(0, MOST_SECRETS);
  const problems: string[] = [];
  if (valid.length > MOST_SECRETS)
    problems.push(
      `Discovery reads at most the first ${MOST_SECRETS} imagePullSecrets, but the pod names ${valid.length}. Name fewer.`,
    );
  if (valid.length < named.size)
    problems.push('An entry of imagePullSecrets is not a valid Secret name. Correct it.');
  return { imagePullSecrets, problems };
}

function readContainers({ spec = {}, status }: RawPod): {
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
    `Discovery reads at most the first ${MOST_CONTAINERS} containers, but the pod has ${count}. Create bindings for the images of the others yourself.`,
  ];
}

/** What a container uses; a sentence where its image says no repository; undefined where it has none yet. */
function readContainer(name: string, image: string, imageId: string): ContainerUse | string | undefined {
  // The API allows a template to leave it out, and a debugger to fill it in later.
  if (image === '') return undefined;
  const reported = reportedReference(imageId);
  const named = namedReference(image);
  if (named instanceof Error) return `container ${name}: ${named.message}`;
  if (named === undefined) {
    if (reported !== undefined) return { name, repository: repositoryName(reported) };
    return `container ${name}: its image is a digest without a repository, which no registry can be asked for. Name the repository too.`;
  }
  const repository = repositoryName(named);
  if (reported === undefined || !isSameVersion(named, reported)) return { name, repository };
  const other = repositoryName(reported);
  return other === repository ? { name, repository } : { name, repository, reported: other };
}

/** The image of a spec; undefined where it is a digest alone, as of an image that was loaded on the node. */
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

/** The repository, with a digest, that the runtime names; undefined where it names none, or nothing that can be read. */
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
