import type { KubeClient } from '../../../src/kube/client/client.ts';
import type { KubeObject } from '../../../src/object/object.ts';
import { PODS } from '../../../src/state/pod-stores.ts';

export { PODS };

/** A pod as tests describe it. */
export interface PodShape {
  readonly namespace: string;
  readonly name: string;
  /** The Deployment of the pod; `undefined`: it has no owner. */
  readonly deployment?: string;
  /** Distinguishes the pods of one template from those of the next. */
  readonly hash?: string;
  readonly image: string;
  readonly secrets?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Creates a pod. It stays Pending, because there is no node. */
export async function createPod(client: KubeClient, shape: PodShape): Promise<KubeObject> {
  const {
    namespace,
    name,
    deployment,
    hash = 'abc',
    image,
    secrets = [],
    annotations = {},
    labels = {},
  } = shape;
  const owner = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    name: `${deployment}-${hash}`,
    uid: 'none',
    controller: true,
  };
  return client.create(PODS, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace,
      name,
      annotations,
      labels: { ...labels, ...(deployment === undefined ? {} : { 'pod-template-hash': hash }) },
      ...(deployment === undefined ? {} : { ownerReferences: [owner] }),
    },
    spec: {
      containers: [{ name: 'app', image }],
      imagePullSecrets: secrets.map((secret) => ({ name: secret })),
    },
  } as KubeObject);
}

/** Deletes exactly this version of a pod. Without a node, that takes effect at once. */
export async function deletePod(client: KubeClient, { metadata }: KubeObject): Promise<void> {
  const { namespace = '', name, uid = '', resourceVersion = '' } = metadata;
  await client.delete(PODS, { namespace, name, uid, resourceVersion });
}
