/** The pod that secureCodeBox's operator (v5.8.0) composes for a Scan, as far as the stand-in runs it. No I/O. */
import { basename } from 'node:path/posix';
import type { Container, EnvVar, Scan, ScanType, Volume } from '../objects.ts';

const RESULTS = { volume: 'scan-results', mountPath: '/home/securecodebox/' };
const DNS_LABEL = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

export interface Pod {
  readonly initContainers: readonly Container[];
  /** The scanner; `command` is the whole command line. */
  readonly scanner: Container & { readonly command: readonly string[]; readonly env: readonly EnvVar[] };
  readonly volumes: readonly Volume[];
  /** Where the scanner writes what it found: a path in its container. */
  readonly resultFile: string;
  readonly resultType: string;
}

/** `Rejected`: the API server would not take the Job, so the Scan stays in Init. */
export type Composed =
  | { readonly result: 'Pod'; readonly pod: Pod }
  | { readonly result: 'Rejected'; readonly message: string };

/**
 * The ScanType's pod with what the Scan brings appended: the parameters to the command (the ScanType's `args` are
 * dropped), env, volumes, mounts and init containers to its own. The ScanType's volumes count only where its container
 * has mounts. The sidecar that collects results is left out, as are resources, affinity, tolerations and accounts.
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

/** The name under which secureCodeBox keeps a pod's results. */
export function resultName(pod: Pod): string {
  return basename(pod.resultFile);
}

/**
 * What the API server's validation has against the volumes and mounts of a Job's pod; undefined: nothing.
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
  const lost = volumeMounts.find((mount) => !volumes.includes(mount.name));
  if (lost !== undefined) return `container ${name}: mount of volume "${lost.name}": not found`;
  const paths = volumeMounts.map(({ mountPath }) => mountPath);
  return duplicate(`container ${name}: mountPath`, paths);
}

function duplicate(what: string, values: readonly string[]): string | undefined {
  const twice = values.find((value, index) => values.indexOf(value) !== index);
  return twice === undefined ? undefined : `${what} "${twice}": must be unique`;
}
