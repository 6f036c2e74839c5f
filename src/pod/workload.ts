import { DNS_SUBDOMAIN, type KubeObject } from '../object/index.ts';

/** What a pod belongs to, as its metadata tell it; no other object is read. */
export interface Workload {
  /** `Deployment/web`; a pod that nothing owns counts as `Pod`, whatever its name. */
  readonly name: string;
  /**
   * Whether all of its pods are made from one template, so that two pods of different images are two versions of it. The
   * pods of an Argo Workflow, say, are not.
   */
  readonly templated: boolean;
}

const UNOWNED: Workload = { name: 'Pod', templated: false };

/** Owners of pods whose pods all come from one template that the owner holds. */
const TEMPLATED = new Set(['ReplicaSet', 'StatefulSet', 'DaemonSet', 'ReplicationController', 'Job']);

/** By whom the ReplicaSets are owned that set this label on their pods. */
const TEMPLATE_HASHES = [
  { label: 'pod-template-hash', kind: 'Deployment' },
  // https://argo-rollouts.readthedocs.io
  { label: 'rollouts-pod-template-hash', kind: 'Rollout' },
];

/** Matches a kind. The API server accepts any text of any length as the kind and name of an owner. */
const KIND = /^[A-Za-z][-A-Za-z0-9]{0,62}$/;

/** A CronJob names its Jobs by the minute for which they were planned, counted from the epoch. */
const JOB_OF_CRON_JOB = /^(?<cronJob>.+)-\d{8}$/;

/** The workload of a pod: of its owners the controller, followed by names to what a person wrote. */
export function workloadOf({ metadata }: KubeObject): Workload {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  // A mirror pod stands for a file on its node, and has nothing in common with the node's others.
  if (owner === undefined || owner.kind === 'Node') return UNOWNED;
  const { kind, name } = owner;
  if (!KIND.test(kind) || !DNS_SUBDOMAIN.test(name)) return UNOWNED;
  const written =
    (kind === 'ReplicaSet' && ownerOfReplicaSet(name, metadata.labels ?? {})) ||
    (kind === 'Job' && ownerOfJob(name)) ||
    `${kind}/${name}`;
  return { name: written, templated: TEMPLATED.has(kind) };
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
