/** The pod that secureCodeBox's operator (v5.8.0) composes for a Scan, with the parts that the stand-in runs. No I/O. */
import { basename } from 'node:path/posix';
import type { Container, EnvVar, Scan, ScanType, Volume } from '../objects.ts';

const RESULTS = { volume: 'scan-results', mountPath: '/home/securecodebox/' };
const DNS_LABEL = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

export interface Pod {
  readonly initContainers: readonly Container[];
  /** The scanner; `command` is the whole command line. */
  readonly scanner: Container & { readonly command: readonly string[]; readonly env: readonly EnvVar[] };
  readonly volumes: readonly Volume[];
  /** The result file of the scanner: a path in its container. */
  readonly resultFile: string;
  readonly resultType: string;
}

/** `Rejected`: the API server would refuse the Job, so the Scan stays in Init. */
export type Composed =
  | { readonly result: 'Pod'; readonly pod: Pod }
  | { readonly result: 'Rejected'; readonly message: string };

/**
 * The ScanType's pod with the Scan's entries appended: parameters to the command (the ScanType's `args` are dropped), and
 * env, volumes, mounts and init containers to those of the ScanType. The ScanType's volumes are used only if its container
 * has mounts. The sidecar that collects results is left out, and so are resources, affinity, tolerations and accounts.
 */
export function composePod(scanType: ScanType, scan: Scan): Composed {
  const { jobTemplate, extractResults } = scanType.spec;
  const { spec } = jobTemplate.spec.template;
  const [container] = spec.containers;
  if (container === undefined) return { result: 'Rejected', message: 'the ScanType has no container' };
  const volumes = isEmpty(container.volumeMounts) ? [] : spec.volumes;
  const pod: Pod = {
    initContainers: joined(spec.initContainers, [], scan.spec.initContainers),
    scanner: scannerOf(container, scan),
    volumes: joined(volumes, [{ name: RESULTS.volume, emptyDir: {} }], scan.spec.volumes),
    resultFile: extractResults?.location ?? '',
    resultType: extractResults?.type ?? '',
  };
  const fault = faultOf(pod);
  return fault === undefined ? { result: 'Pod', pod } : { result: 'Rejected', message: fault };
}

function scannerOf({ args: _, ...container }: Container, { spec }: Scan): Pod['scanner'] {
  const results = { name: RESULTS.volume, mountPath: RESULTS.mountPath };
  return {
    ...container,
    command: joined(container.command, spec.parameters),
    env: joined(container.env, spec.env),
    volumeMounts: joined(container.volumeMounts, [results], spec.volumeMounts),
  };
}

function joined<Item>(...lists: readonly (readonly Item[] | undefined)[]): readonly Item[] {
  return lists.flatMap((list) => list ?? []);
}

function isEmpty(list: readonly unknown[] | undefined): boolean {
  return list === undefined || list.length === 0;
}

/** The name under which secureCodeBox stores a pod's results. */
export function resultName(pod: Pod): string {
  return basename(pod.resultFile);
}

/**
 * Why the API server would refuse the volumes and mounts of a Job's pod; undefined: they are valid.
 *
 * @see https://github.com/kubernetes/kubernetes/blob/v1.34.0/pkg/apis/core/validation/validation.go
 */
function faultOf(pod: Pod): string | undefined {
  const volumes = pod.volumes.map(({ name }) => name);
  const containers = [...pod.initContainers, pod.scanner];
  const badName = volumes.find((name) => !DNS_LABEL.test(name));
  if (badName !== undefined) return `volume name "${badName}": must be a DNS label`;
  return (
    duplicate('volume name', volumes) ??
    duplicate('container name', [...containers.map(({ name }) => name), 'lurker']) ??
    containers.map((container) => mountFault(container, volumes)).find((fault) => fault !== undefined)
  );
}

function mountFault({ name, volumeMounts = [] }: Container, volumes: readonly string[]): string | undefined {
  const dangling = volumeMounts.find((mount) => !volumes.includes(mount.name));
  if (dangling !== undefined) return `container ${name}: mount of volume "${dangling.name}": not found`;
  const paths = volumeMounts.map(({ mountPath }) => mountPath);
  return duplicate(`container ${name}: mountPath`, paths);
}

function duplicate(what: string, values: readonly string[]): string | undefined {
  const twice = values.find((value, index) => values.indexOf(value) !== index);
  return twice === undefined ? undefined : `${what} "${twice}": must be unique`;
}
