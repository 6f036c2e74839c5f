import { CONDITION_TYPES, conditionOf } from '../../src/api/index.ts';
import type { ClusterConfig } from '../../src/cli/index.ts';
import { KubeError, Transport } from '../../src/kube/index.ts';
import { type KubeObject, SECRETS } from '../../src/object/index.ts';
import { compareText } from '../../src/text/index.ts';
import { listBindings } from './bindings.ts';
import type { Journal } from './journal.ts';
import { readLog } from './pod-log.ts';
import { describeScan, listScans } from './scans.ts';
import { hideValues, type Secret } from './secrets.ts';
import { describePod } from './workload.ts';
import { EVENTS, JOBS, PODS, type Workspace } from './workspace.ts';

const MAX_BINDINGS = 5;
const MAX_EVENTS = 20;
const MAX_PODS = 2;

/**
 * Prints what helps to find the cause of a failed step: the conditions of the bindings, the latest Events, and the newest
 * Scan with the state and the logs of its pods. Prints no value of a Secret of the namespace.
 */
export async function diagnose(workspace: Workspace, config: ClusterConfig, journal: Journal): Promise<void> {
  // The controller has created Secrets with other values, such as logins from a cloud.
  const secrets = (await workspace.list(SECRETS)) as readonly Secret[];
  for (const secret of secrets) hideValues(secret, workspace.redaction);
  for (const part of [bindingLines, eventLines]) journal.note((await part(workspace)).join('\n'));
  const transport = new Transport(config);
  try {
    journal.note((await scanLines(workspace, transport)).join('\n'));
  } finally {
    await transport.close();
  }
}

async function bindingLines(workspace: Workspace): Promise<readonly string[]> {
  const bindings = await listBindings(workspace);
  if (bindings.length === 0) return ['There is no ImageCredentialBinding.'];
  return bindings
    .slice(0, MAX_BINDINGS)
    .flatMap(({ metadata, spec, status }) => [
      `ImageCredentialBinding ${metadata.name} of ${spec.image}:`,
      ...CONDITION_TYPES.flatMap((type) => conditionOf(status, type) ?? []).map(
        (condition) => `  ${condition.type} ${condition.status} ${condition.reason}: ${condition.message}`,
      ),
    ]);
}

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/, in the form of the core group. */
interface Event extends KubeObject {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly involvedObject?: { readonly kind?: string; readonly name?: string };
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
}

async function eventLines(workspace: Workspace): Promise<readonly string[]> {
  const events = (await workspace.list(EVENTS)) as readonly Event[];
  if (events.length === 0) return ['There are no Events.'];
  const latest = events.toSorted((a, b) => compareText(timeOf(a), timeOf(b))).slice(-MAX_EVENTS);
  return [
    `The latest ${latest.length} of ${events.length} Events:`,
    ...latest.map(({ type, reason, message, involvedObject }) => {
      return `  ${type} ${reason} ${involvedObject?.kind}/${involvedObject?.name}: ${message}`;
    }),
  ];
}

function timeOf({ lastTimestamp, eventTime, metadata }: Event): string {
  return lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? '';
}

async function scanLines(workspace: Workspace, transport: Transport): Promise<readonly string[]> {
  const [scan] = await listScans(workspace);
  if (scan === undefined) return ['There is no Scan.'];
  const pods = await podsOf(workspace, scan);
  const logs = await Promise.all(pods.slice(0, MAX_PODS).map((pod) => podLines(workspace, transport, pod)));
  const none = pods.length === 0 ? ['  Its Job has no pod.'] : [];
  return [`The newest Scan: ${describeScan(scan)}`, ...none, ...logs.flat()];
}

/** The pods of the Jobs of a Scan, the latest first: of Trivy, and of the parser. */
async function podsOf(workspace: Workspace, scan: KubeObject): Promise<readonly KubeObject[]> {
  const jobs = (await workspace.list(JOBS)).filter((job) => isOwnedBy(job, [scan]));
  return (await workspace.list(PODS))
    .filter((pod) => isOwnedBy(pod, jobs))
    .toSorted((a, b) => compareText(b.metadata.creationTimestamp ?? '', a.metadata.creationTimestamp ?? ''));
}

function isOwnedBy({ metadata }: KubeObject, owners: readonly KubeObject[]): boolean {
  return owners.some((owner) => metadata.ownerReferences?.some(({ uid }) => uid === owner.metadata.uid));
}

async function podLines(
  workspace: Workspace,
  transport: Transport,
  pod: KubeObject,
): Promise<readonly string[]> {
  // The API server has checked the shape.
  const { spec } = pod as KubeObject & { readonly spec: PodSpec };
  const lines = [`  ${describePod(pod)}`];
  for (const { name } of [...(spec.initContainers ?? []), ...spec.containers]) {
    lines.push(`  The log of its container ${name} ends with:`);
    const log = await readLog(transport, { ...workspace, name: pod.metadata.name, container: name });
    lines.push(...log.map((line) => `    ${line}`));
  }
  return lines;
}

interface PodSpec {
  readonly initContainers?: readonly { readonly name: string }[];
  readonly containers: readonly { readonly name: string }[];
}

/** What was found instead of the expected state, for an error that is no expectation. */
export function messageOf(error: unknown): string {
  if (error instanceof KubeError) return `an answer of the API server: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
