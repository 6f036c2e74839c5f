/** Runs the pod of a Scan on the node, as a Job like that of secureCodeBox's operator. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { composePod } from '../../hack/testenv/securecodebox/kubelet/pod.ts';
import type { ScanSpec, ScanType } from '../../hack/testenv/securecodebox/objects.ts';
import type { KubeObject, Resource } from '../../src/object/object.ts';
import { PODS } from '../support/cluster/pods.ts';
import { type NodeCluster, WORKLOAD_IMAGE } from '../support/node.ts';
import { until } from '../support/until.ts';

const JOBS: Resource = { group: 'batch', version: 'v1', plural: 'jobs', kind: 'Job' };

const RESULTS = '/home/securecodebox';
const RESULT_FILE = 'trivy-results.json';
/** The file that makes the sidecar exit. */
const COLLECTED = 'collected';
const SECONDS = 120;

/** A pod as the kubelet reports it. */
export interface Pod extends KubeObject {
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

interface ContainerStatus {
  readonly name: string;
  readonly imageID?: string;
  readonly containerID?: string;
  readonly restartCount?: number;
  readonly state?: {
    readonly running?: object;
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly terminated?: { readonly exitCode: number; readonly reason?: string; readonly message?: string };
  };
}

/** The outcome of a scanner, and its result file. */
export interface ScannerRun {
  readonly exitCode: number;
  /** Its output. */
  readonly log: string;
  /** The parsed result file; undefined: there is none. */
  readonly results: unknown;
}

/** A Scan, its ScanType, and the image of the scanner. */
export interface ScannerJob {
  readonly namespace: string;
  readonly name: string;
  readonly scanType: ScanType;
  readonly spec: ScanSpec;
  readonly image: string;
}

/**
 * Creates the Job, waits until the scanner has ended, and deletes the Job. A sidecar keeps the pod until the result has been
 * read, as secureCodeBox's does: the kubelet empties the volumes of a pod that has ended.
 */
export async function runScanner({ cluster, node }: NodeCluster, job: ScannerJob): Promise<ScannerRun> {
  const { namespace, name } = job;
  await cluster.client.create(JOBS, jobOf(job));
  const pod = await until(
    async () => {
      const labelSelector = `job-name=${name}`;
      const { items } = await cluster.client.list(PODS, { namespace, labelSelector });
      const found = items[0] as Pod | undefined;
      return exitOf(found) === undefined ? false : found;
    },
    `the scanner of ${name} to end`,
    SECONDS,
  );
  const { uid = '' } = pod.metadata;
  const folder = node.emptyDir(uid, 'scan-results');
  const results = await parsed(join(folder, RESULT_FILE));
  const container = job.scanType.spec.jobTemplate.spec.template.spec.containers[0]?.name ?? '';
  const file = join(node.logs, `${namespace}_${pod.metadata.name}_${uid}`, container, '0.log');
  const log = await readFile(file, 'utf8');
  await writeFile(join(folder, COLLECTED), '');
  await until(() => isComplete({ cluster, namespace, name }), `the Job ${name} to be complete`, SECONDS);
  await cluster.controlPlane.kubectl(['delete', 'job', name, '--namespace', namespace, '--wait=false']);
  return { exitCode: exitOf(pod) ?? -1, log, results };
}

async function isComplete(place: {
  readonly cluster: NodeCluster['cluster'];
  readonly namespace: string;
  readonly name: string;
}): Promise<boolean> {
  const job = (await place.cluster.client.get(JOBS, place)) as KubeObject & {
    readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
  };
  const ended = job.status?.conditions?.filter(({ status }) => status === 'True').map(({ type }) => type);
  return ended?.some((type) => type === 'Complete' || type === 'Failed') ?? false;
}

/** Exit code of the first container; undefined: it runs. */
function exitOf(pod: Pod | undefined): number | undefined {
  const scanner = pod?.status?.containerStatuses?.find(({ name }) => name !== 'lurker');
  return scanner?.state?.terminated?.exitCode;
}

function jobOf({ namespace, name, scanType, spec, image }: ScannerJob): KubeObject {
  const scan = { apiVersion: 'execution.securecodebox.io/v1', kind: 'Scan', metadata: { name }, spec };
  const composed = composePod(scanType, scan);
  if (composed.result === 'Rejected') throw new Error(composed.message);
  const { scanner, initContainers, volumes } = composed.pod;
  const lurker = {
    name: 'lurker',
    image: WORKLOAD_IMAGE,
    args: ['wait', `${RESULTS}/${COLLECTED}`],
    volumeMounts: [{ name: 'scan-results', mountPath: RESULTS }],
  };
  const template = {
    spec: {
      restartPolicy: 'Never',
      initContainers,
      containers: [{ ...scanner, image }, lurker],
      volumes,
    },
  };
  const object: KubeObject & Readonly<Record<string, unknown>> = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace },
    spec: { backoffLimit: 0, template },
  };
  return object;
}

async function parsed(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch {
    return undefined;
  }
}
