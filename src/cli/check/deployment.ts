import type { KubeClient } from '../../kube/index.ts';
import type { KubeObject } from '../../object/index.ts';
import { listAll } from '../cluster/index.ts';
import { type Seen, seen } from './item.ts';
import { DEPLOYMENTS } from './resources.ts';

/** A Deployment, as far as this command reads it. */
export interface Deployment {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly replicas: number;
  readonly ready: number;
  readonly serviceAccount: string;
  /** Of the first container. */
  readonly image: string;
  /** Of the first container. */
  readonly args: readonly string[];
}

/** The Deployments with these labels in the whole cluster or, if the user may not list those, in these namespaces. */
export async function readDeployments(
  client: KubeClient,
  labelSelector: string,
  namespaces: readonly string[],
): Promise<Seen<readonly Deployment[]>> {
  const all = await seen(
    listAll(client, DEPLOYMENTS, { scope: { kind: 'All' }, labelSelector }, (each) => deploymentOf(each)),
  );
  if (all.result !== 'Hidden') return all;
  const found: Deployment[] = [];
  for (const namespace of namespaces) {
    const scope = { kind: 'Namespaces', names: [namespace] } as const;
    const some = await seen(
      listAll(client, DEPLOYMENTS, { scope, labelSelector }, (each) => deploymentOf(each)),
    );
    if (some.result === 'Seen') found.push(...some.value);
  }
  // An empty list says nothing about the other namespaces.
  return found.length > 0 ? { result: 'Seen', value: found } : all;
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
