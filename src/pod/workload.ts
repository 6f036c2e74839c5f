import { DNS_SUBDOMAIN, type KubeObject } from '../object/index.ts';

/** What a pod belongs to, according only to its metadata. */
export interface Workload {
  /** For example `Deployment/web`; `Pod` for every pod without an owner. */
  readonly name: string;
  /**
   * Whether all its pods come from one template, so that pods with different images are different versions. False, for
   * example, for the pods of an Argo Workflow.
   */
  readonly templated: boolean;
}

const UNOWNED: Workload = { name: 'Pod', templated: false };

/** Kinds of owners that create all their pods from one template. */
const TEMPLATED = new Set(['ReplicaSet', 'StatefulSet', 'DaemonSet', 'ReplicationController', 'Job']);

/** ReplicaSets with an owner of this kind set this label on their pods. */
const TEMPLATE_HASHES = [
  { label: 'pod-template-hash', kind: 'Deployment' },
  // https://argo-rollouts.readthedocs.io
  { label: 'rollouts-pod-template-hash', kind: 'Rollout' },
];

/** The API server accepts any text of any length as the kind of an owner. */
const KIND = /^[A-Za-z][-A-Za-z0-9]{0,62}$/;

/** A CronJob names its Jobs after their scheduled time, in minutes since the epoch. */
const JOB_OF_CRON_JOB = /^(?<cronJob>.+)-\d{8}$/;

/** The workload of a pod: its controlling owner, or the owner of that owner if names and labels reveal it. */
export function workloadOf({ metadata }: KubeObject): Workload {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  // A mirror pod represents a file on its node, and is unrelated to the node's other mirror pods.
  if (owner === undefined || owner.kind === 'Node') return UNOWNED;
  const { kind, name } = owner;
  if (!KIND.test(kind) || !DNS_SUBDOMAIN.test(name)) return UNOWNED;
  const topmost =
    (kind === 'ReplicaSet' && ownerOfReplicaSet(name, metadata.labels ?? {})) ||
    (kind === 'Job' && ownerOfJob(name)) ||
    `${kind}/${name}`;
  return { name: topmost, templated: TEMPLATED.has(kind) };
}

function ownerOfReplicaSet(name: string, labels: Readonly<Record<string, string>>): string | undefined {
  for (const { label, kind } of TEMPLATE_HASHES) {
    const suffix = `-${labels[label]}`;
    if (label in labels && name.endsWith(suffix)) return `${kind}/${name.slice(0, -suffix.length)}`;
  }
  return undefined;
}

function ownerOfJob(name: string): string | undefined {
  const cronJob = JOB_OF_CRON_JOB.exec(name)?.groups?.['cronJob'];
  return cronJob === undefined ? undefined : `CronJob/${cronJob}`;
}
