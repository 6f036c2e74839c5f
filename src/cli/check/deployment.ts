import type { KubeClient } from '../../kube/index.ts';
import type { KubeObject } from '../../object/index.ts';
import { compareText } from '../../text/index.ts';
import { type CommandScope, listAll } from '../cluster/index.ts';
import { type Seen, seen, seenValue } from './item.ts';
import { DEPLOYMENTS } from './resources.ts';

/** A Deployment, as far as this command reads it. */
export interface Deployment {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** RFC 3339 time in UTC, as the API server writes it. */
  readonly created: string;
  readonly replicas: number;
  readonly ready: number;
  readonly serviceAccount: string;
  /** Of the first container. */
  readonly image: string;
  /** Of the first container. */
  readonly args: readonly string[];
}

/** Where to look for a Deployment. */
export interface DeploymentSearch {
  readonly labelSelector: string;
  readonly scope: CommandScope;
  /** The namespaces to look in if the user may not list the scope. */
  readonly otherwise: readonly string[];
}

/** The Deployments with these labels, the oldest first, because a later one cannot be created with an earlier time. */
export async function readDeployments(
  client: KubeClient,
  { labelSelector, scope, otherwise }: DeploymentSearch,
): Promise<Seen<readonly Deployment[]>> {
  const list = (part: CommandScope) =>
    seen(listAll(client, DEPLOYMENTS, { scope: part, labelSelector }, deploymentOf));
  const all = await list(scope);
  if (all.result === 'Seen') return { result: 'Seen', value: all.value.toSorted(byAge) };
  const parts = await Promise.all(otherwise.map((name) => list({ kind: 'Namespaces', names: [name] })));
  const found = parts.flatMap((part) => seenValue(part) ?? []);
  // An empty list says nothing about the other namespaces.
  return found.length > 0 ? { result: 'Seen', value: found.toSorted(byAge) } : all;
}

function byAge(a: Deployment, b: Deployment): number {
  return compareText(a.created, b.created);
}

function deploymentOf(object: KubeObject): Deployment {
  // The API server has checked the shape.
  const { metadata, spec, status } = object as KubeObject & {
    readonly spec: {
      readonly replicas?: number;
      readonly template: {
        readonly spec: {
          readonly serviceAccountName?: string;
          readonly containers: readonly { readonly image?: string; readonly args?: readonly string[] }[];
        };
      };
    };
    readonly status?: { readonly readyReplicas?: number };
  };
  const pod = spec.template.spec;
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    labels: metadata.labels ?? {},
    created: metadata.creationTimestamp ?? '',
    replicas: spec.replicas ?? 1,
    ready: status?.readyReplicas ?? 0,
    serviceAccount: pod.serviceAccountName ?? 'default',
    image: pod.containers[0]?.image ?? '',
    args: pod.containers[0]?.args ?? [],
  };
}

/** `2 of 2 pods are ready`. */
export function readiness({ ready, replicas }: Deployment): string {
  return `${ready} of ${replicas} pods ${replicas === 1 ? 'is' : 'are'} ready`.replace(
    'of 1 pods',
    'of 1 pod',
  );
}

/** The tag of an image; undefined: it has none. */
export function tagOf(image: string): string | undefined {
  const [name = ''] = image.split('@', 1);
  return /:([^/:]+)$/.exec(name)?.[1];
}
